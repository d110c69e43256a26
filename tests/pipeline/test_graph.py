from __future__ import annotations

import pytest

from pipeline.graph import check_steps, point_of_no_return, problems_of, until
from pipeline.project import Project
from pipeline.step import Done, Effect, Exit, Facts, PipelineError, Step, Verdict


def look(_project: Project, facts: Facts) -> Verdict:
    return Done(facts)


def act(_project: Project, facts: Facts) -> Facts:
    return facts


def back(_project: Project, _facts: Facts) -> None:
    return None


def step(name: str, *needs: str, effect: Effect = Effect.LOCAL, undo: bool = False) -> Step:
    return Step(name, needs, look, act, back if undo else None, effect)


def test_a_list_in_order_is_fine() -> None:
    check_steps([step("plan", effect=Effect.NONE), step("build", "plan"), step("tag", "build")])


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([step("a"), step("a")], "a is there twice"),
        ([step("a", "b"), step("b")], "a needs b, which comes too late"),
        ([step("a", "b")], "a needs b, which is not there"),
        (
            [step("tag", effect=Effect.PUBLIC), step("build")],
            "build is local work, and tag before it is already public",
        ),
    ],
)
def test_a_wrong_list_is_named(steps: list[Step], problem: str) -> None:
    assert problems_of(steps) == [problem]
    with pytest.raises(PipelineError) as caught:
        check_steps(steps)
    assert caught.value.exit_code is Exit.USAGE


def test_facts_from_elsewhere_satisfy_a_need() -> None:
    check_steps([step("build", "prepare")], frozenset({"prepare"}))


def test_the_point_of_no_return_is_the_first_public_step_without_undo() -> None:
    steps = [
        step("plan", effect=Effect.NONE),
        step("build"),
        step("stage", effect=Effect.PUBLIC, undo=True),
        step("publish", effect=Effect.PUBLIC),
        step("verify", effect=Effect.NONE),
    ]
    assert point_of_no_return(steps) == 3
    assert point_of_no_return(steps[:3]) == 3


def test_steps_up_to_a_name() -> None:
    steps = [step("a"), step("b"), step("c")]
    assert [s.name for s in until(steps, "b")] == ["a", "b"]
    with pytest.raises(PipelineError, match="no step 'x'"):
        until(steps, "x")
