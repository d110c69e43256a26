"""Clones that were renamed upstream: which can move in this run, and on which way.

Renames come in chains (`b` became `c`, `a` became `b`) and rings (`a` and `b` changed names). All
end in the places that their names ask for. In a chain each waits for the one before it; whoever
applies the moves sees to that. In a ring, and where one folder lies inside another, each steps
aside first, into a folder right below the root. First steps are done before any second one.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mgit.model import LocalRepo, Reason, RemoteRepo, RepoKey, Skip
from mgit.plan.names import with_suffix
from mgit.plan.patterns import fold

_HALFWAY = re.compile(r".*~([0-9a-f]{12}-)?moving")


def is_halfway(folder: str) -> bool:
    """Whether a clone stands where it only waits for another folder, as after a crash."""
    return _HALFWAY.fullmatch(folder) is not None


def parents(folder: str) -> list[str]:
    """All folders above a folder, without the root: `a/b/c` -> `a`, `a/b`."""
    parts = folder.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


@dataclass(slots=True)
class Ground:
    """What stands where below the root."""

    _at: dict[str, LocalRepo] = field(default_factory=dict)
    _below: dict[str, list[LocalRepo]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, local: Iterable[LocalRepo]) -> Ground:
        """The ground as the disk shows it."""
        ground = cls()
        for clone in local:
            ground._at[fold(clone.folder)] = clone
            for parent in parents(clone.folder):
                ground._below[fold(parent)].append(clone)
        return ground

    def in_the_way(self, folder: str) -> list[LocalRepo]:
        """Every clone at a folder, around it, or inside of it."""
        there = (self._at.get(fold(place)) for place in (folder, *parents(folder)))
        return [
            *(clone for clone in there if clone is not None),
            *self._below.get(fold(folder), ()),
        ]


@dataclass(frozen=True, slots=True)
class Mover:
    """A clone that should be elsewhere.

    Args:
        repo: the repository under its new name.
        clone: where it is.
        to: where it belongs.
    """

    repo: RemoteRepo
    clone: LocalRepo
    to: str


@dataclass(frozen=True, slots=True)
class Moves:
    """What becomes of those that should move.

    Args:
        routes: the folders on the way, the last one is the target.
        held: who cannot go, and why.
        leaving: the folders that get free.
    """

    routes: Mapping[RepoKey, tuple[str, ...]]
    held: Mapping[RepoKey, Skip]
    leaving: frozenset[str] = frozenset()


def plan_moves(movers: Sequence[Mover], ground: Ground) -> Moves:
    """Decide who can move. Who stands in the way and stays holds up whoever waits for it.

    Args:
        movers: whose folder differs from the one they belong to, and who may be moved.
        ground: what stands where.
    """
    going = {mover.repo.key: mover for mover in movers}
    held: dict[RepoKey, Skip] = {}
    while stopped := _stopped(going, ground, held):
        for skip in stopped:
            if skip.key is not None:
                held[skip.key] = skip
                del going[skip.key]
    leaving = frozenset(mover.clone.folder for mover in going.values())
    return Moves({key: _route(mover, going, ground) for key, mover in going.items()}, held, leaving)


def blocked(
    repo: RemoteRepo, folder: str, others: Iterable[LocalRepo], leaving: Collection[str] = ()
) -> Skip | None:
    """Why a repository cannot go to a folder, None when it can.

    Args:
        repo: the repository.
        folder: where it should go.
        others: the clones in the way.
        leaving: the folders of those of them that leave in this run.
    """
    for other in others:
        if other.folder in leaving:
            continue
        name = str(repo.path)
        if other.key is None and fold(other.folder) == fold(folder):
            damage = f", and it is damaged: {other.broken}" if other.broken else ""
            detail = f"a repository that mgit did not make is there{damage}"
            return Skip(name, folder, Reason.FOREIGN, detail, repo.key)
        detail = f"the repository {other.folder} is there"
        return Skip(name, folder, Reason.OCCUPIED, detail, repo.key)
    return None


def _stopped(
    going: Mapping[RepoKey, Mover], ground: Ground, held: Mapping[RepoKey, Skip]
) -> list[Skip]:
    found: list[Skip] = []
    leaving = {mover.clone.folder for mover in going.values()}
    for key, mover in going.items():
        owner = mover.repo.wiki_of
        if owner is not None and owner in held:
            name, reason = str(mover.repo.path), Reason.OCCUPIED
            detail = "it moves with its repository, which cannot move yet"
            found.append(Skip(name, mover.to, reason, detail, key))
            continue
        skip = blocked(mover.repo, mover.to, ground.in_the_way(mover.to), leaving)
        if skip is not None:
            found.append(skip)
    return found


def _route(mover: Mover, going: Mapping[RepoKey, Mover], ground: Ground) -> tuple[str, ...]:
    if is_halfway(mover.clone.folder):
        return (mover.to,)
    inside = mover.clone.folder.startswith(f"{mover.to}/")
    if not inside and _waits_in_line(mover, going, ground):
        return (mover.to,)
    return (_aside(mover), mover.to)


def _waits_in_line(mover: Mover, going: Mapping[RepoKey, Mover], ground: Ground) -> bool:
    """Whether its way gets free by itself: it is neither in a ring nor between others' folders."""
    seen = mover
    for _ in range(len(going) + 1):
        there = [one for one in ground.in_the_way(seen.to) if one is not seen.clone]
        if not there:
            return True
        first = there[0]
        if len(there) > 1 or first.folder != seen.to or first.key is None:
            return seen is not mover  # another one in the line steps aside, and its folder is free
        seen = going[first.key]
        if seen is mover:
            return False
    return True  # it waits for a ring of others, and they step aside


def _aside(mover: Mover) -> str:
    name = mover.to.rpartition("/")[2]
    digest = hashlib.sha256(str(mover.repo.key).encode("utf-8", "surrogatepass")).hexdigest()
    return with_suffix(name, f"{digest[:12]}-moving")
