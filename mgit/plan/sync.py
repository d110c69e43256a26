"""From what is upstream and what is on disk to what is to be done. A pure function.

The rules, in the order in which they are asked for one repository:

1. Listed, selected, no clone: Clone; or Skip when the forge will not serve it, or when something
   that is not ours stands in the way.
2. Listed and there is a clone: Move first when it was renamed. Then Skip when it is broken, when
   upstream could not be read, or when upstream lost all its refs (never believed). Then Fetch
   where refs differ, FastForward where the checked-out branch is behind and nothing of the
   person's is in the way, else Skip or Fetch with the reason why the work tree stands still.
3. A clone that is not listed: only a complete listing of its source says anything about it.
4. A repository on disk that mgit did not make is only mentioned when it stands in the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mgit.model import (
    Action,
    Clone,
    FastForward,
    Fetch,
    Listing,
    LocalRepo,
    Move,
    Plan,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    Skip,
)
from mgit.plan.gone import plan_gone
from mgit.plan.layout import assign_folders, home_folders, is_renamed, parents
from mgit.plan.policy import GonePolicy, SourcePolicy, SyncPolicy
from mgit.plan.select import fold
from mgit.plan.standing import needs_worktree, same_refs, stand

__all__ = [
    "GonePolicy",
    "SourcePolicy",
    "SyncPolicy",
    "Unreadable",
    "Upstream",
    "needs_worktree",
    "plan_sync",
    "same_refs",
    "summarise",
]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Upstream's refs could not be read.

    Args:
        message: one line for a person.
        reason: UNREACHABLE or REFUSED.
    """

    message: str
    reason: Reason


Upstream = RefSnapshot | Unreadable


def plan_sync(
    listings: Sequence[Listing],
    upstream: Mapping[RepoKey, Upstream],
    local: Sequence[LocalRepo],
    policy: SyncPolicy,
) -> Plan:
    """Decide what a run does. Deterministic; nothing is looked up and nothing is changed.

    Args:
        listings: what the sources answered; a repository that two of them list counts once.
        upstream: refs of the repositories that have a clone; others need none.
        local: all clones below the root, with `worktree` where `needs_worktree` says so.
        policy: what the person wants.

    Returns:
        The actions by folder; those of one repository follow each other in their order.
    """
    inventory = _inventory(listings)
    homes = home_folders(local)
    folders = assign_folders(inventory.values(), local, policy.layout)
    occupied = {fold(clone.folder): clone for clone in local}
    actions: list[Action] = []
    for key in sorted(inventory, key=lambda key: (folders[key], key)):
        repo = inventory[key]
        clone = homes.get(key)
        if not policy.wants(repo):
            continue
        if clone is None:
            actions.append(_plan_new(repo, folders[key], policy, occupied))
        else:
            actions.extend(_plan_known(repo, clone, folders[key], upstream.get(key), occupied))
    actions.extend(_copies(local, homes, inventory, policy))
    unlisted = (
        clone for key, clone in homes.items() if key not in inventory and policy.means(clone)
    )
    actions.extend(plan_gone(unlisted, listings, policy.gone))
    problems = tuple(listing.failure for listing in listings if listing.failure is not None)
    return Plan(tuple(actions), problems)


def summarise(plan: Plan) -> dict[str, int]:
    """How many actions of each kind: `clone`, `fetch`, `fastforward`, `move`, `archive`, `skip`."""
    counts = Counter(type(action).__name__.lower() for action in plan.actions)
    return {name: counts[name] for name in sorted(counts)}


def _inventory(listings: Sequence[Listing]) -> dict[RepoKey, RemoteRepo]:
    inventory: dict[RepoKey, RemoteRepo] = {}
    for listing in listings:
        for repo in listing.repos:
            inventory.setdefault(repo.key, repo)
    return inventory


