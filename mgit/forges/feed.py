"""What the change feeds of several forges share: where to stop, and what to keep.

A feed is a list with the newest push first. It is read until its first page that ends before the
time asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec

from mgit.forges.api import Reply
from mgit.forges.interface import Changed
from mgit.model import Listing

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def until(
    pages: Iterator[Reply],
    after: datetime,
    *,
    last_moment: Callable[[Reply], datetime | None],
) -> Iterator[Reply]:
    """Pages of a list with the newest first, to the first that ends before a time.

    Args:
        pages: the list.
        after: what is not newer is not asked for.
        last_moment: the time of a page's last entry, None where it tells none.
    """
    for reply in pages:
        yield reply
        moment = last_moment(reply)
        if moment is not None and moment <= after:
            return


def moment_of(entries: list[msgspec.Raw], type_: type[msgspec.Struct]) -> datetime | None:
    """The time of the last entry; None where there is none, or it cannot be read.

    Args:
        entries: of one page.
        type_: a struct with one field, an aware time or None.
    """
    if not entries:
        return None
    try:
        entry = msgspec.json.decode(entries[-1], type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    (moment,) = msgspec.structs.astuple(entry)
    aware = isinstance(moment, datetime) and moment.tzinfo is not None
    return moment if aware else None


def changed(listing: Listing, since: datetime, after: datetime) -> Changed:
    """What a feed said, from what was read of it.

    Args:
        listing: what was read.
        since: what was asked about.
        after: the earliest time that may still mean a push after `since`.
    """
    newer = [repo for repo in listing.repos if repo.pushed_at is None or repo.pushed_at > after]
    newer.sort(key=lambda repo: repo.pushed_at or _LONG_AGO, reverse=True)
    return Changed(tuple(newer), listing.complete, since, listing.problem)
