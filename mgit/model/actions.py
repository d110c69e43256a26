"""What is to be done: actions, and the plan that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field

from mgit.model.clones import CopyKind, CopyOptions, LocalRepo
from mgit.model.losses import LossGuard, RefLoss
from mgit.model.reasons import Reason
from mgit.model.upstream import RefSnapshot, RemoteRepo, RepoKey, SourceProblem


@dataclass(frozen=True, slots=True)
class Clone:
    """Make a new clone aside and rename it to `folder` when it is whole."""

    repo: RemoteRepo
    folder: str
    kind: CopyKind
    options: CopyOptions = field(default_factory=CopyOptions)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bring refs up to date; a work tree is not touched.

    Args:
        expects: the local refs that the plan was made from.
        held: why the work tree stays as it is; None for a mirror or where nothing stands still.
        upstream: the refs to arrive at; empty when unknown, and then nothing is pruned.
        options: how much to keep; an existing clone stays shallow or whole as it is.
        guard: how much it may take away.
    """

    repo: RemoteRepo
    folder: str
    kind: CopyKind
    expects: RefSnapshot
    held: Reason | None = None
    upstream: RefSnapshot = field(default_factory=RefSnapshot)
    options: CopyOptions = field(default_factory=CopyOptions)
    guard: LossGuard = field(default_factory=LossGuard)


@dataclass(frozen=True, slots=True)
class FastForward:
    """Fetch (where refs differ), then move the checked-out branch to where its upstream is.

    Where upstream was rewritten, a branch without commits of its own goes there too.

    Args:
        branch: the checked-out branch, without `refs/heads/`; in a work tree that never had a
            commit it may be another one, upstream's first.
        expects: the local refs that the plan was made from.
        expects_oid: the commit the branch is at now, empty for an unborn branch.
        upstream: the refs to arrive at; empty when unknown, and then nothing is pruned.
        options: how much to keep; an existing clone stays shallow or whole as it is.
        guard: how much it may take away.
    """

    repo: RemoteRepo
    folder: str
    branch: str
    expects: RefSnapshot
    expects_oid: str
    upstream: RefSnapshot = field(default_factory=RefSnapshot)
    options: CopyOptions = field(default_factory=CopyOptions)
    guard: LossGuard = field(default_factory=LossGuard)


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
class Remove:
    """Gone upstream and the policy explicitly says to delete the clone."""

    local: LocalRepo
    folder: str


@dataclass(frozen=True, slots=True)
class Heal:
    """Damaged: clone anew beside it; when that is whole, set the old one aside and swap.

    Args:
        repo: what to clone.
        folder: where the damaged clone is and the new one will be.
        kind: of the new clone: what the damaged one was.
        damage: what is wrong with it, one line for a person.
        options: how much of it to keep.
    """

    repo: RemoteRepo
    folder: str
    kind: CopyKind
    damage: str
    options: CopyOptions = field(default_factory=CopyOptions)


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing to do, or nothing that may be done.

    Args:
        name: what to call it for a person: the repository's path, or the folder.
        folder: where it is (or would be) on disk.
        reason: why.
        detail: one line more for a person; may be empty.
        key: its identity, None for what mgit does not know.
        loss: what it would lose, where that is why.
    """

    name: str
    folder: str
    reason: Reason
    detail: str = ""
    key: RepoKey | None = None
    loss: RefLoss | None = None


Action = Clone | Fetch | FastForward | Move | Archive | Remove | Heal | Skip


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


def action_name(action: Action) -> str:
    """What to call the repository of an action in front of a person."""
    match action:
        case Skip():
            return action.name
        case Archive() | Remove():
            return action.folder
        case Clone() | Fetch() | FastForward() | Move() | Heal():
            return str(action.repo.path)


def action_key(action: Action) -> RepoKey | None:
    """The identity of the repository an action is about, None for what mgit does not know."""
    match action:
        case Skip():
            return action.key
        case Archive() | Remove():
            return action.local.key
        case Clone() | Fetch() | FastForward() | Move() | Heal():
            return action.repo.key
