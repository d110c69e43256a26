"""What goes live stays only when it is good; the ledger tells of all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.deployment.environments import Approval, Digests
from pipeline.step import Exit, PipelineError
from tests.pipeline.deploying import (
    ABSENT,
    BROKEN,
    CRASHES,
    OTHER,
    SICK,
    SLOW,
    A,
    B,
    C,
    Stage,
    make_stage,
)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return make_stage(tmp_path)


def events(stage: Stage) -> list[str]:
    return [f"{record.action} {record.event}" for record in stage.ledger]


def test_a_good_upgrade_is_two_lines_of_the_ledger(stage: Stage) -> None:
    stage.deploy(A)
    stage.deploy(B)
    assert stage.runs == B
    assert events(stage) == ["deploy start", "deploy done"] * 2
    start, end = stage.ledger[-2:]
    assert (start.deed.reference, start.deed.before, start.deed.previous) == (B, A, A)
    assert "@" in start.deed.who
    assert start.deed.why == "another image runs"
    assert end.deed.live == B
    assert end.deed.why == ""
    assert end.seconds >= 10, "it had to stay good for that long"


def test_what_is_live_and_known_to_be_good_is_left_alone(stage: Stage) -> None:
    stage.deploy(A)
    before = stage.world.state(), stage.ledger
    stage.deploy(A)
    assert (stage.world.state(), stage.ledger) == before
    assert stage.said[-1] == f"{A} is live already in test"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (BROKEN, "it did not become healthy"),
        (CRASHES, "it ended and was started again"),
        (SLOW, "/readyz took 3000 ms, the best of 5 times; at most 1000 ms are allowed"),
        (OTHER, "it says that it is 1.1.0, 9.9.9 was asked for"),
    ],
)
def test_a_bad_version_goes_and_what_ran_comes_back(stage: Stage, bad: str, told: str) -> None:
    stage.deploy(A)
    stage.deploy(B)
    with pytest.raises(PipelineError) as refused:
        stage.deploy(bad)
    assert refused.value.exit_code is Exit.GATE
    assert told in refused.value.message
    assert f"rolled back to {B}, which is healthy" in refused.value.message
    assert stage.runs == B
    assert stage.ledger[-1].event == "undone"
    assert stage.ledger[-1].deed.live == B
    assert told in stage.ledger[-1].deed.why
    # The way back to what ran before that is still known.
    stage.rollback()
    assert stage.runs == A


def test_a_first_version_that_is_bad_leaves_nothing_running(stage: Stage) -> None:
    with pytest.raises(PipelineError, match="nothing ran before, so nothing runs now") as refused:
        stage.deploy(BROKEN)
    assert refused.value.exit_code is Exit.GATE
    assert stage.runs == ""
    assert stage.ledger[-1].event == "undone"


def test_an_image_that_is_not_to_be_had_stops_nothing(stage: Stage) -> None:
    stage.deploy(A)
    changes = stage.world.state()["changes"]
    with pytest.raises(PipelineError, match="connection refused") as refused:
        stage.deploy(ABSENT)
    assert refused.value.exit_code is Exit.INCOMPLETE
    assert stage.world.state()["changes"] == changes
    assert (stage.ledger[-1].event, stage.ledger[-1].deed.live) == ("failed", A)
    stage.deploy(A)
    assert stage.said[-1] == f"{A} is live already in test", "what ran is still known to be good"


def test_a_canary_syncs_before_anything_is_stopped(stage: Stage) -> None:
    stage.deploy(A)
    stage.gated(canary="team/tool")
    stage.deploy(B)
    assert stage.world.state()["changes"][-3:] == ["canary team/tool", "stop", "up"]
    with pytest.raises(PipelineError, match="no such host; nothing was changed") as refused:
        stage.deploy(SICK)
    assert refused.value.exit_code is Exit.GATE
    assert stage.world.state()["changes"][-1] == "canary team/tool"
    assert stage.runs == B


def test_an_engine_that_dies_is_told_and_the_next_call_goes_on(stage: Stage) -> None:
    stage.deploy(A)
    put = stage.world.put

    def dies(reference: str, previous: str) -> str:
        put(reference, previous)
        stage.world.save(down=True)
        raise PipelineError("the engine went away")

    world = stage.world
    world.put = dies  # type: ignore[method-assign]
    hands = replace(stage.hands, open=lambda _project, _place: world)
    from pipeline.deployment import commands

    with pytest.raises(PipelineError, match="does not answer"):
        commands.deploy_to(
            stage.project, stage.environment, commands.Asked(reference=BROKEN), hands
        )
    assert stage.ledger[-1].event == "failed"
    stage.world.save(down=False)
    with pytest.raises(PipelineError, match="rolled back to"):
        stage.deploy(BROKEN)
    assert stage.runs == A


def test_back_one_step_and_no_further(stage: Stage) -> None:
    stage.deploy(A)
    stage.deploy(B)
    stage.rollback()
    assert stage.runs == A
    assert events(stage)[-2:] == ["rollback start", "rollback done"]
    with pytest.raises(PipelineError, match="nothing to go back to") as refused:
        stage.rollback()
    assert refused.value.exit_code is Exit.USAGE


def test_a_way_back_that_is_no_good_ends_where_it_began(stage: Stage) -> None:
    stage.deploy(A)
    stage.deploy(B)
    stage.world.save(previous=BROKEN)
    with pytest.raises(PipelineError, match="rolled back to") as refused:
        stage.rollback()
    assert refused.value.exit_code is Exit.GATE
    assert stage.runs == B


def test_what_runs_and_is_sick_is_put_there_again(stage: Stage) -> None:
    stage.deploy(A)
    stage.deploy(B)
    stage.world.save(sick=True)
    stage.deploy(B)
    assert stage.world.state()["changes"][-2:] == ["stop", "up"]
    assert not stage.world.state()["sick"]
    stage.rollback()
    assert stage.runs == A


def test_a_ledger_that_is_lost_changes_no_end(stage: Stage) -> None:
    stage.deploy(A)
    stage.deploy(B)
    (stage.root / "out/ledger/test.jsonl").unlink()
    changes = stage.world.state()["changes"]
    stage.deploy(B)
    assert stage.world.state()["changes"] == changes, "it is looked at, not replaced"
    assert events(stage) == ["deploy start", "deploy done"]
    with pytest.raises(PipelineError, match="rolled back"):
        stage.deploy(BROKEN)
    stage.rollback()
    assert stage.runs == A


def test_a_ledger_that_somebody_changed_stops_everything(stage: Stage) -> None:
    stage.deploy(A)
    path = stage.root / "out/ledger/test.jsonl"
    path.write_text(path.read_text().replace("another image runs", "why not").replace(A, C))
    with pytest.raises(PipelineError, match="line 1 of the journal") as refused:
        stage.deploy(B)
    assert refused.value.exit_code is Exit.CONFLICT
    assert "move the ledger aside" in refused.value.advice
    assert stage.runs == A


def test_only_what_is_released_goes_live(stage: Stage) -> None:
    elsewhere = B.replace("/mgit@", "/other@")
    with pytest.raises(PipelineError, match="takes images of") as refused:
        stage.deploy(elsewhere)
    assert refused.value.exit_code is Exit.GATE
    assert stage.runs == ""
    assert (events(stage), stage.ledger[-1].deed.reference) == (["deploy failed"], elsewhere)
    stage.environment = replace(stage.environment, digests=Digests.ANY)
    stage.deploy(elsewhere)
    assert stage.runs == elsewhere


def test_a_tag_is_refused_before_anything_else(stage: Stage) -> None:
    with pytest.raises(PipelineError, match="not an image by digest") as refused:
        stage.deploy("127.0.0.1:1/mgit:latest")
    assert refused.value.exit_code is Exit.USAGE
    assert stage.ledger == ()


def test_somebody_has_to_agree(stage: Stage) -> None:
    stage.environment = replace(stage.environment, approval=Approval.ASK)
    with pytest.raises(PipelineError, match="nobody did") as refused:
        stage.deploy(A)
    assert refused.value.exit_code is Exit.GATE
    assert "--approve NAME" in refused.value.advice
    assert (stage.runs, stage.ledger) == ("", ())

    stage.deploy(A, approve="Grace Hopper")
    assert stage.ledger[-1].deed.approved == "Grace Hopper"
    stage.deploy(A)  # nothing is changed, so nobody is asked

    asked: list[str] = []
    stage.ask = lambda question: asked.append(question) or "n\n"  # type: ignore[func-returns-value]
    with pytest.raises(PipelineError, match="nobody did"):
        stage.deploy(B)
    assert B in asked[0]
    stage.ask = lambda _question: "yes\n"
    stage.deploy(B)
    assert stage.ledger[-1].deed.approved == stage.ledger[-1].deed.who

    stage.ask = None
    stage.rollback()  # back to what had its approval
    assert stage.runs == A


def test_a_ledger_that_cannot_be_written_stops_before_anything_is_done(stage: Stage) -> None:
    stage.deploy(A)
    folder = stage.root / "out/ledger/test.jsonl"
    folder.unlink()
    folder.mkdir()
    with pytest.raises(PipelineError, match="cannot be used") as refused:
        stage.deploy(B)
    assert refused.value.exit_code is Exit.ENVIRONMENT
    assert stage.runs == A
