"""From what is upstream and what is on disk to what is to be done. A pure function.

The rules, in the order in which they are asked for one repository:

1. Listed, selected, no clone: Clone; or Skip when the forge will not serve it, or when something
   that is not ours stands in the way.
2. Listed and there is a clone. Damaged: Heal where the policy says so and upstream can be read,
   else Skip. Renamed: Move first, where the new place is or gets free. Then Skip when upstream
   could not be read, or when upstream lost more refs than a person has said may go. Then Fetch
   where refs differ, FastForward where the checked-out branch is behind and nothing of the
   person's is in the way, else Skip or Fetch with the reason why the work tree stands still. A
   clone in which another git works is left alone whenever there is something to do.
3. A clone that is not listed: only a complete listing of its source says anything about it.
4. A clone whose repository another shard keeps is only mentioned, listed or not.
5. A repository on disk that mgit did not make is only mentioned when it stands in the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mgit.model import (
    Action,
    Clone,
    CopyKind,
    CopyOptions,
    FastForward,
    Fetch,
    Heal,
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
from mgit.plan.layout import assign_folders, home_folders, is_renamed
from mgit.plan.moving import Ground, Mover, Moves, blocked, plan_moves
from mgit.plan.policy import GonePolicy, SourcePolicy, SyncPolicy
from mgit.plan.shard import keeper
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
    wanted = {key: repo for key, repo in inventory.items() if policy.wants(repo)}
    ground = Ground.of(local)
    movers = [
        Mover(repo, homes[key], folders[key])
        for key, repo in wanted.items()
        if key in homes and _may_move(homes[key]) and homes[key].folder != folders[key]
    ]
    moves = plan_moves(movers, ground)
    actions: list[Action] = []
    for key in sorted(wanted, key=lambda key: (folders[key], key)):
        repo, clone = wanted[key], homes.get(key)
        if clone is None:
            actions.append(_plan_new(repo, folders[key], policy, ground, moves))
        else:
            actions.extend(_plan_known(repo, clone, upstream.get(key), policy, moves))
    actions.extend(_copies(local, homes, wanted))
    actions.extend(_of_other_shards(homes, inventory, listings, policy))
    unlisted = [
        clone for key, clone in homes.items() if key not in inventory and policy.means(clone)
    ]
    own = [clone for key, clone in homes.items() if policy.keeps(key)]
    actions.extend(plan_gone(unlisted, own, listings, policy))
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


def _may_move(clone: LocalRepo) -> bool:
    return not clone.broken and not clone.locked


def _plan_new(
    repo: RemoteRepo, folder: str, policy: SyncPolicy, ground: Ground, moves: Moves
) -> Action:
    if repo.unavailable is not None:
        return _skip(repo, folder, Reason.UNAVAILABLE, repo.unavailable)
    kind = policy.kind_of(repo.source)
    return blocked(repo, folder, ground.in_the_way(folder), moves.leaving) or Clone(
        repo, folder, kind, policy.options_of(repo.source, kind)
    )


def _plan_known(
    repo: RemoteRepo,
    clone: LocalRepo,
    upstream: Upstream | None,
    policy: SyncPolicy,
    moves: Moves,
) -> Iterator[Action]:
    if clone.broken:
        yield _plan_broken(repo, clone, upstream, policy)
        return
    here = clone.folder
    outdated = is_renamed(repo, clone) or repo.url != clone.url
    held = moves.held.get(repo.key)
    if held is not None:
        # It keeps its old folder and is kept current there.
        yield held
    elif clone.locked and outdated:
        yield _skip(repo, here, Reason.LOCKED, _locked_detail(clone))
        return
    else:
        # In place it is where only the owner changed and folders do not show it, or after a crash.
        for stop in moves.routes.get(repo.key, (here,) if outdated else ()):
            yield Move(repo, here, stop)
            here = stop
    if repo.unavailable is not None:
        yield _skip(repo, here, Reason.UNAVAILABLE, repo.unavailable)
        return
    yield _unless_locked(_plan_refs(repo, clone, here, upstream, policy), repo, clone)


def _unless_locked(action: Action, repo: RemoteRepo, clone: LocalRepo) -> Action:
    if clone.locked and not isinstance(action, Skip):
        return _skip(repo, clone.folder, Reason.LOCKED, _locked_detail(clone))
    return action


def _locked_detail(clone: LocalRepo) -> str:
    return f"another git works in it, or died there: {clone.locked}"


def _plan_broken(
    repo: RemoteRepo, clone: LocalRepo, upstream: Upstream | None, policy: SyncPolicy
) -> Action:
    """A new clone in its place, where that is wanted and upstream has what was lost."""
    if not policy.heals(clone.kind):
        words = "all" if clone.kind is CopyKind.WORKTREE else "mirrors"
        aside = f"`mgit sync --heal {words}` sets it aside and clones it anew"
        return _skip(repo, clone.folder, Reason.BROKEN, f"{clone.broken}; {aside}")
    unread = repo.unavailable
    match upstream:
        case Unreadable(message=message):
            unread = message
        case None:
            unread = unread or "its refs were not asked for"
        case RefSnapshot(refs=refs) if not refs:
            unread = "upstream shows no refs"
        case _:
            pass
    if unread is not None:
        detail = f"{clone.broken}; not cloned anew, for upstream cannot be read: {unread}"
        return _skip(repo, clone.folder, Reason.BROKEN, detail)
    if clone.locked:
        detail = f"{clone.broken}; and another git may work in it: {clone.locked}"
        return _skip(repo, clone.folder, Reason.LOCKED, detail)
    options = _keeping(clone, repo, policy)
    return Heal(repo, clone.folder, clone.kind, clone.broken, options)


def _keeping(clone: LocalRepo, repo: RemoteRepo, policy: SyncPolicy) -> CopyOptions:
    """A clone stays shallow, partial or whole; what comes beside it is as the person wants."""
    wanted = policy.options_of(repo.source, clone.kind)
    return replace(clone.options, lfs=wanted.lfs, submodules=wanted.submodules)


def _plan_refs(
    repo: RemoteRepo,
    clone: LocalRepo,
    folder: str,
    upstream: Upstream | None,
    policy: SyncPolicy,
) -> Action:
    if upstream is None:
        return _skip(repo, folder, Reason.UNREACHABLE, "its refs were not asked for")
    if isinstance(upstream, Unreadable):
        return _skip(repo, folder, upstream.reason, upstream.message)
    if not upstream.refs and not clone.refs.refs:
        return _skip(repo, folder, Reason.EMPTY, "upstream has no commit yet")
    guard = policy.guard_of(repo.key)
    loss = guard.objection(upstream, clone.refs)
    if loss is not None:
        return Skip(str(repo.path), folder, loss.reason, loss.sentence, repo.key, loss)
    standing = stand(upstream, clone)
    same = same_refs(upstream, clone.refs)
    if same and standing.forward is None and standing.held is None:
        return _skip(repo, folder, Reason.CURRENT)
    options = _keeping(clone, repo, policy)
    refs = clone.refs
    if standing.forward is not None:
        oid = clone.head_oid or ""
        return FastForward(repo, folder, standing.forward, refs, oid, upstream, options, guard)
    if not same:
        return Fetch(repo, folder, clone.kind, refs, standing.held, upstream, options, guard)
    return _skip(repo, folder, standing.held or Reason.CURRENT, standing.detail)


def _copies(
    local: Sequence[LocalRepo],
    homes: Mapping[RepoKey, LocalRepo],
    wanted: Mapping[RepoKey, RemoteRepo],
) -> Iterator[Skip]:
    """Second copies of a repository, as somebody makes with `cp -r`."""
    for clone in local:
        if clone.key is not None and clone.key in wanted and homes[clone.key] is not clone:
            detail = f"a copy of {homes[clone.key].folder}; mgit keeps only that one current"
            name = str(wanted[clone.key].path)
            yield Skip(name, clone.folder, Reason.FOREIGN, detail, clone.key)


def _of_other_shards(
    homes: Mapping[RepoKey, LocalRepo],
    inventory: Mapping[RepoKey, RemoteRepo],
    listings: Sequence[Listing],
    policy: SyncPolicy,
) -> Iterator[Skip]:
    """Clones that were made when there were other shards: nothing is done to them."""
    if policy.shard is None:
        return
    whole = replace(policy, shard=None)
    asked = {listing.source for listing in listings}
    for key, clone in homes.items():
        if clone.source not in asked or policy.keeps(key):
            continue
        repo = inventory.get(key)
        if whole.means(clone) if repo is None else whole.wants(repo):
            name = str(repo.path if repo else clone.path or clone.folder)
            count = policy.shard.count
            detail = f"shard {keeper(key, count)}/{count} keeps it; this copy is left as it is"
            yield Skip(name, clone.folder, Reason.OTHER_SHARD, detail, key)


def _skip(repo: RemoteRepo, folder: str, reason: Reason, detail: str = "") -> Skip:
    return Skip(str(repo.path), folder, reason, detail, repo.key)
