"""What the fleet tells those who watch, and how a run is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from mgit.config.settings import HealPolicy
from mgit.errors import ExitCode
from mgit.model import LocalRepo, Outcome, Reason, RepoKey, Result, Skip, SourceProblem


class Phase(StrEnum):
    """The things that take time."""

    LIST = "list"
    COMPARE = "compare"
    APPLY = "apply"
    RUN = "run"


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


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What a person asks of one run, beside the configuration.

    Args:
        acknowledge_gone: what vanished upstream is really gone, however much it is.
        heal: which damaged clones to make anew; None for what the configuration says.
        recent: ask the forges only for what changed since the last complete run. A quick pass:
            it adds work where a forge tells of some, and never moves or removes anything.
        resting: names of sources that are neither asked nor worked on in this run.
        only: repositories of sources that are not listed in this run, and their folders: they are
            known from the last listing, and brought up to date where they lie. Nothing is made,
            moved or removed for it.
        asleep: known repositories that need not be asked, and when they were asked last (seconds
            since 1970). What a listing or the disk tells of one wakes it.
        causes: why a repository is looked after in this run: id of the request that said so.
        asked: ids of the requests that asked for a listing.
    """

    acknowledge_gone: bool = False
    heal: HealPolicy | None = None
    recent: bool = False
    resting: frozenset[str] = frozenset()
    only: Mapping[str, Mapping[RepoKey, str]] = field(default_factory=dict)
    asleep: Mapping[RepoKey, float] = field(default_factory=dict)
    causes: Mapping[RepoKey, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command in one clone (`mgit run`).

    Args:
        local: the clone.
        returncode: of the command; None when it could not be started or was ended.
        output: what it wrote, standard output and standard error as they came, cut at a limit.
        seconds: wall time.
        problem: why there is no return code, or what is missing of the output; one line for a
            person; empty otherwise.
    """

    local: LocalRepo
    returncode: int | None
    output: bytes = b""
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different since last time (`mgit changes`).

    Args:
        what: the kind of difference.
        where: `remote` (the forge says so) or `local` (refs of the clone differ).
        name: the repository's path, or its folder.
        key: its identity, None for what mgit does not know.
        ref: full ref name, empty where the repository itself changed.
        before: object id, old name or state; empty when there was none.
        after: object id, new name or state; empty when there is none.
        at: when, as far as known (seconds since 1970).
    """

    what: ChangeKind
    where: Literal["remote", "local"]
    name: str
    key: RepoKey | None
    ref: str = ""
    before: str = ""
    after: str = ""
    at: float | None = None


class ChangeKind(StrEnum):
    """The words are part of the JSON schema `mgit.changes/1`."""

    NEW = "new"
    GONE = "gone"
    RENAMED = "renamed"
    ARCHIVED = "archived"
    UNARCHIVED = "unarchived"
    DEFAULT_BRANCH = "default-branch"
    PUSHED = "pushed"
    REF_NEW = "ref-new"
    REF_MOVED = "ref-moved"
    REF_GONE = "ref-gone"


FAILURES = {
    Reason.UNREACHABLE: ExitCode.UNREACHABLE,
    Reason.REFUSED: ExitCode.AUTHENTICATION,
    Reason.BROKEN: ExitCode.SOME_FAILED,
    Reason.EMPTIED: ExitCode.SOME_FAILED,
    Reason.REF_LOSS: ExitCode.SOME_FAILED,
    Reason.REWRITTEN: ExitCode.SOME_FAILED,
}
"""Reasons for leaving a repository alone that are a failure of the run, not a courtesy."""

HELD_ADVICE = "`mgit ack` shows what would be lost, `mgit ack REPO` lets exactly that go"

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
    advice = "" if action.loss is None else HELD_ADVICE
    return Outcome(
        action, result, action.reason, action.detail, advice, int(code), loss=action.loss
    )


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
