"""One change at a time, and whoever waits is told for whom."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.synchronize import Event
from pathlib import Path

import msgspec
import pytest

from pipeline.deployment.lock import Holder, hold, lock_path, look, myself
from pipeline.step import Exit, PipelineError
from tests.pipeline.deploying import A, make_stage

ME = myself({})


def _holds(path: str, held: Event) -> None:
    with hold(Path(path), myself({"GITHUB_ACTOR": "octocat"})):
        held.set()
        multiprocessing.Event().wait(60)


def test_who_waits_is_told_for_whom(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "production")
    context = multiprocessing.get_context("forkserver")
    held = context.Event()
    other = context.Process(target=_holds, args=(str(path), held))
    other.start()
    try:
        assert held.wait(60)
        with pytest.raises(PipelineError) as refused, hold(path, ME):
            pass
        assert refused.value.exit_code is Exit.ENVIRONMENT
        assert "production is being changed by octocat by CI (process " in refused.value.message
        assert look(path).held
        assert str(look(path)).startswith("held by octocat by CI (process ")
    finally:
        other.kill()
        other.join()
    # It died without a word: that is seen, said, and no reason to wait.
    assert str(look(path)).startswith("left by octocat by CI (process ")
    with hold(path, ME) as dead:
        assert dead.startswith("octocat by CI (process ")
    with hold(path, ME) as dead:
        assert dead == ""
    assert str(look(path)) == "free"


def test_a_change_that_went_wrong_leaves_no_lock(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "test")

    def goes_wrong() -> None:
        with hold(path, ME):
            raise PipelineError("it went wrong")

    with pytest.raises(PipelineError, match="it went wrong"):
        goes_wrong()
    assert str(look(path)) == "free"


def test_of_another_machine_nobody_here_knows_whether_it_lives(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "test")
    there = Holder("ada@there", "there", 1, "2026-11-28T10:00:00+00:00")
    path.write_bytes(msgspec.json.encode(there))
    with (
        pytest.raises(PipelineError, match="was left locked by ada@there") as refused,
        hold(path, ME),
    ):
        pass
    assert refused.value.exit_code is Exit.ENVIRONMENT
    assert refused.value.advice == f"when that is over for certain: rm {path}"
    path.unlink()
    with hold(path, ME) as dead:
        assert dead == ""


@pytest.mark.parametrize("text", ["", "{", '{"who": "x"}', "\0" * 5000])
def test_a_name_that_was_cut_off_is_nobodys(tmp_path: Path, text: str) -> None:
    path = lock_path(tmp_path, "test")
    path.write_text(text)
    assert str(look(path)) == "free"
    with hold(path, ME) as dead:
        assert dead == ""


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert str(look(tmp_path / "none" / "test.lock")) == "free"
    assert list(tmp_path.iterdir()) == []


def test_it_says_who_i_am() -> None:
    assert "@" in ME.who
    assert ME.pid == os.getpid()
    assert myself({"GITHUB_ACTOR": "a\nb"}).who == "ab by CI"


def test_a_deployment_waits_for_nobody(tmp_path: Path) -> None:
    stage = make_stage(tmp_path)
    path = lock_path(stage.project.out / "ledger", "test")
    with hold(path, ME), pytest.raises(PipelineError, match="is being changed by"):
        stage.deploy(A)
    assert stage.runs == ""
    stage.deploy(A)
    assert stage.runs == A
