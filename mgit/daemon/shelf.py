"""Keeps the agenda from one life of the service to the next."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable

from mgit.config.pace import pace_of
from mgit.config.settings import Settings, SourceSettings
from mgit.daemon.agenda import Agenda
from mgit.daemon.schedule import KeptTurn, Timetable
from mgit.fleet.kit import remembered_under
from mgit.model import RepoKey
from mgit.plan.rhythm import Book, KeptVisit, Rhythm, kept, resumed
from mgit.state import State, StoredTurn, StoredVisit


class Shelf:
    """Turns and visits in the state, for what one service keeps.

    Args:
        settings: the sources and their bounds.
        state: the memory.
        clock: monotonic seconds.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._place = remembered_under(settings)
        self._serve = settings.serve
        self._sources = settings.sources
        self._digests = {one.name: _digest(one) for one in settings.sources}
        self._state = state
        self._clock = clock
        self._wall = wall

    def load(self) -> Agenda:
        """The agenda where an earlier service left it; what was changed since is due at once."""
        paces = {one.name: pace_of(self._serve, one) for one in self._sources}
        now, wall = self._clock(), self._wall()
        stored = self._state.turns.load(self._place)
        same = {one.source for one in stored if self._digests.get(one.source) == one.settings}
        return Agenda(
            Timetable.resume(
                {name: pace.interval for name, pace in paces.items()},
                {
                    one.source: KeptTurn(one.due_at, one.failures)
                    for one in stored
                    if one.source in same
                },
                now=now,
                wall=wall,
            ),
            resumed(
                {
                    name: Rhythm(pace.interval, pace.shortest, pace.longest)
                    for name, pace in paces.items()
                },
                (
                    KeptVisit(
                        one.key,
                        one.source,
                        one.folder,
                        one.asked_at,
                        one.changed_at,
                        one.failures,
                    )
                    for one in self._state.visits.load(self._place)
                    if one.source in same
                ),
                now=now,
                wall=wall,
            ),
            self._serve.asks_per_minute,
        )

    def store_turns(self, table: Timetable) -> None:
        """Keep when sources are due."""
        self._state.turns.store(
            self._place,
            [
                StoredTurn(source, turn.due_at, turn.failures, self._digests[source])
                for source, turn in table.kept(now=self._clock(), wall=self._wall())
            ],
        )

    def store_visits(self, before: Book, book: Book, seen: Iterable[RepoKey]) -> None:
        """Keep what a run found out, and forget what is gone since `before`."""
        self._state.visits.store(
            self._place,
            [
                StoredVisit(
                    one.key,
                    one.source,
                    one.folder,
                    one.asked_at,
                    one.changed_at,
                    one.failures,
                )
                for one in kept(book, seen, now=self._clock(), wall=self._wall())
            ],
            before.visits.keys() - book.visits.keys(),
        )


def _digest(source: SourceSettings) -> int:
    """Differs where a source is configured in another way; there is no secret in it."""
    return zlib.crc32(repr(source).encode("utf-8", "surrogatepass"))
