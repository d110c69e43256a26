"""A release that is killed anywhere and resumed ends as one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from pipeline.journal import Event, read_journal
from pipeline.project import Project
from pipeline.result import journal_path
from pipeline.run import Result, run_steps
from pipeline.step import (
    Blocked,
    Done,
    Effect,
    Exit,
    Facts,
    PipelineError,
    Step,
    Todo,
    Verdict,
)
from pipeline.undo import undo_steps
from tests.pipeline.fake_release import BUILD, ENDPOINTS, PLAN, STEPS, WAITING, act, project_in

PLACES = (
    "before:build",
    "after:build",
    "before:publish",
    "during:publish:one",
    "during:publish:two",
    "after:publish",
)


def start(out: Path, fault: str, *flags: str) -> subprocess.Popen[str]:
    argv = (sys.executable, "-m", "tests.pipeline.fake_release", str(out), fault, *flags)
    return subprocess.Popen(argv, cwd=Path.cwd(), stdout=subprocess.PIPE, text=True)


def effects(out: Path) -> list[str]:
    return (out / "effects.txt").read_text(encoding="utf-8").split("\n")[:-1]


@pytest.mark.parametrize("journal", ["kept", "lost", "torn"])
@pytest.mark.parametrize("place", PLACES)
def test_killed_and_resumed_it_ends_the_same(tmp_path: Path, place: str, journal: str) -> None:
    killed = start(tmp_path, place)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    path = journal_path(project_in(tmp_path))
    if journal == "lost":
        path.unlink()
    if journal == "torn":
        path.write_bytes(path.read_bytes() + b'{"seq":9,"prev":"00')

    result = run_steps(project_in(tmp_path), STEPS, resume=True)

    assert result.exit_code is Exit.DONE
    assert result.facts == whole_run(tmp_path / "other").facts
    assert sorted(effects(tmp_path)) == ["build", "publish one", "publish two"]


def whole_run(out: Path) -> Result:
    out.mkdir()
    return run_steps(project_in(out), STEPS)


def test_a_second_run_finds_everything_there(tmp_path: Path) -> None:
    first = run_steps(project_in(tmp_path), STEPS)
    second = run_steps(project_in(tmp_path), STEPS)
    assert [step.state for step in first.steps] == ["done", "done", "done"]
    assert [step.state for step in second.steps] == ["done", "there", "there"]
    assert second.facts == first.facts
    assert len(effects(tmp_path)) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_incomplete_and_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    running = start(tmp_path, "", "--wait")
    wait_for((tmp_path / WAITING).exists)
    running.send_signal(number)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == Exit.INCOMPLETE
    assert said == "interrupted; run the same command again with --resume\n"
    (tmp_path / "go").touch()
    again = start(tmp_path, "", "--wait", "--resume")
    again.communicate(timeout=60)
    assert again.returncode == Exit.DONE
    assert effects(tmp_path) == ["build", "publish one", "publish two"]


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_checks_come_before_the_first_effect(tmp_path: Path) -> None:
    def refuse(_project: Project, _facts: Facts) -> Verdict:
        return Blocked("no token for the index", Exit.ENVIRONMENT, "make one")

    late = Step("publish", ("build",), refuse, act, effect=Effect.PUBLIC)
    result = run_steps(project_in(tmp_path), (PLAN, BUILD, late))
    assert result.exit_code is Exit.ENVIRONMENT
    assert result.message == "publish: no token for the index"
    assert result.advice == "make one"
    assert not (tmp_path / "effects.txt").exists()
    assert [step.state for step in result.steps] == ["waiting", "waiting", "blocked"]


@pytest.mark.parametrize("code", [Exit.GATE, Exit.ENVIRONMENT, Exit.CONFLICT, Exit.INCOMPLETE])
def test_a_step_that_fails_decides_the_exit_code(tmp_path: Path, code: Exit) -> None:
    def fail(_project: Project, _facts: Facts) -> Facts:
        raise PipelineError("it did not work", exit_code=code)

    failing = Step("gates", ("build",), lambda _p, _f: Todo(("try",)), fail)
    result = run_steps(project_in(tmp_path), (PLAN, BUILD, failing))
    assert result.exit_code is code
    assert [step.state for step in result.steps] == ["done", "done", "failed"]
    assert result.facts.artifacts, "what was learned before is in the report"
    last = read_journal(journal_path(project_in(tmp_path)))[-2]
    assert (last.event, last.facts["exit"]) == (Event.FAILED, int(code))


def test_other_bytes_in_the_world_are_a_conflict(tmp_path: Path) -> None:
    run_steps(project_in(tmp_path), STEPS)
    (tmp_path / "world" / "one").write_text("0.0.9", encoding="utf-8")
    result = run_steps(project_in(tmp_path), STEPS, resume=True)
    assert result.exit_code is Exit.CONFLICT
    assert len(effects(tmp_path)) == 3


def test_a_public_effect_that_cannot_be_seen_is_not_believed(tmp_path: Path) -> None:
    liar = Step("publish", (), lambda _p, _f: Todo(("upload",)), act, effect=Effect.PUBLIC)
    result = run_steps(project_in(tmp_path), (liar,))
    assert result.exit_code is Exit.INCOMPLETE
    assert "still has to: upload" in result.message


def test_what_the_read_back_teaches_is_kept(tmp_path: Path) -> None:
    result = run_steps(project_in(tmp_path), STEPS)
    assert result.facts.deployed == "world"


def test_facts_survive_the_journal(tmp_path: Path) -> None:
    def check(_project: Project, facts: Facts) -> Verdict:
        return Done(replace(facts, scanned={"bandit files": 3}, skipped=("deploy: no engine",)))

    first = run_steps(project_in(tmp_path), (Step("look", (), check, act, effect=Effect.NONE),))
    again = run_steps(project_in(tmp_path), (), resume=True)
    assert again.facts == first.facts


def test_faults_never_reach_a_real_release(tmp_path: Path) -> None:
    real = msgspec.structs.replace(ENDPOINTS, rehearsal=False)
    with pytest.raises(PipelineError) as caught:
        run_steps(project_in(tmp_path, "after:build", real), STEPS)
    assert caught.value.exit_code is Exit.USAGE
    assert not journal_path(project_in(tmp_path)).exists()


@pytest.mark.parametrize("fault", ["build", "while:build", "during:build", "after:Build"])
def test_a_misspelt_fault_is_refused(tmp_path: Path, fault: str) -> None:
    with pytest.raises(PipelineError, match="is not a fault"):
        run_steps(project_in(tmp_path, fault), STEPS)


def test_progress_is_told_step_by_step(tmp_path: Path) -> None:
    said: list[str] = []
    run_steps(project_in(tmp_path), STEPS, say=said.append)
    assert said[0] == "[1/3] plan           …"
    assert said[1].startswith("[1/3] plan           done")
    assert said[-1].endswith(" s")


def test_what_can_be_taken_back_is_taken_back_in_reverse(tmp_path: Path) -> None:
    undone: list[str] = []

    def undo(name: str) -> Step:
        return Step(name, (), lambda _p, _f: Todo((name,)), act, lambda _p, _f: undone.append(name))

    steps = (PLAN, undo("one"), undo("two"))
    run_steps(project_in(tmp_path), steps)
    result = undo_steps(project_in(tmp_path), steps)
    assert undone == ["two", "one"]
    assert [step.state for step in result.steps] == ["undone", "undone"]


def test_nothing_is_taken_back_after_the_point_of_no_return(tmp_path: Path) -> None:
    run_steps(project_in(tmp_path), STEPS)
    with pytest.raises(PipelineError, match="cannot be taken back") as caught:
        undo_steps(project_in(tmp_path), STEPS)
    assert caught.value.exit_code is Exit.CONFLICT


def test_half_of_what_is_made_is_not_held_against_the_world(tmp_path: Path) -> None:
    """A run killed between build and checksums resumes; it does not find that the tag says more."""
    finished = tmp_path / "checksums"

    def check_more(_project: Project, facts: Facts) -> Verdict:
        return Done(facts) if finished.exists() else Todo(("write checksums",))

    def make_more(_project: Project, facts: Facts) -> Facts:
        finished.touch()
        return facts

    def compare(_project: Project, facts: Facts) -> Verdict:
        if facts.artifacts and not finished.exists():
            return Blocked("not what the tag claims", Exit.CONFLICT)
        return Done(facts) if facts.artifacts else Todo(("compare",))

    more = Step("attest", ("build",), check_more, make_more)
    confirm = Step("confirm", ("attest",), compare, act, effect=Effect.NONE)
    assert run_steps(project_in(tmp_path), (PLAN, BUILD)).exit_code is Exit.DONE
    result = run_steps(project_in(tmp_path), (PLAN, BUILD, more, confirm), resume=True)
    assert result.exit_code is Exit.DONE
    assert result.facts.artifacts
