"""Several sources, lost memory, an interrupt: what a run does when not all is well."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.config.settings import Settings
from mgit.errors import ExitCode
from mgit.fleet import Fleet, Phase, Step, Stop, open_fleet
from mgit.git.runner import Interrupted
from mgit.model import Outcome, Reason, Result
from mgit.plan.select import Selection
from mgit.telemetry import Ended, Event, Listed, Planned, RunEnded, RunStarted
from sandbox.forge import SandboxForge
from tests.story.conftest import CANARY, Laptop

OTHER = "canary-of-the-other-forge"
PATIENCE = 60.0


@pytest.fixture
def other(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "other-forge", "gitea", token=OTHER, login="lisa") as running:
        running.add_owner("tools")
        yield running


@pytest.fixture
def both(work: Laptop, forge: SandboxForge, other: SandboxForge) -> Laptop:
    """A laptop with the sources `work` (GitHub, acme) and `home` (Gitea, tools)."""
    forge.add_repos("acme", 2)
    other.add_repos("tools", 2)
    token = work.home / "home-token"
    token.write_text(f"{OTHER}\n")
    token.chmod(0o600)
    with work.config_file.open("a") as file:
        file.write(
            f'\n[sources.home]\nforge = "gitea"\nurl = "{other.url}"\n'
            f'owners = ["tools"]\ntoken_file = "{token}"\n'
        )
    return work


def settings_of(laptop: Laptop, **variables: str) -> Settings:
    return load_settings(environment=Environment({**laptop.environment, **variables}))


def sync(fleet: Fleet, *patterns: str) -> list[Outcome]:
    return list(fleet.apply(fleet.plan(Selection.parse(patterns))))


def results(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(outcome.result.value for outcome in outcomes)


def folders(laptop: Laptop) -> set[str]:
    return {
        str(folder.relative_to(laptop.root))
        for folder in laptop.root.glob("*/*")
        if folder.parent.name != ".mgit"
    }


ALL = {"acme/repo-001", "acme/repo-002", "tools/repo-001", "tools/repo-002"}


def test_both_sources_are_listed_and_cloned(both: Laptop) -> None:
    with open_fleet(settings_of(both)) as fleet:
        listings = fleet.list()
        assert [(one.source, len(one.repos)) for one in listings] == [("work", 2), ("home", 2)]
        assert results(sync(fleet)) == {"cloned": 4}
        assert fleet.code is ExitCode.OK
    assert folders(both) == ALL


def test_each_token_goes_to_its_own_forge_only(
    both: Laptop, forge: SandboxForge, other: SandboxForge
) -> None:
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    with open_fleet(settings_of(both)) as fleet:
        assert results(sync(fleet)) == {"current": 4}
    for running in (forge, other):
        assert all(entry.authorised for entry in running.requests if entry.sent_credential)


def test_a_forge_that_is_down_does_not_stop_the_other(both: Laptop, other: SandboxForge) -> None:
    other.close()
    with open_fleet(settings_of(both)) as fleet:
        plan = fleet.plan()
        outcomes = list(fleet.apply(plan))
        assert results(outcomes) == {"cloned": 2}
        assert fleet.code is ExitCode.UNREACHABLE
    (problem,) = plan.problems
    assert (problem.source, problem.exit_code) == ("home", 4)
    assert problem.message
    assert folders(both) == {"acme/repo-001", "acme/repo-002"}


def test_clones_of_a_forge_that_is_down_stay_and_are_not_called_gone(
    both: Laptop, other: SandboxForge
) -> None:
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    other.close()
    with open_fleet(settings_of(both)) as fleet:
        outcomes = sync(fleet)
    reasons = Counter(outcome.reason for outcome in outcomes)
    assert reasons == {Reason.CURRENT: 2, Reason.LISTING_INCOMPLETE: 2}
    assert folders(both) == ALL


def test_a_refused_token_is_the_gravest_and_stops_only_its_source(
    both: Laptop, forge: SandboxForge
) -> None:
    forge.token = "changed-behind-our-back"
    with open_fleet(settings_of(both)) as fleet:
        plan = fleet.plan()
        assert results(list(fleet.apply(plan))) == {"cloned": 2}
        assert fleet.code is ExitCode.AUTHENTICATION
    (problem,) = plan.problems
    assert problem.source == "work"
    assert "mgit login" in problem.advice
    assert CANARY not in problem.message


def test_a_token_file_that_others_can_read_is_a_problem_of_its_source(both: Laptop) -> None:
    (both.home / "home-token").chmod(0o644)
    with open_fleet(settings_of(both)) as fleet:
        plan = fleet.plan()
    (problem,) = plan.problems
    assert (problem.source, problem.exit_code) == ("home", 2)
    assert len(plan.actions) == 2


def test_two_tokens_at_one_host_are_kept_apart(
    work: Laptop, forge: SandboxForge, tmp_path: Path
) -> None:
    forge.add_repos("acme", 2)
    wrong = tmp_path / "wrong"
    wrong.write_text("a-token-of-somebody-else\n")
    wrong.chmod(0o600)
    with work.config_file.open("a") as file:
        file.write(
            f'\n[sources.second]\nforge = "github"\nurl = "{forge.api_url}"\n'
            f'owners = ["acme"]\ntoken_file = "{wrong}"\n'
        )
    with open_fleet(settings_of(work)) as fleet:
        plan = fleet.plan()
        assert results(list(fleet.apply(plan))) == {"cloned": 2}
    assert [problem.source for problem in plan.problems] == ["second"]


def test_what_a_source_does_not_include_is_left_alone(both: Laptop) -> None:
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    text = both.config_file.read_text()
    both.config_file.write_text(
        text.replace('owners = ["tools"]', 'owners = ["tools"]\ninclude = ["!*/repo-002"]')
    )
    with open_fleet(settings_of(both)) as fleet:
        assert [len(listing.repos) for listing in fleet.list()] == [2, 1]
        outcomes = sync(fleet)
    assert results(outcomes) == {"current": 3}
    assert folders(both) == ALL


def test_patterns_narrow_what_is_asked(both: Laptop, forge: SandboxForge) -> None:
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    forge.forget_requests()
    with open_fleet(settings_of(both)) as fleet:
        assert results(sync(fleet, "acme/repo-001")) == {"current": 1}
    asked = {entry.path for entry in forge.requests if not entry.is_api}
    assert asked == {"/acme/repo-001.git/git-upload-pack"}


@pytest.mark.parametrize("harm", ["deleted", "rubbish", "truncated"])
def test_a_lost_memory_costs_requests_and_nothing_else(
    both: Laptop, forge: SandboxForge, harm: str
) -> None:
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    state = both.home / ".local" / "state" / "mgit" / "state.db"
    match harm:
        case "deleted":
            state.unlink()
        case "rubbish":
            state.write_bytes(b"rubbish" * 5000)
        case _:
            state.write_bytes(state.read_bytes()[:5000])
    both.forget_gits()
    forge.push("acme", "repo-001")
    with open_fleet(settings_of(both)) as fleet:
        outcomes = sync(fleet)
    assert results(outcomes) == {"fast-forwarded": 1, "current": 3}


def test_the_second_listing_is_answered_from_memory(both: Laptop, forge: SandboxForge) -> None:
    for _ in range(2):
        forge.forget_requests()
        with open_fleet(settings_of(both)) as fleet:
            fleet.list()
    assert 304 in {entry.status for entry in forge.requests if entry.is_api}


def test_a_rename_upstream_moves_the_clone(both: Laptop, forge: SandboxForge) -> None:
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    forge.rename("acme", "repo-001", "renamed")
    forge.push("acme", "renamed")
    with open_fleet(settings_of(both)) as fleet:
        outcomes = sync(fleet)
    assert results(outcomes) == {"moved": 1, "fast-forwarded": 1, "current": 3}
    assert folders(both) == (ALL - {"acme/repo-001"}) | {"acme/renamed"}


def test_a_chain_of_renames_loses_nothing_and_settles(work: Laptop, forge: SandboxForge) -> None:
    for name in ("a", "b"):
        forge.add_repo("acme", name)
    with open_fleet(settings_of(work)) as fleet:
        sync(fleet)
    forge.rename("acme", "b", "c")
    forge.rename("acme", "a", "b")
    with open_fleet(settings_of(work)) as fleet:
        outcomes = sync(fleet)
    assert results(outcomes)["moved"] == 2
    assert folders(work) == {"acme/b", "acme/c"}
    with open_fleet(settings_of(work)) as fleet:
        assert results(sync(fleet)) == {"current": 2}
    assert folders(work) == {"acme/b", "acme/c"}


def test_a_git_server_that_fails_is_a_failure_of_each_repository(
    both: Laptop, forge: SandboxForge
) -> None:
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    forge.fail_next("*/info/refs*", 500, times=100)
    forge.fail_next("*/git-upload-pack", 500, times=100)
    with open_fleet(settings_of(both)) as fleet:
        outcomes = sync(fleet)
        assert fleet.code is ExitCode.UNREACHABLE
    failed = [outcome for outcome in outcomes if outcome.result is Result.FAILED]
    assert {outcome.reason for outcome in failed} == {Reason.UNREACHABLE}
    assert results(outcomes) == {"failed": 2, "current": 2}


def test_the_stream_of_events_tells_the_whole_run(both: Laptop) -> None:
    events: list[Event] = []
    with open_fleet(settings_of(both), observers=(events.append,)) as fleet:
        sync(fleet)
    kinds = [type(event) for event in events]
    assert kinds[0] is RunStarted
    assert kinds[-1] is RunEnded
    assert kinds.count(Listed) == 2
    assert kinds.count(Planned) == 1
    assert kinds.index(Planned) > max(i for i, kind in enumerate(kinds) if kind is Listed)
    ended = [event for event in events if isinstance(event, Ended)]
    assert Counter(event.source for event in ended) == {"work": 2, "home": 2}
    assert {event.run_id for event in events} == {fleet.run_id}
    assert isinstance(events[-1], RunEnded)
    assert events[-1].git_processes >= 4


def test_progress_is_told_in_each_phase(both: Laptop) -> None:
    steps: list[Step] = []
    with open_fleet(settings_of(both)) as fleet:
        list(fleet.apply(fleet.plan(progress=steps.append), progress=steps.append))
        sync(fleet)
    last = {step.phase: step for step in steps}
    assert (last[Phase.LIST].done, last[Phase.LIST].total) == (2, 2)
    assert (last[Phase.APPLY].done, last[Phase.APPLY].total) == (4, 4)


def test_a_stop_before_the_plan_is_there_raises(both: Laptop, forge: SandboxForge) -> None:
    stop = Stop()
    with forge.hold("/api/*") as held:

        def tick() -> None:
            if held.arrived.is_set():
                stop.request()

        with (
            pytest.raises(Interrupted),
            open_fleet(settings_of(both), stop=stop, tick=tick) as fleet,
        ):
            fleet.plan()


def test_leaving_in_the_middle_ends_the_gits_and_frees_the_root(
    both: Laptop, forge: SandboxForge
) -> None:
    with forge.hold("/acme/*"), open_fleet(settings_of(both)) as fleet:
        for _ in fleet.apply(fleet.plan()):
            break
    assert not list((both.root / ".mgit" / "incoming").glob("*"))
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    assert folders(both) == ALL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_nothing_half_made(
    both: Laptop, forge: SandboxForge, number: signal.Signals
) -> None:
    with forge.hold("/acme/*") as held:
        process = subprocess.Popen(
            [sys.executable, "-m", "mgit", "sync"],
            env=both.environment,
            cwd=both.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert held.arrived.wait(PATIENCE)
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not (both.root / "acme").exists()
    assert not list((both.root / ".mgit" / "incoming").glob("*"))
    assert both.mgit("sync").code == 0
    assert folders(both) == ALL


def test_a_manifest_beside_a_forge(work: Laptop, forge: SandboxForge, tmp_path: Path) -> None:
    forge.add_repo("acme", "tool")
    manifest = tmp_path / "repos.toml"
    manifest.write_text(f'version = 1\nrepos = ["{forge.clone_url("acme", "tool")}"]\n')
    token = tmp_path / "token"
    token.write_text(CANARY)
    token.chmod(0o600)
    work.configure(
        f'[sources.listed]\nforge = "manifest"\nfile = "{manifest}"\ntoken_file = "{token}"\n'
    )
    with open_fleet(settings_of(work)) as fleet:
        assert results(sync(fleet)) == {"cloned": 1}
    with open_fleet(settings_of(work)) as fleet:
        assert results(sync(fleet)) == {"current": 1}


def test_status_needs_no_forge_and_no_lock(both: Laptop, forge: SandboxForge) -> None:
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    forge.close()
    (both.root / "acme" / "repo-001" / "README.md").write_text("changed")
    with open_fleet(settings_of(both)) as fleet:
        found = {local.folder: local for local in fleet.status()}
    assert set(found) == ALL
    tree = found["acme/repo-001"].worktree
    assert tree is not None
    assert tree.changed == 1
