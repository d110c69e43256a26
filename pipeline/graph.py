"""The list of steps, checked: pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.step import Effect, Exit, PipelineError, Step


def check_steps(steps: Sequence[Step], given: frozenset[str] = frozenset()) -> None:
    """Check a list of steps before anything of it runs.

    Args:
        steps: in the order they run.
        given: names whose facts are there from elsewhere.

    Raises:
        PipelineError: a name is there twice, a need is missing or comes too late, local work comes
            after something that others can see, or something that can be taken back only with
            what came before it comes after the point of no return.
    """
    problems = tuple(problems_of(steps, given))
    if problems:
        raise PipelineError(
            f"the list of steps is wrong: {'; '.join(problems)}", exit_code=Exit.USAGE
        )


def problems_of(steps: Sequence[Step], given: frozenset[str] = frozenset()) -> list[str]:
    """What is wrong with a list of steps, in words."""
    problems: list[str] = []
    names = {step.name for step in steps}
    before: set[str] = set(given)
    public = ""
    for step in steps:
        if step.name in before:
            problems.append(f"{step.name} is there twice")
        for need in step.needs:
            if need not in before:
                late = "comes too late" if need in names else "is not there"
                problems.append(f"{step.name} needs {need}, which {late}")
        if step.effect is Effect.LOCAL and public:
            problems.append(f"{step.name} is local work, and {public} before it is already public")
        public = public or (step.name if step.effect is Effect.PUBLIC else "")
        before.add(step.name)
    return problems


def until(steps: Sequence[Step], last: str) -> tuple[Step, ...]:
    """The steps up to and with `last`.

    Raises:
        PipelineError: USAGE, no such step.
    """
    names = [step.name for step in steps]
    if last not in names:
        raise PipelineError(
            f"there is no step {last!a}", exit_code=Exit.USAGE, advice=f"one of: {', '.join(names)}"
        )
    return tuple(steps[: names.index(last) + 1])


def point_of_no_return(steps: Sequence[Step]) -> int:
    """Index of the first irreversible step, the length of the list when there is none."""
    return next((i for i, step in enumerate(steps) if step.irreversible), len(steps))
