"""What a mirror keeps of what upstream took back: under a name of its own, for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mgit.git.keeping import KEPT, KEPT_SECONDS, expired, kept_name

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_what_is_kept_twice_within_a_second_has_two_names() -> None:
    """Else the second tip would take the place of the first, or `topic/one` meet `topic`."""
    soon = NOON + timedelta(milliseconds=1)
    assert kept_name("refs/heads/main", NOON) == f"{KEPT}20260131T120000.000000Z/heads/main"
    assert kept_name("refs/heads/main", soon) == f"{KEPT}20260131T120000.001000Z/heads/main"


def test_only_what_was_kept_long_enough_is_let_go() -> None:
    old, new = (kept_name("refs/tags/v1", NOON + timedelta(seconds=late)) for late in (0, 2))
    names = [old, new, f"{KEPT}somebody/else", "refs/heads/main"]
    assert list(expired(names, NOON + timedelta(seconds=KEPT_SECONDS + 1))) == [old]