def _plan_new(
    repo: RemoteRepo, folder: str, policy: SyncPolicy, occupied: Mapping[str, LocalRepo]
) -> Action:
    if repo.unavailable is not None:
        return _skip(repo, folder, Reason.UNAVAILABLE, repo.unavailable)
    blocked = _blocked(repo, folder, occupied)
    return blocked or Clone(repo, folder, policy.kind_of(repo.source))


def _plan_known(
    repo: RemoteRepo,
    clone: LocalRepo,
    folder: str,
    upstream: Upstream | None,
    occupied: Mapping[str, LocalRepo],
) -> Iterator[Action]:
    here = clone.folder
    if clone.broken:
        yield _skip(repo, here, Reason.BROKEN, clone.broken)
        return
    if is_renamed(repo, clone) or repo.url != clone.url:
        # Only the name on its way there matters: the clone itself is no obstacle.
        others = {name: other for name, other in occupied.items() if other is not clone}
        blocked = _blocked(repo, folder, others) if folder != here else None
        if blocked is None:
            yield Move(repo, here, folder)
            here = folder
        else:
            # It keeps its old folder and is kept current there.
            yield blocked
    if repo.unavailable is not None:
        yield _skip(repo, here, Reason.UNAVAILABLE, repo.unavailable)
        return
    yield _plan_refs(repo, clone, here, upstream)


def _plan_refs(
    repo: RemoteRepo, clone: LocalRepo, folder: str, upstream: Upstream | None
) -> Action:
    if upstream is None:
        return _skip(repo, folder, Reason.UNREACHABLE, "its refs were not asked for")
    if isinstance(upstream, Unreadable):
        return _skip(repo, folder, upstream.reason, upstream.message)
    if not upstream.refs:
        return _plan_empty(repo, clone, folder)
    standing = stand(upstream, clone)
    same = same_refs(upstream, clone.refs)
    if standing.forward is not None:
        oid = clone.head_oid or ""
        return FastForward(repo, folder, standing.forward, clone.refs, oid, upstream)
    if not same:
        return Fetch(repo, folder, clone.kind, clone.refs, standing.held, upstream)
    if standing.held is not None:
        return _skip(repo, folder, standing.held, standing.detail)
    return _skip(repo, folder, Reason.CURRENT)


def _plan_empty(repo: RemoteRepo, clone: LocalRepo, folder: str) -> Skip:
    if not clone.refs.refs:
        return _skip(repo, folder, Reason.EMPTY, "upstream has no commit yet")
    # A broken proxy that answers with nothing looks the same as an emptied repository.
    detail = f"upstream shows no refs, the clone keeps its {len(clone.refs.refs)}"
    return _skip(repo, folder, Reason.EMPTIED, detail)


def _blocked(repo: RemoteRepo, folder: str, occupied: Mapping[str, LocalRepo]) -> Skip | None:
    """Whether a repository on disk is where this one should go, or around that place."""
    for place in (folder, *parents(folder)):
        other = occupied.get(fold(place))
        if other is None:
            continue
        if other.key is None and place == folder:
            detail = "a repository that mgit did not make is there"
            return _skip(repo, folder, Reason.FOREIGN, detail)
        return _skip(repo, folder, Reason.OCCUPIED, f"the repository {other.folder} is there")
    return None


def _copies(
    local: Sequence[LocalRepo],
    homes: Mapping[RepoKey, LocalRepo],
    inventory: Mapping[RepoKey, RemoteRepo],
    policy: SyncPolicy,
) -> Iterator[Skip]:
    """Second copies of a repository, as somebody makes with `cp -r`."""
    for clone in local:
        if clone.key is None or homes[clone.key] is clone or clone.key not in inventory:
            continue
        repo = inventory[clone.key]
        if policy.wants(repo):
            detail = f"a copy of {homes[clone.key].folder}; mgit keeps only that one current"
            yield Skip(str(repo.path), clone.folder, Reason.FOREIGN, detail, clone.key)


def _skip(repo: RemoteRepo, folder: str, reason: Reason, detail: str = "") -> Skip:
    return Skip(str(repo.path), folder, reason, detail, repo.key)
