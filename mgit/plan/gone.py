"""Clones that no source lists any more. An absence is only believed from a complete listing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from mgit.model import (
    Archive,
    CopyKind,
    Listing,
    LocalRepo,
    Reason,
    Remove,
    Skip,
    WorkTree,
)
from mgit.plan.layout import RESERVED
from mgit.plan.policy import SyncPolicy

# So many at once are a clean-up, whatever share of the source they are.
_FEW = 3
_ACKNOWLEDGE = "type `mgit sync --acknowledge-gone` if they are really gone"


def plan_gone(
    clones: Iterable[LocalRepo],
    homes: Sequence[LocalRepo],
    listings: Sequence[Listing],
    policy: SyncPolicy,
) -> Iterator[Archive | Remove | Skip]:
    """What to do with clones that are not listed.

    Args:
        clones: those that no listing has and that this run is about.
        homes: all clones that mgit made and this shard keeps, one of each repository.
        listings: what the sources answered; a clone of any other source is not judged.
        policy: keep them, set them aside, or delete them.
    """
    by_source: dict[str, list[LocalRepo]] = defaultdict(list)
    for clone in clones:
        by_source[clone.source].append(clone)
    if not by_source:
        return
    listed = {repo.key for listing in listings for repo in listing.repos}
    there = Counter(clone.source for clone in homes)
    gone = Counter(clone.source for clone in homes if clone.key not in listed)
    for listing in listings:
        source = listing.source
        doubt = "" if policy.gone == "keep" else _doubt(gone[source], there[source], policy)
        for clone in by_source.get(source, []):
            yield _judge(clone, listing, doubt, policy)


def may_be_removed(
    clones: Iterable[LocalRepo], listings: Sequence[Listing], policy: SyncPolicy
) -> list[LocalRepo]:
    """The clones whose work tree decides whether they are removed, which costs a git process.

    Args:
        clones: all that are on disk.
        listings: what the sources answered.
        policy: what the person wants.
    """
    if policy.gone != "delete":
        return []
    listed = {repo.key for listing in listings for repo in listing.repos}
    whole = {listing.source for listing in listings if listing.complete and listing.repos}
    return [
        clone
        for clone in clones
        if clone.key is not None
        and clone.key not in listed
        and clone.source in whole
        and clone.kind is CopyKind.WORKTREE
        and not clone.broken
        and policy.means(clone)
    ]


def _judge(
    clone: LocalRepo, listing: Listing, doubt: str, policy: SyncPolicy
) -> Archive | Remove | Skip:
    if not listing.complete or not listing.repos:
        why = listing.problem or "it answered without a single repository"
        detail = f"source {listing.source} did not list everything: {why}"
        return _skip(clone, Reason.LISTING_INCOMPLETE, detail)
    if policy.gone == "keep":
        return _skip(clone, Reason.GONE, f"source {listing.source} does not list it any more")
    if doubt:
        return _skip(clone, Reason.GONE, doubt)
    if clone.broken:
        return _skip(clone, Reason.BROKEN, f"{clone.broken}; and it is not listed any more")
    if clone.locked:
        return _skip(clone, Reason.LOCKED, f"{clone.locked} is there; and it is not listed")
    if policy.gone == "delete" and _holds_nothing_else(clone):
        return Remove(clone, clone.folder)
    return Archive(clone, clone.folder, f"{RESERVED}/archive/{clone.folder}")


def _holds_nothing_else(clone: LocalRepo) -> bool:
    """Whether all that is in a clone came from upstream, as far as can be seen from here."""
    if clone.kind is CopyKind.MIRROR:
        return True
    tree = clone.worktree
    return tree is not None and _is_untouched(tree) and tree.oid == clone.head_oid


def _is_untouched(tree: WorkTree) -> bool:
    return (
        tree.obstacle is None
        and not tree.untracked
        and not tree.stashes
        and (tree.ahead == 0 or tree.oid is None)
    )


def _doubt(gone: int, there: int, policy: SyncPolicy) -> str:
    if policy.acknowledge_gone:
        return ""
    share = gone / there if there else 0.0
    if gone > _FEW and share > policy.gone_limit:
        percent = f"{policy.gone_limit:.0%}"
        return f"{gone} of {there} at once are more than {percent}; kept: {_ACKNOWLEDGE}"
    if gone == there and gone > 1:
        return f"all {there} at once are too many to believe; kept: {_ACKNOWLEDGE}"
    return ""


def _skip(clone: LocalRepo, reason: Reason, detail: str) -> Skip:
    name = str(clone.path) if clone.path is not None else clone.folder
    return Skip(name, clone.folder, reason, detail, clone.key)
