"""How many repositories of one host may be asked now. Pure: the clock is passed in."""

from __future__ import annotations

from dataclasses import dataclass, replace

WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Purse:
    """What was asked of a host within the last minute.

    Args:
        per_minute: most that may be; None for all.
        spent: moments (monotonic seconds) and how many, oldest first.
    """

    per_minute: int | None = None
    spent: tuple[tuple[float, int], ...] = ()

    def room(self, now: float) -> int | None:
        """How many may be asked now; None for any number."""
        if self.per_minute is None:
            return None
        return max(0, self.per_minute - sum(count for _, count in self._within(now)))

    def after(self, now: float, count: int) -> Purse:
        """After so many were asked."""
        if self.per_minute is None or not count:
            return self
        return replace(self, spent=(*self._within(now), (now, count)))

    def next(self, now: float) -> float:
        """When there is room again."""
        if self.room(now) != 0:
            return now
        return min((at for at, _ in self._within(now)), default=now) + WINDOW_SECONDS

    def _within(self, now: float) -> tuple[tuple[float, int], ...]:
        return tuple((at, count) for at, count in self.spent if at > now - WINDOW_SECONDS)
