"""`mgit serve` as an operator meets it: a real process, its signals, its pages, its log."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mgit.telemetry import verify_audit
from sandbox.forge import SandboxForge
from tests.story.conftest import CANARY, Laptop
from tests.story.serving import PATIENCE, started
from tests.story.serving import Service as Spoken


@dataclass
class Service(Spoken):
    """A running `mgit serve`, asked at the address of its health."""

    def ask(self, path: str) -> tuple[int, str]:
        host, _, port = self.listen.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    @property
    def listen(self) -> str:
        return str(next(one["listen"] for one in self.said if one["event"] == "service.started"))

    def metrics(self) -> dict[tuple[str, ...], float]:
        text = self.ask("/metrics")[1]
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


Start = Callable[..., Service]


@pytest.fixture
def start(work: Laptop) -> Iterator[Start]:
    """Starts services on a laptop that is signed in; what still runs at the end is killed."""
    running: list[Service] = []
    temporary = work.home / "tmp"  # so that the search for the canary covers it
    temporary.mkdir()

    def begin(*arguments: str, **variables: str) -> Service:
        settings = {
            "MGIT_LISTEN": "127.0.0.1:0",
            "MGIT_LOG_FORMAT": "json",
            "MGIT_INTERVAL": "1h",
            "TMPDIR": str(temporary),
            **variables,
        }
        process = started(work, arguments, settings)
        running.append(Service(process))
        return running[-1]

    yield begin
    for service in running:
        service.kill()


def state_folder(laptop: Laptop) -> Path:
    return laptop.home / ".local" / "state" / "mgit"


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def test_it_mirrors_answers_and_ends(start: Start, work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 4)
    service = start()
    service.wait_for("service.started")
    ended = service.wait_for("run.ended")
    assert ended["exit_code"] == 0
    assert {folder.name for folder in (work.root / "acme").iterdir()} == {
        f"repo-{number:03}" for number in range(1, 5)
    }
    assert service.ask("/livez") == (200, "live\n")
    assert service.ask("/readyz") == (200, "ready\n")
    assert service.ask("/")[0] == 404
    metrics = service.metrics()
    assert metrics["mgit_syncs_total", "cloned", "", "work"] == 4
    assert metrics["mgit_repos", "current"] == 4
    assert metrics["mgit_source_up", "work"] == 1
    assert metrics["mgit_runs_total", "0"] == 1
    assert metrics["mgit_storage_free_bytes",] > 0
    assert service.end() == 0
    assert service.said[-1]["event"] == "service.stopped"


def test_it_goes_on_by_itself(start: Start, work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 2)
    service = start(MGIT_INTERVAL="1s")
    first = service.wait_for("run.ended")
    commit = forge.push("acme", "repo-001")
    service.wait_for("repo.fast-forwarded", repo="acme/repo-001")
    second = service.wait_for("run.ended")
    assert work.git("acme/repo-001", "rev-parse", "HEAD") == commit
    assert first["run_id"] != second["run_id"]
    assert service.end() == 0


def test_each_source_has_its_turn_also_after_a_restart(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    """`work` every second, `slow` every hour, and `down`, whose forge nobody reaches."""
    forge.add_owner("other")
    forge.add_repo("acme", "one")
    forge.add_repo("other", "two")
    told = ("--forge", "github", "--url", forge.api_url, "--owner", "other", "--stdin")
    assert work.mgit("login", "slow", *told, stdin=f"{CANARY}\n").code == 0
    before = work.config_file.read_text()
    slow = before.replace("[sources.slow]", '[sources.slow]\ninterval = "1h"')
    down = '\n[sources.down]\nforge = "gitea"\nurl = "http://127.0.0.1:1"\ninterval = "1h"\n'
    work.config_file.write_text(slow + down)

    service = start(MGIT_INTERVAL="1s")
    assert service.wait_for("run.started")["sources"] == "work, slow, down"
    assert service.wait_for("run.ended")["exit_code"] == 4
    # The one that is down has its own patience; those that rest are neither asked nor forgotten.
    assert service.wait_for("run.started")["sources"] == "work"
    assert service.wait_for("run.ended")["exit_code"] == 0
    metrics = service.metrics()
    assert metrics["mgit_repos", "current"] == 2
    assert metrics["mgit_source_up", "down"] == 0
    assert service.end() == 0

    service = start(MGIT_INTERVAL="1s")
    assert service.wait_for("run.started")["sources"] == "work"
    assert service.end() == 0

    # What somebody changed is not what was waited for.
    work.config_file.write_text(before)
    service = start()
    assert "slow" in str(service.wait_for("run.started")["sources"])
    assert service.end() == 0


def test_every_line_of_a_run_carries_its_id(start: Start, forge: SandboxForge) -> None:
    forge.add_repos("acme", 2)
    service = start("--once", MGIT_LOG_LEVEL="debug")
    run_id = service.wait_for("run.ended")["run_id"]
    assert service.process.wait(PATIENCE) == 0
    ours = [
        one for one in service.said if str(one["event"]).startswith(("run.", "repo.", "source."))
    ]
    assert len(ours) >= 5
    assert {one["run_id"] for one in ours} == {run_id}
    assert {one["repo"] for one in ours if one["event"] == "repo.cloned"} == {
        "acme/repo-001",
        "acme/repo-002",
    }


@pytest.mark.fault("two services on one root")
def test_a_second_service_on_the_same_root_names_the_first(start: Start) -> None:
    first = start()
    first.wait_for("service.started")
    second = start()
    assert second.ended() == 1
    said = "".join(second.raw)
    assert f"pid {first.process.pid}" in said
    assert "Traceback" not in said
    assert first.ask("/livez")[0] == 200


def test_a_service_and_a_command_do_not_work_on_one_root_at_once(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "tool")
    service = start()
    service.wait_for("run.ended")
    assert work.mgit("list").code == 0
    assert work.mgit("sync").code == 0  # nothing to do needs no lock
    forge.add_repo("acme", "new")
    ran = work.mgit("sync")
    assert ran.code == 1
    assert f"pid {service.process.pid}" in ran.err


@pytest.mark.fault("told to stop with gits at work")
def test_sigterm_in_the_middle_of_a_clone_leaves_nothing_half_made(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 3)
    with forge.hold("*/git-upload-pack") as held:
        service = start()
        service.wait_for("source.listed")
        assert held.arrived.wait(PATIENCE)
        assert children_of(service.process.pid)
        code = service.end()
    assert code == 0
    assert service.said[-1]["event"] == "service.stopped"
    assert [one["message"] for one in service.said if one["event"] == "run.ended"] == [
        "run was interrupted with code 0"
    ]
    assert not (work.root / "acme").exists()
    incoming = work.root / ".mgit" / "incoming"
    assert not incoming.exists() or not list(incoming.iterdir())
    again = start("--once")
    assert again.process.wait(PATIENCE) == 0
    assert len(list((work.root / "acme").iterdir())) == 3


def test_sigterm_while_a_forge_does_not_answer(start: Start, forge: SandboxForge) -> None:
    with forge.hold("/api/*") as held:
        service = start()
        service.wait_for("service.started")
        assert held.arrived.wait(PATIENCE)
        assert service.ask("/livez")[0] == 200
        assert service.end() == 0
    assert {one["level"] for one in service.said} == {"info"}


_STUBBORN_GIT = """\
#!/bin/sh
trap '' TERM
echo "$$" > '{log}'
while :; do sleep 1; done
"""


@pytest.mark.fault("two services on one root")
def test_a_second_service_does_not_wait_for_the_first(start: Start, work: Laptop) -> None:
    """Refused within a second: it sleeps nowhere, and needs less than that of the processor.

    Counted in its own processor time, so that a busy machine does not matter.
    """
    start().wait_for("service.started")
    second = subprocess.Popen(
        [sys.executable, "-m", "mgit", "serve", "--listen", "127.0.0.1:0"],
        env=work.environment,
        cwd=work.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(second.pid, 0)
    second.returncode = os.waitstatus_to_exitcode(status)
    assert second.returncode == 1
    assert used.ru_utime + used.ru_stime < 1.0


@pytest.mark.fault("told to stop with gits at work")
@pytest.mark.slow
def test_a_git_that_ignores_sigterm_is_killed(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "tool")
    pid_file = work.home / "stubborn"
    git = work.home / "bin" / "git"
    git.write_text(_STUBBORN_GIT.format(log=pid_file))
    service = start(MGIT_LOG_LEVEL="debug")
    service.wait_for("run.planned")
    pause = threading.Event()
    while not (pid_file.exists() and pid_file.read_text().strip()):
        pause.wait(0.01)
    began = time.monotonic()
    assert service.end() == 0
    # 3 s to end well and 3 s until SIGKILL; the rest is for a busy machine.
    assert time.monotonic() - began < 10
    assert not (Path("/proc") / pid_file.read_text().strip()).exists()


@pytest.mark.fault("the service dies, its gits live on")
def test_after_kill_9_the_root_stays_locked_until_the_orphan_has_ended(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "tool")
    with forge.hold("*/git-upload-pack") as held:
        service = start()
        service.wait_for("source.listed")
        assert held.arrived.wait(PATIENCE)
        service.end(signal.SIGKILL)
        ran = work.mgit("sync")
        assert ran.code == 1
        assert "works on" in ran.err
        assert "Traceback" not in ran.err
    for _ in range(200):
        ran = work.mgit("sync", env={"TMPDIR": str(work.home / "tmp")})
        if "works on" not in ran.err:
            break
    assert ran.code == 0, ran.err
    assert not list((work.home / "tmp").iterdir())
    assert work.git("acme/tool", "status", "--porcelain") == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_other_ways_to_say_stop(start: Start, number: signal.Signals) -> None:
    service = start()
    service.wait_for("run.ended")
    assert service.end(number) == 0


def test_a_forge_that_is_gone_is_tried_again_and_the_service_stays_ready(
    start: Start, forge: SandboxForge
) -> None:
    forge.close()
    service = start()
    assert service.wait_for("run.ended")["exit_code"] == 4
    assert service.ask("/livez")[0] == 200
    assert service.ask("/readyz")[0] == 200
    metrics = service.metrics()
    assert metrics["mgit_source_up", "work"] == 0
    assert metrics["mgit_source_problems_total", "unreachable", "work"] == 1
    assert service.end() == 0


@pytest.mark.fault("a token that expired")
def test_a_refused_token_is_told_counted_and_audited(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.token = "another-token-entirely"
    service = start()
    assert service.wait_for("run.ended")["exit_code"] == 3
    assert service.metrics()["mgit_source_problems_total", "credential", "work"] == 1
    assert service.end() == 0
    audit = (state_folder(work) / "audit.jsonl").read_text()
    actions = [json.loads(line)["event"]["action"] for line in audit.splitlines()]
    assert "credential-refused" in actions


def test_once_returns_what_the_run_returned(start: Start, forge: SandboxForge) -> None:
    forge.token = "another-token-entirely"
    service = start("--once")
    assert service.process.wait(PATIENCE) == 3


def test_an_address_that_is_taken(start: Start, work: Laptop) -> None:
    first = start()
    first.wait_for("service.started")
    listen = first.listen
    second = start(MGIT_LISTEN=listen, MGIT_ROOT=str(work.home / "other"))
    assert second.ended() == 2
    assert f"cannot listen at {listen}" in "".join(second.raw)


def test_a_root_that_cannot_be_made(start: Start, work: Laptop) -> None:
    (work.home / "file").write_text("in the way")
    service = start(MGIT_ROOT=str(work.home / "file" / "root"))
    assert service.ended() == 2
    said = "".join(service.raw)
    assert "cannot be written" in said
    assert "Traceback" not in said


def test_a_state_file_that_is_rubbish_changes_nothing(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 2)
    state = state_folder(work) / "state.db"
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_bytes(b"rubbish" * 1000)
    service = start()
    service.wait_for("state.problem")
    assert service.wait_for("run.ended")["exit_code"] == 0
    assert service.ask("/readyz")[0] == 200
    assert service.end() == 0
    with sqlite3.connect(state) as connection:
        ((repos,),) = connection.execute("SELECT count(*) FROM repos").fetchall()
    connection.close()
    assert repos == 2


@pytest.mark.fault("a folder that cannot be written")
def test_without_any_place_for_state_it_mirrors_all_the_same_but_is_not_ready(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 2)
    (work.home / "file").write_text("in the way")
    service = start(MGIT_STATE_DIR=str(work.home / "file" / "state"))
    assert service.wait_for("run.ended")["exit_code"] == 0
    assert len(list((work.root / "acme").iterdir())) == 2
    assert service.ask("/livez")[0] == 200
    assert service.ask("/readyz") == (503, "state not loaded\n")
    assert service.end() == 0


def test_the_token_is_nowhere_but_in_its_store(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 2)
    service = start(MGIT_LOG_LEVEL="debug")
    service.wait_for("run.ended")
    pages = [service.ask(path)[1] for path in ("/livez", "/readyz", "/metrics")]
    process = Path("/proc") / str(service.process.pid)
    assert CANARY.encode() not in (process / "environ").read_bytes()
    assert CANARY.encode() not in (process / "cmdline").read_bytes()
    assert service.end() == 0
    assert CANARY not in "".join([*service.raw, *pages])
    store = work.home / ".local" / "share" / "mgit" / "credentials.json"
    holders = {
        file
        for folder in (work.home, work.git_log)
        for file in folder.rglob("*")
        if file.is_file() and CANARY.encode() in file.read_bytes()
    }
    assert holders == {store}


def test_the_audit_trail_holds_together(start: Start, work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 2)
    for _ in range(2):
        assert start("--once").process.wait(PATIENCE) == 0
    path = state_folder(work) / "audit.jsonl"
    assert verify_audit(path).problem == ""
    actions = [json.loads(line)["event"]["action"] for line in path.read_text().splitlines()]
    assert actions.count("run-started") == actions.count("run-ended") == 2
    assert actions.count("credential-used") == 2
    assert actions.count("repository-cloned") == 2
