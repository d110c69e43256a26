"""Which sources run next, and when. Pure: clocks and chance are passed in.

Each source has a turn of its own. Moments are monotonic seconds, so that a jump of the wall clock
leaves a running service alone; only what is kept over a restart is in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

JITTER = 0.1
FIRST_RETRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Turn:
    """When a source is due.

    Args:
        due: the moment.
        failures: how many passes in a row did not reach it.
    """

    due: float
    failures: int = 0


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn as it outlives the service.

    Args:
        due_at: seconds since 1970.
        failures: as in `Turn`.
    """

    due_at: float
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Timetable:
    """The turns of all sources.

    Args:
        intervals: seconds from one beginning to the next, by source.
        turns: by source; the same sources.
    """

    intervals: Mapping[str, float]
    turns: Mapping[str, Turn]

    @classmethod
    def resume(
        cls,
        intervals: Mapping[str, float],
        kept: Mapping[str, KeptTurn],
        *,
        now: float,
        wall: float,
    ) -> Timetable:
        """The turns after a start; a source of which nothing is kept is due at once.

        None waits for longer than an interval with its jitter, wherever the wall clock went.

        Args:
            intervals: by source.
            kept: what an earlier service left.
            now: monotonic seconds.
            wall: seconds since 1970, at the same moment.
        """
        turns: dict[str, Turn] = {}
        for source, interval in intervals.items():
            one = kept.get(source, KeptTurn(wall))
            left = min(max(0.0, one.due_at - wall), interval * (1 + JITTER))
            turns[source] = Turn(now + left, one.failures)
        return cls(intervals, turns)

    @property
    def next(self) -> float:
        """When the first of them is due."""
        return min(turn.due for turn in self.turns.values())

    def due(self, now: float) -> tuple[str, ...]:
        """The sources whose turn it is, in the order of the configuration."""
        return tuple(source for source, turn in self.turns.items() if turn.due <= now)

    def sooner(self, source: str, moment: float) -> Timetable:
        """The turns with one that comes no later than a moment."""
        turn = self.turns[source]
        return replace(self, turns={**self.turns, source: replace(turn, due=min(turn.due, moment))})

    def after(
        self,
        sources: Collection[str],
        failed: Collection[str],
        *,
        started: float,
        now: float,
        chance: float,
    ) -> Timetable:
        """The turns after a pass. Sources that went together and fared alike stay together.

        Args:
            sources: which it was about.
            failed: those of them that were not reached.
            started: when the pass began.
            now: when it ended.
            chance: from 0 to 1.
        """
        turns = dict(self.turns)
        for source in sources:
            failures = turns[source].failures + 1 if source in failed else 0
            moment = next_start(
                started=started,
                now=now,
                interval=self.intervals[source],
                failures=failures,
                chance=chance,
            )
            turns[source] = Turn(moment, failures)
        return replace(self, turns=turns)

    def kept(self, *, now: float, wall: float) -> Iterator[tuple[str, KeptTurn]]:
        """What the next start needs to know, by source; the clocks as in `resume`."""
        for source, turn in self.turns.items():
            yield source, KeptTurn(wall + turn.due - now, turn.failures)


def next_start(
    *, started: float, now: float, interval: float, failures: int, chance: float
) -> float:
    """The moment at which a source is due again.

    After a pass that did not reach it the next one comes sooner, then ever later up to the
    interval: 30 s, 60 s, 120 s, … A pass that took longer than the interval is followed at once.

    Args:
        started: when the last pass began; monotonic seconds, as all moments here.
        now: when it ended.
        interval: seconds from one beginning to the next.
        failures: how many passes in a row did not reach it.
        chance: from 0 to 1; spreads many services over time by up to a tenth.
    """
    if failures:
        pause = min(interval, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 20))
        return now + pause * (1 + JITTER * chance)
    return max(now, started + interval * (1 - JITTER + 2 * JITTER * chance))
