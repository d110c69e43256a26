"""Clones that no source lists any more. An absence is only believed from a complete listing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from mgit.model import Archive, Listing, LocalRepo, Reason, Skip
from mgit.plan.layout import RESERVED
from mgit.plan.policy import GonePolicy

# More than this share of a source at once is more likely a lost permission than a clean-up.
_MOST_AT_ONCE = 0.5
_FEW = 3


def plan_gone(
    clones: Iterable[LocalRepo], listings: Sequence[Listing], policy: GonePolicy
) -> Iterator[Archive | Skip]:
    """What to do with clones that are not listed.

    Args:
        clones: all of them that are not in `listings` and are not left out on purpose.
        listings: what the sources answered; a clone of any other source is not judged.
        policy: keep them, or set them aside.
    """
    by_source: dict[str, list[LocalRepo]] = defaultdict(list)
    for clone in clones:
        by_source[clone.source].append(clone)
    for listing in listings:
        gone = by_source.get(listing.source, [])
        doubt = _doubt(listing, len(gone), policy)
        for clone in gone:
            yield _judge(clone, listing, doubt, policy)


def _judge(clone: LocalRepo, listing: Listing, doubt: str, policy: GonePolicy) -> Archive | Skip:
    name = str(clone.path) if clone.path is not None else clone.folder
    if not listing.complete or not listing.repos:
        detail = f"source {listing.source} did not list everything: {listing.problem or doubt}"
        return Skip(name, clone.folder, Reason.LISTING_INCOMPLETE, detail, clone.key)
    if policy == "archive" and not doubt and not clone.broken:
        return Archive(clone, clone.folder, f"{RESERVED}/archive/{clone.folder}")
    detail = doubt or f"source {listing.source} does not list it any more"
    return Skip(name, clone.folder, Reason.GONE, detail, clone.key)


def _doubt(listing: Listing, gone: int, policy: GonePolicy) -> str:
    if not listing.repos:
        return "it answered without a single repository"
    share = gone / (gone + len(listing.repos))
    if policy == "archive" and gone > _FEW and share > _MOST_AT_ONCE:
        return f"{gone} at once are too many to believe; kept. Is the token still allowed?"
    return ""
