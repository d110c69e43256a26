"""Killed before and after every effect, a deployment ends in what was asked for or in what ran."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.deployment.ledger import unfinished
from pipeline.faults import TRACE, TRACE_FILE
from pipeline.step import PipelineError
from tests.pipeline.deploying import BROKEN, CRASHES, A, B, C, Stage, killed, make_stage

KILLED = 137


def prepared(root: Path, *references: str) -> Stage:
    stage = make_stage(root)
    for reference in references:
        stage.deploy(reference)
    return stage


def effects_of(stage: Stage, action: str, reference: str = "") -> list[str]:
    assert killed(stage, TRACE, action, reference) in {0, 3}
    return (stage.root / "out" / TRACE_FILE).read_text().split()


def every_kill(root: Path, before: tuple[str, ...], action: str, reference: str) -> list[Stage]:
    """One stage for each side of each effect, on which a command was killed there."""
    effects = effects_of(prepared(root / "traced", *before), action, reference)
    stages = []
    for number, (effect, side) in enumerate(
        (effect, side) for effect in effects for side in ("before", "after")
    ):
        stage = prepared(root / f"{number}", *before)
        assert killed(stage, f"{side}:{effect}", action, reference) == KILLED
        stages.append(stage)
    return stages


def cut_off(stage: Stage) -> bool:
    return unfinished(stage.ledger) is not None


def forgotten(stage: Stage, memory: str) -> None:
    if memory == "lost":
        shutil.rmtree(stage.root / "out")


@pytest.mark.parametrize("memory", ["kept", "lost"])
def test_a_good_one_is_live_after_the_second_call(tmp_path: Path, memory: str) -> None:
    for stage in every_kill(tmp_path, (A,), "deploy", B):
        forgotten(stage, memory)
        stage.deploy(B)
        assert stage.runs == B
        assert stage.ledger[-1].event == "done"
        ups = stage.world.state()["changes"].count("up")
        assert ups == 2, "nothing was rolled out twice"
        if memory == "kept" or stage.world.state()["previous"]:
            stage.rollback()
            assert stage.runs == A


def test_a_bad_one_is_gone_after_the_second_call(tmp_path: Path) -> None:
    for bad in (BROKEN, CRASHES):
        for stage in every_kill(tmp_path / bad[-1], (A, B), "deploy", bad):
            with pytest.raises(PipelineError, match="rolled back to"):
                stage.deploy(bad)
            assert stage.runs == B
            stage.rollback()
            assert stage.runs == A, "and what ran before that is still known"


def test_the_way_back_is_killed_too(tmp_path: Path) -> None:
    """The effects that the kills above were made at are those of both ways."""
    effects = effects_of(prepared(tmp_path / "traced", A, B), "deploy", BROKEN)
    assert effects == [
        *("deploy:begin@test", "deploy:pull@0", "deploy:stop@0", "deploy:up@0"),
        *("deploy:stop@b", "deploy:up@b", "deploy:record@test"),
    ]


def test_another_one_after_a_kill_falls_back_to_what_was_good(tmp_path: Path) -> None:
    """Not to the one that was cut off: nobody knows whether that is any good."""
    for stage in every_kill(tmp_path, (A,), "deploy", C):
        was_done = stage.ledger[-1].deed.live == C
        with pytest.raises(PipelineError, match="rolled back to"):
            stage.deploy(BROKEN)
        assert stage.runs == (C if was_done else A)


def test_a_rollback_after_a_kill_goes_to_what_ran_before(tmp_path: Path) -> None:
    for stage in every_kill(tmp_path, (A, B), "deploy", C):
        was_begun = len(stage.ledger) > 4
        stage.rollback()
        assert stage.runs == (B if was_begun else A)


@pytest.mark.parametrize("memory", ["kept", "lost"])
def test_a_rollback_that_was_killed(tmp_path: Path, memory: str) -> None:
    for stage in every_kill(tmp_path, (A, B), "rollback", ""):
        was_done = stage.runs == A
        gone = stage.runs == ""
        forgotten(stage, memory)
        if was_done and not cut_off(stage):
            with pytest.raises(PipelineError, match="nothing to go back to"):
                stage.rollback()
        elif gone and memory == "lost":
            with pytest.raises(PipelineError, match="runs nothing"):
                stage.rollback()
            continue  # a container that is gone names nobody; compose leaves one that does
        else:
            stage.rollback()
        assert stage.runs == A


def test_a_first_deployment_that_was_killed(tmp_path: Path) -> None:
    for stage in every_kill(tmp_path, (), "deploy", CRASHES):
        with pytest.raises(PipelineError, match="nothing runs now"):
            stage.deploy(CRASHES)
        assert stage.runs == ""


def test_the_lock_of_the_dead_is_taken_over_and_that_is_said(tmp_path: Path) -> None:
    stage = prepared(tmp_path, A)
    assert killed(stage, "after:deploy:up@b", "deploy", B) == KILLED
    stage.deploy(B)
    (line,) = (line for line in stage.said if line.startswith("test: the lock of "))
    assert line.endswith(" is taken over; that one is gone")
    stage.said.clear()
    stage.deploy(A)
    assert not any("taken over" in line for line in stage.said)
