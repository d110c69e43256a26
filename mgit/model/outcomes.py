"""What came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mgit.model.actions import Action
from mgit.model.losses import RefLoss
from mgit.model.reasons import Reason


class Result(StrEnum):
    """How one action ended. The words are part of the JSON schema."""

    CLONED = "cloned"
    FETCHED = "fetched"
    FAST_FORWARDED = "fast-forwarded"
    MOVED = "moved"
    ARCHIVED = "archived"
    REMOVED = "removed"
    HEALED = "healed"
    CURRENT = "current"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one action.

    Args:
        action: what was to be done.
        result: how it ended.
        reason: why something was left alone, also beside a success (fetched, work tree dirty).
        message: one line for a person, escaped, free of secrets.
        advice: what to do next after a failure.
        exit_code: what this failure asks the whole run to return (see `mgit.errors.ExitCode`).
        seconds: wall time spent.
        refs_changed: refs that differ after the action.
        rewritten: a checked-out branch left commits behind that its upstream took back.
        loss: what the clone would have lost, where it is held for that.
        kept: refs whose old tips a mirror keeps since this action.
        span_id: the span that tells of it; empty without tracing.
    """

    action: Action
    result: Result
    reason: Reason | None = None
    message: str = ""
    advice: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    refs_changed: int = 0
    rewritten: bool = False
    loss: RefLoss | None = None
    kept: tuple[str, ...] = ()
    span_id: str = ""


class RepoState(StrEnum):
    """How a repository stands after what was last done; the words are labels of `mgit_repos`."""

    CURRENT = "current"
    HELD = "held"
    FAILED = "failed"
    FOREIGN = "foreign"


_REFS_ARE_CURRENT = frozenset(
    {
        Result.CLONED,
        Result.FETCHED,
        Result.FAST_FORWARDED,
        Result.HEALED,
        Result.CURRENT,
    }
)
_ONLY_THE_WORK_TREE = frozenset(
    {
        Reason.EMPTY,
        Reason.DIRTY,
        Reason.DIVERGED,
        Reason.DETACHED,
        Reason.UNPUSHED,
        Reason.NO_UPSTREAM,
        Reason.OTHER_BRANCH,
        Reason.OPERATION,
        Reason.UNTRACKED,
        Reason.NO_WIKI,
    }
)


def holds_upstream(outcome: Outcome) -> bool:
    """Whether the clone is known to hold all that the upstream has, work tree aside."""
    if outcome.result is Result.SKIPPED:
        return outcome.reason in _ONLY_THE_WORK_TREE
    return outcome.result in _REFS_ARE_CURRENT


def repo_state(outcome: Outcome) -> RepoState | None:
    """How the repository stands after it; None where the outcome does not say: moved, removed."""
    if outcome.result in (Result.MOVED, Result.ARCHIVED, Result.REMOVED):
        return None
    if outcome.result is Result.FAILED:
        return RepoState.FAILED
    if outcome.reason in (Reason.FOREIGN, Reason.OTHER_SHARD):
        return RepoState.FOREIGN
    settled = outcome.reason in (None, Reason.CURRENT, Reason.EMPTY)
    return RepoState.CURRENT if settled and holds_upstream(outcome) else RepoState.HELD
