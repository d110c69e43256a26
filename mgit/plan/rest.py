"""What wakes a repository that was meant to rest: anything that a listing or the disk tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mgit.model import Listing, LocalRepo, RemoteRepo, RepoKey
from mgit.plan.layout import home_folders, is_renamed

MARGIN_SECONDS = 300.0
"""The forge's clock and ours may differ; to ask in vain costs one request."""


def still_resting(
    asked: Mapping[RepoKey, float], listings: Iterable[Listing], local: Iterable[LocalRepo]
) -> frozenset[RepoKey]:
    """What of it really may go unasked: listed as it was, sound on disk, without news of a push.

    Args:
        asked: what was meant to rest, and when it was asked last (seconds since 1970).
        listings: what the sources list now.
        local: all clones below the root.
    """
    if not asked:
        return frozenset()
    homes = home_folders(local)
    return frozenset(
        repo.key
        for listing in listings
        for repo in listing.repos
        if repo.key in asked and _as_it_was(repo, homes.get(repo.key), asked[repo.key])
    )


def _as_it_was(repo: RemoteRepo, clone: LocalRepo | None, asked: float) -> bool:
    if clone is None or clone.broken or is_renamed(repo, clone) or repo.url != clone.url:
        return False
    return repo.pushed_at is None or repo.pushed_at.timestamp() < asked - MARGIN_SECONDS
