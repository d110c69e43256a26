"""`--plan`: what a release would do, from the very checks that the release runs. Only looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from pipeline.graph import check_steps, point_of_no_return
from pipeline.project import Project
from pipeline.step import Blocked, Done, Exit, Facts, PipelineError, Step, Todo, Verdict


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen.

    Args:
        steps: the steps and what each check answered.
        facts: what is known before anything is done.
    """

    steps: tuple[tuple[Step, Verdict], ...]
    facts: Facts

    @property
    def exit_code(self) -> Exit:
        """DONE, or why the release would be stopped."""
        blocked = (verdict for _, verdict in self.steps if isinstance(verdict, Blocked))
        return next((verdict.exit_code for verdict in blocked), Exit.DONE)


def preview(project: Project, steps: Sequence[Step], known: Facts | None = None) -> Preview:
    """Run every check, also past one that would stop the release."""
    check_steps(steps)
    facts, answered = known or Facts(), []
    for step in steps:
        try:
            verdict = step.check(project, facts)
        except PipelineError as error:
            verdict = Blocked(error.message, error.exit_code, error.advice)
        if isinstance(verdict, Done):
            facts = verdict.facts
        answered.append((step, verdict))
    return Preview(tuple(answered), facts)


def show(preview: Preview) -> str:
    """The preview as text: version, notes, then the effects of each step."""
    facts = preview.facts
    previous = f"after {facts.previous}" if facts.previous else "the first release"
    lines = [f"version  {facts.version or 'none'} ({previous})", ""]
    lines += [f"    {line}".rstrip() for line in facts.notes.splitlines()] + [""]
    steps = [step for step, _ in preview.steps]
    no_return = point_of_no_return(steps)
    for number, (step, verdict) in enumerate(preview.steps):
        if number == no_return:
            lines.append("--- from here on nothing can be taken back ---")
        lines += _step(step, verdict)
    return "\n".join(lines) + "\n"


def show_later(project: Project, steps: Sequence[Step]) -> str:
    """What CI will do once the tag is pushed; which digests is known only then."""
    lines = ["--- the pushed tag starts CI, which builds again, and then: ---"]
    no_return = point_of_no_return(steps)
    for number, step in enumerate(steps):
        if number == no_return:
            lines.append("--- from here on nothing can be taken back ---")
        try:
            verdict = step.check(project, Facts())
        except PipelineError as error:
            verdict = Blocked(error.message, error.exit_code, error.advice)
        lines += _step(step, verdict)
    return "\n".join(lines) + "\n"


def _step(step: Step, verdict: Verdict) -> list[str]:
    match verdict:
        case Todo(effects=effects):
            said = [f"would {effect}" for effect in effects] or ["would run"]
        case Done():
            said = ["looked, all well" if step.effect == "none" else "done already"]
        case Blocked(reason=reason, exit_code=code, advice=advice):
            said = [f"STOPS (exit {int(code)}): {reason}", *([f"  {advice}"] if advice else [])]
        case _:
            assert_never(verdict)
    return [f"{step.name if i == 0 else '':<14} {line}" for i, line in enumerate(said)]
