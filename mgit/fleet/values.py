"""What the fleet tells those who watch, and how a run is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from mgit.errors import ExitCode
from mgit.model import Outcome, Reason, Result, Skip, SourceProblem


class Phase(StrEnum):
    """The three things that take time."""

    LIST = "list"
    COMPARE = "compare"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class Step:
    """One sign of progress.

    Args:
        phase: where the run is.
        name: source (LIST) or repository (COMPARE, APPLY) it is about. Untrusted: escape it.
        started: True when work on `name` begins, False when it has ended.
        done: how many have ended in this phase.
        total: how many there are in this phase.
    """

    phase: Phase
    name: str
    started: bool
    done: int
    total: int


Progress = Callable[[Step], None]
"""Receives every `Step`, in the thread that drives the run."""


FAILURES = {
    Reason.UNREACHABLE: ExitCode.UNREACHABLE,
    Reason.REFUSED: ExitCode.AUTHENTICATION,
    Reason.BROKEN: ExitCode.SOME_FAILED,
    Reason.EMPTIED: ExitCode.SOME_FAILED,
}
"""Reasons for leaving a repository alone that are a failure of the run, not a courtesy."""

_GRAVEST_FIRST = (
    ExitCode.AUTHENTICATION,
    ExitCode.USAGE,
    ExitCode.SOME_FAILED,
    ExitCode.UNREACHABLE,
)


def skipped(action: Skip) -> Outcome:
    """The outcome of an action that does nothing."""
    if action.reason is Reason.CURRENT:
        return Outcome(action, Result.CURRENT, reason=action.reason, message=action.detail)
    code = FAILURES.get(action.reason, ExitCode.OK)
    result = Result.SKIPPED if code is ExitCode.OK else Result.FAILED
    return Outcome(action, result, action.reason, action.detail, exit_code=int(code))


def exit_code(problems: Iterable[SourceProblem] = (), outcomes: Iterable[Outcome] = ()) -> ExitCode:
    """What a run returns to the shell.

    A refused credential (3) outranks all, since nothing heals it but a person; then a wrong
    configuration (2), then failed repositories (1). Unreachable (4) is said when nothing else
    went wrong.
    """
    codes = {problem.exit_code for problem in problems}
    codes.update(outcome.exit_code for outcome in outcomes if outcome.result is Result.FAILED)
    codes.discard(ExitCode.OK)
    if not codes:
        return ExitCode.OK
    return next((code for code in _GRAVEST_FIRST if code in codes), ExitCode.SOME_FAILED)
