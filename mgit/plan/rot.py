"""Which clone is read next in the search for bit rot. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_DUE = 0.75


@dataclass(frozen=True, slots=True)
class LastRead:
    """What is known of a clone.

    Args:
        folder: of the clone.
        ended_at: when it was last read whole, in seconds since 1970; None when it never was.
        begun: whether a reading of it is under way.
    """

    folder: str
    ended_at: float | None = None
    begun: bool = False


def in_turn(clones: Iterable[LastRead], *, now: float, every: float) -> list[str]:
    """The clones that are due, in the order in which to read them.

    What was begun is ended first; then come those that were never read, then the stalest. One is
    due after three quarters of the period, so that a quarter of it is left for the reading.

    Args:
        clones: all there are.
        now: seconds since 1970.
        every: seconds within which each is to be read.
    """
    due = [
        one
        for one in clones
        if one.begun or one.ended_at is None or not 0 <= now - one.ended_at < every * _DUE
    ]
    due.sort(key=lambda one: (not one.begun, one.ended_at or 0.0, one.folder))
    return [one.folder for one in due]
