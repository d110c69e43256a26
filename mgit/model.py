"""The values that mgit thinks in. Frozen, without I/O, understood by every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mgit.address import CloneUrl


@dataclass(frozen=True, slots=True, order=True)
class RepoKey:
    """What a repository *is*, whatever it is called today.

    Args:
        forge: authority of the forge that knows it, for example `github.com`.
        id: the forge's own stable id as text; for a manifest the path of its clone URL.
    """

    forge: str
    id: str

    def __str__(self) -> str:
        return f"{self.forge}#{self.id}"


@dataclass(frozen=True, slots=True, order=True)
class RepoPath:
    """What a repository is called today: `owner/name` or `owner/project/name`."""

    owner: str
    name: str
    project: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.owner, self.project, self.name) if part is not None)


class CopyKind(StrEnum):
    """What sort of clone is kept."""

    WORKTREE = "worktree"
    MIRROR = "mirror"


class Visibility(StrEnum):
    PUBLIC = "public"
    INTERNAL = "internal"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class RemoteRepo:
    """One repository as a forge lists it.

    Args:
        key: its identity.
        source: name of the configured source that listed it.
        path: its name today.
        url: where git fetches it.
        default_branch: branch name without `refs/heads/`, None if the forge does not say.
        size_kib: the forge's own figure in KiB, a hint.
        pushed_at: the forge's time of the last push (aware), a hint.
        unavailable: why the forge will not serve it (disabled, in maintenance), else None.
    """

    key: RepoKey
    source: str
    path: RepoPath
    url: CloneUrl
    default_branch: str | None = None
    archived: bool = False
    fork: bool = False
    empty: bool | None = None
    visibility: Visibility | None = None
    size_kib: int | None = None
    pushed_at: datetime | None = None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Why a source could not be listed, or not all of it.

    Args:
        source: its configured name.
        message: what went wrong, one line for a person, free of secrets.
        advice: what to do next; may be empty.
        exit_code: what this asks the whole run to return (see `mgit.errors.ExitCode`).
    """

    source: str
    message: str
    advice: str = ""
    exit_code: int = 4


@dataclass(frozen=True, slots=True)
class Listing:
    """What one source answered.

    Args:
        source: its configured name.
        repos: what it listed.
        complete: False when a page failed: then nothing may be concluded from an absence.
        problem: what went wrong, in words for a person; empty when complete.
        advice: what to do about the problem; may be empty.
        exit_code: what the problem asks the whole run to return (see `mgit.errors.ExitCode`);
            meaningless without a problem.
    """

    source: str
    repos: tuple[RemoteRepo, ...]
    complete: bool = True
    problem: str = ""
    advice: str = ""
    exit_code: int = 4

    @property
    def failure(self) -> SourceProblem | None:
        """The problem as `Plan.problems` carries it, None where there is none."""
        if not self.problem:
            return None
        return SourceProblem(self.source, self.problem, self.advice, self.exit_code)


@dataclass(frozen=True, slots=True)
class RefSnapshot:
    """Branches, tags and HEAD of one repository, in the upstream's names.

    Args:
        refs: full ref name (`refs/heads/…`, `refs/tags/…`) -> object id in hex.
        head: full ref name that HEAD points to, None when detached or unborn and unknown.
    """

    refs: Mapping[str, str] = field(default_factory=dict)
    head: str | None = None


class Operation(StrEnum):
    """Something a person began in a work tree and has not ended."""

    MERGE = "merge"
    REBASE = "rebase"
    CHERRY_PICK = "cherry-pick"
    REVERT = "revert"
    BISECT = "bisect"


@dataclass(frozen=True, slots=True)
class WorkTree:
    """State of a work tree, from `git status --porcelain=v2 --branch`.

    Args:
        branch: checked-out branch without `refs/heads/`, None when detached.
        upstream: its remote-tracking branch, for example `origin/main`, None without one.
        ahead: commits of its own; None when there is nothing to compare with.
        behind: commits it lacks; None when there is nothing to compare with.
        changed: tracked paths with staged or unstaged changes.
        untracked: paths that git does not know.
        conflicted: unmerged paths.
        stashes: entries in the stash.
        operation: an unfinished merge, rebase, …
    """

    branch: str | None
    oid: str | None
    upstream: str | None = None
    ahead: int | None = None
    behind: int | None = None
    changed: int = 0
    untracked: int = 0
    conflicted: int = 0
    stashes: int = 0
    operation: Operation | None = None

    @property
    def obstacle(self) -> Reason | None:
        """What forbids to move it, whatever upstream has; None: nothing of the person's.

        Untracked files are none: git itself refuses to overwrite them.
        """
        if self.operation is not None:
            return Reason.OPERATION
        if self.branch is None:
            return Reason.DETACHED
        return Reason.DIRTY if self.changed or self.conflicted else None


@dataclass(frozen=True, slots=True)
class LocalRepo:
    """One clone found on disk.

    Args:
        folder: POSIX path relative to the root.
        kind: work tree or mirror.
        key: identity recorded by mgit in it; None for a repository that mgit did not make.
        url: where it was cloned from, as recorded by mgit.
        refs: what it holds of the upstream (`refs/remotes/origin/*` in upstream names for a work
            tree), read from disk without starting git.
        head_branch: branch HEAD points to (without `refs/heads/`), None when detached.
        head_oid: commit of HEAD, None when unborn.
        worktree: looked at only where a decision needs it.
        broken: what is wrong with it, empty when it looks sound.
        source: name of the source that listed it, as recorded by mgit; empty when unknown.
        path: what it was called when mgit last saw it upstream, as recorded by mgit.
    """

    folder: str
    kind: CopyKind
    key: RepoKey | None
    url: CloneUrl | None = None
    refs: RefSnapshot = field(default_factory=RefSnapshot)
    head_branch: str | None = None
    head_oid: str | None = None
    worktree: WorkTree | None = None
    broken: str = ""
    source: str = ""
    path: RepoPath | None = None


