"""Runs a list of steps: looks at the whole world first, then changes it one step at a time.

The journal makes a resumed run quick, because it brings the facts along; every step still looks for
itself whether its effect is there. So a run without the journal ends the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from pipeline.faults import check_fault, checkpoint, fault_point
from pipeline.graph import check_steps
from pipeline.interrupt import interruptible
from pipeline.journal import FORMAT, Event, Journal
from pipeline.project import Project
from pipeline.result import (
    Progress,
    Result,
    StepResult,
    journal_path,
    remembered,
    resume_line,
    to_dict,
)
from pipeline.step import Blocked, Done, Effect, Exit, Facts, PipelineError, Step, Todo, Verdict
from pipeline.witness import Witness, witness_for

__all__ = [
    "Result",
    "StepResult",
    "checkpoint",
    "journal_path",
    "run_steps",
]


def run_steps(
    project: Project,
    steps: Sequence[Step],
    *,
    resume: bool = False,
    facts: Facts | None = None,
    given: frozenset[str] = frozenset(),
    say: Progress = lambda _line: None,
) -> Result:
    """Run steps in order until all are done or one stops.

    Args:
        project: what to release, and where to.
        steps: see `pipeline.graph.check_steps`.
        resume: take the facts from the journal. Without a journal this changes nothing.
        facts: what is known before the first step.
        given: names of steps whose facts `facts` brings.
        say: gets one line of progress at a time.

    Returns:
        the result; a blocked, failed or interrupted run is a result too.

    Raises:
        PipelineError: the list or the fault is wrong, the journal was tampered with or is in use.
    """
    check_steps(steps, given)
    check_fault(project)
    with Journal(journal_path(project), project.now) as journal:
        known = remembered(journal) if resume else None
        start = known or facts or Facts()
        about = {"half": _half(project), "format": FORMAT}
        journal.write(Event.RESUME if known else Event.BEGIN, facts=about)
        witness = witness_for(project, journal)
        watched = replace(project.shell, witness=witness)
        project = replace(project, shell=watched)  # nosec B604 - a value, no shell
        runner = _Runner(project, tuple(steps), journal, witness, say)
        with interruptible():
            result = runner.run(start)
        journal.write(Event.END, facts={"exit": int(result.exit_code), "message": result.message})
    return result


class _Stopped(Exception):
    def __init__(self, state: str, error: PipelineError) -> None:
        super().__init__(error.message)
        self.state = state
        self.error = error


@dataclass(slots=True)
class _Runner:
    project: Project
    steps: tuple[Step, ...]
    journal: Journal
    witness: Witness
    say: Progress

    def run(self, facts: Facts) -> Result:
        results: list[StepResult] = []
        try:
            verdicts = self._look(facts, results)
            facts = self._act(facts, verdicts, results)
        except _Stopped as stopped:
            facts = remembered(self.journal) or facts
            return self._stopped(stopped.error, facts, results)
        except KeyboardInterrupt:
            facts = remembered(self.journal) or facts
            error = PipelineError("interrupted", advice=resume_line(self.project))
            return self._stopped(error, facts, results)
        return Result(Exit.DONE, facts, tuple(results))

    def _look(self, facts: Facts, results: list[StepResult]) -> list[tuple[Verdict, float]]:
        """All checks, before the first effect; any step that is blocked stops the release here."""
        verdicts: list[tuple[Verdict, float]] = []
        whole = True
        for step in self.steps:
            start = time.monotonic()
            self.witness.step = step.name
            # A run that was killed while making things leaves some of them. Who compares them with
            # a tag would see a conflict where there is only work to do, so none are shown.
            shown = facts if whole or step.effect is Effect.LOCAL else _without_things(facts)
            try:
                verdict = step.check(self.project, shown)
            except PipelineError as error:
                verdict = Blocked(error.message, error.exit_code, error.advice)
            seconds = time.monotonic() - start
            verdicts.append((verdict, seconds))
            match verdict:
                case Blocked():
                    self._stop(step, "blocked", _error(step, verdict), seconds, results)
                case Done(facts=learned):
                    facts = learned
                case Todo():
                    whole = whole and step.effect is not Effect.LOCAL
                case _:
                    assert_never(verdict)
        return verdicts

    def _act(
        self, facts: Facts, looked: Sequence[tuple[Verdict, float]], results: list[StepResult]
    ) -> Facts:
        touched = False
        for number, (step, (verdict, spent)) in enumerate(zip(self.steps, looked, strict=True), 1):
            self.say(f"[{number}/{len(self.steps)}] {step.name:<14} …")
            start = time.monotonic() - spent
            self.witness.step = step.name
            ran = False
            try:
                seen = step.check(self.project, facts) if touched else verdict
                facts, ran = self._one(step, seen, facts)
            except PipelineError as error:
                state = "blocked" if isinstance(error, _Refused) else "failed"
                self._stop(step, state, error, time.monotonic() - start, results)
            seconds = time.monotonic() - start
            state = "done" if ran or step.effect is Effect.NONE else "there"
            self.journal.write(Event.DONE, step.name, seconds=seconds, facts=to_dict(facts))
            note = "" if ran else self._earlier(step)
            results.append(StepResult(step.name, state, seconds, note))
            self.say(f"[{number}/{len(self.steps)}] {step.name:<14} {state:<8}{seconds:7.1f} s")
            touched = touched or ran
        return facts

    def _earlier(self, step: Step) -> str:
        """How long an earlier run took for what this one found there."""
        lines = (e for e in self.journal.entries[:-1] if e.event is not Event.PROCESS)
        past = (e.seconds for e in lines if e.step == step.name)
        longest = max(past, default=0.0)
        return f"{longest:.1f} s in an earlier run" if longest >= 1 else ""

    def _one(self, step: Step, seen: Verdict, facts: Facts) -> tuple[Facts, bool]:
        match seen:
            case Done(facts=learned):
                return learned, False
            case Blocked():
                raise _error(step, seen)
            case Todo():
                self.journal.write(Event.START, step.name)
                fault_point(self.project, f"before:{step.name}")
                self.witness.doing = True
                try:
                    made = step.run(self.project, facts)
                finally:
                    self.witness.doing = False
                fault_point(self.project, f"after:{step.name}")
                return self._read_back(step, made), True
            case _:
                assert_never(seen)

    def _read_back(self, step: Step, made: Facts) -> Facts:
        """Look again: what a step says it did must be there."""
        if step.effect is Effect.NONE:
            return made
        again = step.check(self.project, made)
        match again:
            case Done(facts=learned):
                return learned
            case Blocked():
                raise _error(step, again)
            case Todo(effects=left):
                if step.effect is Effect.PUBLIC:
                    raise PipelineError(
                        f"{step.name} ran, and still has to: {'; '.join(left)}",
                        advice=resume_line(self.project),
                    )
                return made
            case _:
                assert_never(again)

    def _stop(
        self,
        step: Step,
        state: str,
        error: PipelineError,
        seconds: float,
        results: list[StepResult],
    ) -> None:
        self.journal.write(
            Event.FAILED,
            step.name,
            seconds=seconds,
            facts={"message": error.message, "exit": int(error.exit_code)},
        )
        results.append(StepResult(step.name, state, seconds, error.message))
        self.say(f"{step.name}: {state}: {error.message}")
        raise _Stopped(state, error)

    def _stopped(self, error: PipelineError, facts: Facts, results: list[StepResult]) -> Result:
        names = {result.name for result in results}
        waiting = (StepResult(s.name, "waiting", 0.0) for s in self.steps if s.name not in names)
        steps = tuple(sorted((*results, *waiting), key=lambda r: self._order(r.name)))
        advice = error.advice
        if not advice and error.exit_code is Exit.INCOMPLETE:
            advice = resume_line(self.project)
        return Result(error.exit_code, facts, steps, error.message, advice)

    def _order(self, name: str) -> int:
        return [step.name for step in self.steps].index(name)


class _Refused(PipelineError):
    """A step looked and said no."""


def _error(step: Step, verdict: Blocked) -> _Refused:
    message = f"{step.name}: {verdict.reason}"
    return _Refused(message, exit_code=verdict.exit_code, advice=verdict.advice)


def _without_things(facts: Facts) -> Facts:
    return replace(facts, artifacts=(), image_digest="", platforms=())


def _half(project: Project) -> str:
    return f"ci {project.tag}" if project.ci else "laptop"
