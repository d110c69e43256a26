"""The parts of the rehearsal that can be tried without rehearsing a whole release."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.git import Git
from pipeline.journal import Event, Journal
from pipeline.project import load_endpoints
from pipeline.rehearsal import canaries
from pipeline.rehearsal.actors import Ci, facts_in, failed, was_killed
from pipeline.rehearsal.flaws import prepare_flaw
from pipeline.rehearsal.records import Ending, write_records
from pipeline.rehearsal.stage import Wishes, rehearse
from pipeline.rehearsal.story import Scene, State, Story, load_state
from pipeline.rehearsal.world import (
    TOKENS,
    Places,
    free_port,
    make_folders,
    open_world,
    ports_of,
    read,
)
from pipeline.report import Proof
from pipeline.result import StepResult, to_dict
from pipeline.shell import Call, Ran, Shell
from pipeline.step import Exit, Facts, PipelineError

ROOT = Path(__file__).resolve().parents[3]
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "t"), ("EMAIL", "t@example.invalid"))
}


@pytest.fixture
def shell() -> Shell:
    return Shell({**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull})


@pytest.fixture
def places(tmp_path: Path, shell: Shell) -> Places:
    """A small clone to rehearse."""
    source = tmp_path / "source"
    source.mkdir()
    git = Git(shell, source)
    git.run("init", "--quiet", "--initial-branch", "work")
    (source / ".gitignore").write_text("dist/\n")
    (source / "file").write_text("one\n")
    git.run("add", "-A")
    git.run("commit", "--quiet", "-m", "one")
    return Places(tmp_path / "rehearsal", source)


# --- the story: scenes are remembered ------------------------------------------------------


def story(tmp_path: Path, said: list[str]) -> Story:
    return Story(tmp_path / "state.json", State(commit="c" * 40), said.append)


def test_a_scene_that_is_over_is_not_played_again(tmp_path: Path) -> None:
    played: list[str] = []

    def play(name: str, *, ok: bool = True) -> list[Proof]:
        played.append(name)
        return [Proof(f"{name} holds", ok)]

    scenes = [
        Scene("first", lambda: play("first")),
        Scene("second", lambda: play("second"), again=True),
    ]
    story(tmp_path, []).play(scenes)
    again = Story(tmp_path / "state.json", load_state(tmp_path / "state.json", "c" * 40), print)
    again.play(scenes)
    assert played == ["first", "second", "second"]
    assert [proof.name for proof in again.state.proofs] == ["first holds", "second holds"]


def test_a_broken_promise_stops_the_story_and_is_kept(tmp_path: Path) -> None:
    said: list[str] = []
    tale = story(tmp_path, said)
    with pytest.raises(PipelineError) as broken:
        tale.play([Scene("first", lambda: [Proof("it holds", ok=False, detail="it does not")])])
    assert broken.value.exit_code is Exit.CONFLICT
    kept = load_state(tmp_path / "state.json", "c" * 40)
    assert [(each.name, each.state) for each in kept.scenes] == [("first", "failed")]
    assert any("NO" in line for line in said)
    tale = Story(tmp_path / "state.json", kept, said.append)
    tale.play([Scene("first", lambda: [Proof("it holds", ok=True)])])
    assert [(each.name, each.state) for each in tale.state.scenes] == [("first", "done")]
    assert [proof.ok for proof in tale.state.proofs] == [True]


def test_a_scene_that_fails_says_why(tmp_path: Path) -> None:
    def play() -> list[Proof]:
        raise PipelineError("no engine", exit_code=Exit.ENVIRONMENT)

    tale = story(tmp_path, [])
    with pytest.raises(PipelineError):
        tale.play([Scene("first", play)])
    assert tale.state.scenes[0].note == "no engine"


@pytest.mark.parametrize("text", ["", "{", '{"commit": "c", "unknown": 1}'])
def test_a_state_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(PipelineError) as refused:
        load_state(path, "c")
    assert refused.value.exit_code is Exit.USAGE
    assert "--resume" in refused.value.advice


def test_another_commit_is_another_rehearsal(tmp_path: Path) -> None:
    State(commit="a" * 40).save(tmp_path / "state.json")
    with pytest.raises(PipelineError) as refused:
        load_state(tmp_path / "state.json", "b" * 40)
    assert refused.value.exit_code is Exit.USAGE


# --- the world ------------------------------------------------------------------------------


def test_the_remote_has_the_commit_as_main_and_tokens_are_private(
    places: Places, shell: Shell
) -> None:
    make_folders(places, shell)
    head = Git(shell, places.source).resolve("HEAD")
    assert Git(shell, places.remote).resolve("refs/heads/main") == head
    assert Git(shell, places.clone).resolve("HEAD") == head
    assert places.secrets.stat().st_mode & 0o077 == 0
    for name in TOKENS:
        assert places.token(name).stat().st_mode & 0o077 == 0
    before = [read(places.token(name)) for name in TOKENS]
    make_folders(places, shell)
    assert [read(places.token(name)) for name in TOKENS] == before


def test_a_world_comes_back_at_its_old_ports(places: Places, shell: Shell) -> None:
    make_folders(places, shell)
    with open_world(places, {}) as world:
        ports = ports_of(world)
        endpoints = load_endpoints(places.endpoints)
        assert endpoints == world.endpoints
        assert endpoints.rehearsal
        assert len(world.forge.store.all("acme")) == 5
    with open_world(places, ports) as world:
        assert ports_of(world) == ports
        assert load_endpoints(places.endpoints) == endpoints
    text = places.endpoints.read_text()
    assert not any(read(places.token(name)) in text for name in TOKENS)


def test_a_taken_port_is_replaced() -> None:
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        assert free_port(taken) != taken


def test_a_flaw_has_a_remote_of_its_own(places: Places, shell: Shell) -> None:
    make_folders(places, shell)
    with open_world(places, {}) as world:
        flaw = prepare_flaw(places, "flaw", shell, world.endpoints)
        flaw.plant({"bad": b"bad\n"}, "Plant it")
        assert load_endpoints(flaw.file).git_remote == str(flaw.folder / "remote.git")
    head = Git(shell, places.remote).resolve("refs/heads/main")
    planted = Git(shell, flaw.folder / "remote.git")
    assert planted.resolve("refs/heads/main^") == head
    assert planted.text("refs/heads/main", "bad") == "bad\n"


# --- tokens: a planted one is found wherever it is -------------------------------------------


@pytest.fixture
def wanted() -> dict[str, tuple[bytes, ...]]:
    return canaries.needles({"forge": "canary-forge-0123456789abcdef"})


def test_a_token_is_found_in_files_layers_and_credentials(
    tmp_path: Path, wanted: dict[str, tuple[bytes, ...]]
) -> None:
    token = wanted["forge"][0]
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "token").write_bytes(token)
    (tmp_path / "clean").write_bytes(b"nothing here")
    (tmp_path / "log").write_bytes(b"x" * 3_000_000 + token + b"y")
    (tmp_path / "layer").write_bytes(gzip.compress(b"a" * 2_000_000 + token))
    (tmp_path / "header").write_bytes(b"Basic " + base64.b64encode(b"mona:" + token))
    files, hits = canaries.search_files(tmp_path, wanted, (tmp_path / "store",))
    assert files == 4
    assert sorted(hits) == ["forge in header", "forge in layer", "forge in log"]


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_token_inside_base64_is_found_at_any_alignment(before: bytes, after: bytes) -> None:
    wanted = canaries.needles({"forge": "canary-forge-0123456789abcdef"})
    text = base64.b64encode(before + wanted["forge"][0] + after)
    assert canaries.found_in(text, wanted) == ["forge"]


@given(st.integers(0, 1 << 20), st.integers(1, 3))
def test_a_token_across_the_edge_of_two_reads_is_found(offset: int, pieces: int) -> None:
    wanted = canaries.needles({"forge": "canary-forge-0123456789abcdef"})
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"mgit-edge-{os.getpid()}"
    lead = (1 << 20) * pieces - offset % 64
    try:
        path.write_bytes(b"z" * lead + wanted["forge"][0])
        assert canaries._in_file(path, wanted) == ["forge"]
    finally:
        path.unlink(missing_ok=True)


def test_a_token_in_git_is_found_though_no_file_has_it_any_more(
    places: Places, shell: Shell, wanted: dict[str, tuple[bytes, ...]]
) -> None:
    git = Git(shell, places.source)
    leak = places.source / "leak"
    leak.write_bytes(wanted["forge"][0])
    git.run("add", "leak")
    git.run("commit", "--quiet", "-m", "leak")
    git.run("rm", "--quiet", "leak")
    git.run("commit", "--quiet", "-m", "gone")
    objects, hits = canaries.search_git(shell, places.source, wanted)
    assert objects > 3
    assert hits == ["forge in source"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc")
def test_a_token_in_argv_or_environment_is_seen(wanted: dict[str, tuple[bytes, ...]]) -> None:
    token = wanted["forge"][0].decode()
    waits = "import sys; sys.stdout.write('up\\n'); sys.stdout.flush(); sys.stdin.read()"
    for argv, env in (
        ([sys.executable, "-c", waits, token], {}),
        ([sys.executable, "-c", waits], {"TOKEN": token}),
    ):
        watch = canaries.Watch(wanted)
        child = subprocess.Popen(
            argv, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with child:
            assert child.stdout is not None
            child.stdout.readline()
            watch.look()
            child.communicate()
        assert len(watch.seen) == 1
        assert token not in "".join(watch.seen)


# --- the actors and the report -------------------------------------------------------------


def test_how_a_command_ended_is_understood() -> None:
    def ended(code: int, said: str = "") -> Ran:
        return Ran(("x",), code, said, "", 0.0)

    assert was_killed(ended(-9))
    assert was_killed(ended(137))
    assert not was_killed(ended(1))
    error = failed("`invoke release`", ended(3, "a\nerror: no\n       do this\n"))
    assert error.exit_code is Exit.GATE
    assert "no" in error.message
    assert failed("x", ended(1)).exit_code is Exit.INCOMPLETE


def test_ci_runs_the_workflow_of_the_tagged_commit(places: Places, shell: Shell) -> None:
    """A small nox session in the place of the release; the workflow is the real one."""
    source = places.source
    (source / ".github" / "workflows").mkdir(parents=True)
    workflow = ROOT / ".github" / "workflows" / "release.yml"
    (source / ".github" / "workflows" / "release.yml").write_text(workflow.read_text())
    (source / "noxfile.py").write_text(
        "import os, nox\n\n"
        "@nox.session(python=False)\n"
        "def invoke(session):\n"
        "    if os.environ.get('MGIT_RELEASE_FAULT'):\n"
        "        os.kill(os.getpid(), 9)\n"
        "    with open('dist/said', 'a') as out:\n"
        "        out.write(' '.join(session.posargs) + '\\n')\n"
    )
    git = Git(shell, source)
    git.run("add", "-A")
    git.run("commit", "--quiet", "-m", "two")
    git.run("tag", "-a", "-m", "claims", "v0.1.0")
    make_folders(places, shell)
    places.endpoints.write_text("")
    said: list[str] = []
    calls: list[Call] = []
    ci = Ci(replace(shell, witness=calls.append), places, said.append)

    assert ci.push("v0.1.0", 1, fault="after:publish_index:upload").returncode != 0
    assert not (places.attempt(1) / "said").exists()
    ran = ci.push("v0.1.0", 2)

    assert ran.returncode == 0, "\n".join(said)
    assert (places.attempt(2) / "said").read_text().splitlines() == ["publish", "deploy"]
    assert not any(path.is_dir() for path in (places.root / "ci" / "act").glob("*/hostexecutor"))
    acts = [call for call in calls if any(word.endswith("/act") for word in call.argv)]
    assert len(acts) == 2
    assert all("ACT_DISABLE_VERSION_CHECK" in call.added for call in acts)  # it asks its maker


def test_the_report_says_what_was_shown_and_what_went_on_inside(places: Places) -> None:
    places.root.mkdir()
    facts = Facts(version="0.1.0", commit="c" * 40, skipped=("the signature",))
    state = State(
        commit="c" * 40,
        scenes=[StepResult("a scene", "done", 1.5)],
        proofs=[Proof("it holds", ok=True, detail="seen")],
        attempts=1,
        facts=facts,
    )
    journal = places.attempt(1) / "publish" / "0.1.0" / "journal.jsonl"
    with Journal(journal) as lines:
        lines.write(Event.DONE, "build", seconds=12.0, facts=to_dict(facts))
    assert facts_in(journal.parent) == facts

    write_records(places, state, Ending(Exit.DONE, tools=StepResult("tools", "done", 0.1)))

    report = json.loads((places.root / "report.json").read_text())
    assert report["result"] == "done"
    assert report["version"] == "0.1.0"
    assert report["skipped"] == ["the signature"]
    assert [(step["name"], step["state"]) for step in report["steps"]] == [
        ("tools", "done"),
        ("a scene", "done"),
        ("CI half, attempt 1: build", "done"),
    ]
    for key in ("artifacts", "image", "findings", "database"):
        assert key in report
    page = (places.root / "report.md").read_text()
    assert "it holds" in page
    assert "Inside the CI half, attempt 1" in page


def test_where_there_is_nothing_to_resume_nothing_happens(
    tmp_path: Path, places: Places, shell: Shell
) -> None:
    with pytest.raises(PipelineError) as refused:
        rehearse(places.source, Wishes(resume=True))
    assert refused.value.exit_code is Exit.USAGE
    assert Git(shell, places.source).out("status", "--porcelain") == ""


def test_outside_a_clone_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.rehearsal"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == Exit.ENVIRONMENT
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistyped_option_changes_nothing(tmp_path: Path) -> None:
    for words in (["--provison"], ["--fault", "after:tea"]):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.rehearsal", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == Exit.USAGE
        assert list(tmp_path.iterdir()) == []