class Reason(StrEnum):
    """Why a repository, or its work tree, is left as it is; the words are in the JSON schema."""

    CURRENT = "current"
    DIRTY = "dirty"
    DIVERGED = "diverged"
    DETACHED = "detached"
    UNPUSHED = "unpushed"
    NO_UPSTREAM = "no-upstream"
    OTHER_BRANCH = "other-branch"
    OPERATION = "operation-in-progress"
    FOREIGN = "foreign"
    OCCUPIED = "folder-occupied"
    BROKEN = "broken"
    EMPTY = "empty"
    EMPTIED = "upstream-emptied"
    UNAVAILABLE = "unavailable"
    GONE = "not-listed"
    LISTING_INCOMPLETE = "listing-incomplete"
    UNREACHABLE = "unreachable"
    REFUSED = "credential-refused"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class Clone:
    """Make a new clone aside and rename it to `folder` when it is whole."""

    repo: RemoteRepo
    folder: str
    kind: CopyKind


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bring refs up to date; a work tree is not touched.

    Args:
        expects: the local refs that the plan was made from.
        held: why the work tree stays as it is; None for a mirror or where nothing stands still.
        upstream: the refs to arrive at; empty when unknown, and then nothing is pruned.
    """

    repo: RemoteRepo
    folder: str
    kind: CopyKind
    expects: RefSnapshot
    held: Reason | None = None
    upstream: RefSnapshot = field(default_factory=RefSnapshot)


@dataclass(frozen=True, slots=True)
class FastForward:
    """Fetch (where refs differ), then move the checked-out branch ahead to its upstream.

    Args:
        branch: the checked-out branch, without `refs/heads/`; in a work tree that never had a
            commit it may be another one, upstream's first.
        expects: the local refs that the plan was made from.
        expects_oid: the commit the branch is at now, empty for an unborn branch.
        upstream: the refs to arrive at; empty when unknown, and then nothing is pruned.
    """

    repo: RemoteRepo
    folder: str
    branch: str
    expects: RefSnapshot
    expects_oid: str
    upstream: RefSnapshot = field(default_factory=RefSnapshot)


@dataclass(frozen=True, slots=True)
class Move:
    """Renamed upstream: move the clone to its new place, record its new name and URL.

    `folder` and `to` are the same where only the URL changed.
    """

    repo: RemoteRepo
    folder: str
    to: str


@dataclass(frozen=True, slots=True)
class Archive:
    """Gone upstream and the policy says so: set the clone aside, never delete it."""

    local: LocalRepo
    folder: str
    to: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing to do, or nothing that may be done.

    Args:
        name: what to call it for a person: the repository's path, or the folder.
        folder: where it is (or would be) on disk.
        reason: why.
        detail: one line more for a person; may be empty.
        key: its identity, None for what mgit does not know.
    """

    name: str
    folder: str
    reason: Reason
    detail: str = ""
    key: RepoKey | None = None


Action = Clone | Fetch | FastForward | Move | Archive | Skip


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run would do, one action after the other.

    Several actions for one repository (a Move and then a Fetch) are applied in their order;
    actions of different repositories may run side by side.

    Args:
        actions: in the order in which they are shown.
        problems: sources that could not be listed whole (`Listing.failure` of each); the exit code
            of a run is that of its worst problem or outcome (`mgit.fleet.exit_code`).
    """

    actions: tuple[Action, ...]
    problems: tuple[SourceProblem, ...] = ()


class Result(StrEnum):
    """How one action ended. The words are part of the JSON schema."""

    CLONED = "cloned"
    FETCHED = "fetched"
    FAST_FORWARDED = "fast-forwarded"
    MOVED = "moved"
    ARCHIVED = "archived"
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
    """

    action: Action
    result: Result
    reason: Reason | None = None
    message: str = ""
    advice: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    refs_changed: int = 0


def action_name(action: Action) -> str:
    """What to call the repository of an action in front of a person."""
    match action:
        case Skip():
            return action.name
        case Archive():
            return action.folder
        case Clone() | Fetch() | FastForward() | Move():
            return str(action.repo.path)


def action_key(action: Action) -> RepoKey | None:
    """The identity of the repository an action is about, None for what mgit does not know."""
    match action:
        case Skip():
            return action.key
        case Archive():
            return action.local.key
        case Clone() | Fetch() | FastForward() | Move():
            return action.repo.key


_REFS_ARE_CURRENT = frozenset(
    {
        Result.CLONED,
        Result.FETCHED,
        Result.FAST_FORWARDED,
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
    }
)


def holds_upstream(outcome: Outcome) -> bool:
    """Whether the clone is known to hold all that the upstream has, work tree aside."""
    if outcome.result is Result.SKIPPED:
        return outcome.reason in _ONLY_THE_WORK_TREE
    return outcome.result in _REFS_ARE_CURRENT
