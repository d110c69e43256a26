"""What a version has to show before it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.deployment.environments import Gates
from pipeline.deployment.gates import why_not
from pipeline.deployment.target import Answer, Running
from pipeline.step import PipelineError
from tests.pipeline.deploying import CRASHES, A, B, Stage, World, make_stage

GATES = Gates(settle=10)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = make_stage(tmp_path)
    stage.deploy(A)
    return stage


def asked(stage: Stage, world: World, version: str = "", gates: Gates = GATES) -> str:
    return why_not(world, gates, A, version, stage.time.clock)


def test_a_good_one_takes_as_long_as_it_has_to_settle(stage: Stage) -> None:
    begun = stage.time.seconds
    assert asked(stage, stage.world, "1.0.0") == ""
    assert 10 <= stage.time.seconds - begun < 12


def test_without_settling_it_is_looked_at_once(stage: Stage) -> None:
    begun = stage.time.seconds
    assert asked(stage, stage.world, gates=Gates(settle=0)) == ""
    assert stage.time.seconds - begun < 1


def test_another_version_than_the_one_that_was_asked_for(stage: Stage) -> None:
    told = asked(stage, stage.world, "1.0.1")
    assert told == "its image says that it is 1.0.0, 1.0.1 was asked for"


@pytest.mark.parametrize("spelt", ["2.0.0-rc.1", "2.0.0rc1"])
def test_a_version_may_be_spelt_for_people_or_for_packages(stage: Stage, spelt: str) -> None:
    world = Told(stage, Answer(200, f'mgit_build_info{{version="{spelt}"}} 1\n', 0.01))
    assert asked(stage, world, "2.0.0-rc.1") == ""


@pytest.mark.parametrize("answer", [None, Answer(401, "no", 0.01), Answer(200, "# nothing", 0.01)])
def test_metrics_that_say_nothing_are_not_held_against_it(
    stage: Stage, answer: Answer | None
) -> None:
    assert asked(stage, Told(stage, answer), "2.0.0-rc.1") == ""


def test_a_version_among_other_labels(stage: Stage) -> None:
    body = 'mgit_build_info{python="3.13",git_version="2.47",version="3.0.0"} 1.0\n'
    told = asked(stage, Told(stage, Answer(200, body, 0.01)), "2.0.0-rc.1")
    assert told == "it says that it is 3.0.0, 2.0.0-rc.1 was asked for"


class Told(World):
    """Its image has no label; what its metrics say is given."""

    def __init__(self, stage: Stage, answer: Answer | None) -> None:
        super().__init__(stage.root, stage.world.effect, stage.time)
        self.answer = answer

    def observe(self) -> Running | None:
        return Running(A, "", healthy=True)

    def ask(self, path: str) -> Answer | None:
        return self.answer if path == "/metrics" else super().ask(path)


class Busy(World):
    """Answers late, or not, for some questions out of all."""

    def __init__(self, stage: Stage, seconds: list[float]) -> None:
        super().__init__(stage.root, stage.world.effect, stage.time)
        self.seconds = seconds

    def ask(self, path: str) -> Answer | None:
        took = self.seconds.pop(0) if self.seconds else 0.01
        return None if took < 0 else Answer(200, "ready", took)


def test_one_slow_answer_says_something_of_the_machine(stage: Stage) -> None:
    assert asked(stage, Busy(stage, [0.01, 0.01, 4.0, 4.0, 4.0])) == ""


def test_slow_every_time_is_slow(stage: Stage) -> None:
    told = asked(stage, Busy(stage, [0.01, 0.01, 4.0, 4.0, 1.5, 2.0, 9.0]))
    assert told == "/readyz took 1500 ms, the best of 5 times; at most 1000 ms are allowed"


def test_an_answer_that_is_missing_now_and_then_is_not_the_end(stage: Stage) -> None:
    assert asked(stage, Busy(stage, [0.01, 0.01, 0.01, -1, -1, 0.01, -1, -1])) == ""


def test_an_answer_that_stays_away_is(stage: Stage) -> None:
    told = asked(stage, Busy(stage, [0.01, 0.01, 0.01, 0.01, *[-1.0] * 3]))
    assert told == "it was ready and is not any more: /readyz does not answer"


def test_the_last_look_has_to_be_a_good_one(stage: Stage) -> None:
    """Unready at the very end, it is looked at again until that is settled."""
    gates = Gates(settle=0)
    assert asked(stage, Busy(stage, [0.01, 0.01, 0.01, -1, -1, 0.01]), gates=gates) == ""
    told = asked(stage, Busy(stage, [0.01, 0.01, 0.01, *[-1.0] * 3]), gates=gates)
    assert told.startswith("it was ready and is not any more")


def test_a_platform_that_is_busy_for_a_moment_is_asked_again(stage: Stage) -> None:
    class Busied(World):
        looks = 0

        def observe(self) -> Running | None:
            self.looks += 1
            if self.looks in {3, 4}:
                raise PipelineError("the engine is busy")
            return super().observe()

    assert asked(stage, Busied(stage.root, stage.world.effect, stage.time)) == ""


def test_something_else_runs(stage: Stage) -> None:
    assert why_not(stage.world, GATES, B, "", stage.time.clock) == f"{A} runs instead"
    stage.world.save(reference="")
    assert asked(stage, stage.world) == "nothing runs instead"


def test_not_ready_in_its_own_words(stage: Stage) -> None:
    class Unready(World):
        def ask(self, path: str) -> Answer | None:
            return Answer(503, "not ready: the lock is held\x1b[2J by another mgit\nmore", 0.01)

    world = Unready(stage.root, stage.world.effect, stage.time)
    told = asked(stage, world)
    assert told == "/readyz does not say ready: 503 not ready: the lock is held[2J by another mgit"


def test_one_that_crashes_after_the_time_to_settle_is_not_found(stage: Stage) -> None:
    """What the time is for: as long as it takes a version to show how it is."""
    stage.gated(settle=2)
    stage.deploy(CRASHES)
    assert stage.runs == CRASHES
