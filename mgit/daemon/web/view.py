"""What there is to show: the status document of the service, and the state database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from mgit.daemon.region import Region
from mgit.daemon.web.status import SourceStatus, Status
from mgit.state.overview import Overview, RunRow, Tally

_NOTHING = Status(version="", started_at=0.0, root="")


@dataclass(frozen=True, slots=True)
class Standing:
    """How all stands at one moment. Times are in seconds since 1970.

    Args:
        now: the moment.
        live: whether the service gives signs of life, and what to say about it.
        ready: whether it does its work, and what to say about it.
        status: what the service says.
        tallies: how the repositories of each source stand.
        last_run: the latest that has ended, None for none.
    """

    now: float
    live: tuple[bool, str]
    ready: tuple[bool, str]
    status: Status
    tallies: dict[str, Tally]
    last_run: RunRow | None

    @property
    def cutoffs(self) -> dict[str, float]:
        return cutoffs(self.status, self.now)

    def tally(self, source: SourceStatus) -> Tally:
        """How the repositories of a source stand."""
        return self.tallies.get(source.name) or Tally(source.name, 0, 0, 0, 0, 0, 0, None)

    @property
    def total(self) -> Tally:
        """All sources together."""
        all_ = [self.tally(source) for source in self.status.sources]
        return Tally(
            "",
            sum(one.well for one in all_),
            sum(one.current for one in all_),
            sum(one.held for one in all_),
            sum(one.failed for one in all_),
            sum(one.foreign for one in all_),
            sum(one.stale for one in all_),
            min((one.oldest for one in all_ if one.oldest is not None), default=None),
        )

    @property
    def next_run_at(self) -> float | None:
        """When the first source is due."""
        due = [one.due_at for one in self.status.sources if one.due_at is not None]
        return min(due, default=None)


class View:
    """Looks at everything there is to show. Safe to use from many threads.

    Args:
        board: heartbeat, flags and metrics.
        status: the status document.
        overview: the state database.
        clock: seconds since 1970.
        monotonic: the clock of the heartbeat.
    """

    def __init__(
        self,
        board: Region,
        status: Region,
        overview: Overview,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._status = status
        self.overview = overview
        self.clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def metrics(self) -> bytes:
        with self._lock:
            return self._board.text()

    def status(self) -> Status:
        """What the service says; nothing in particular where that cannot be read."""
        with self._lock:
            text = self._status.text()
        try:
            return msgspec.json.decode(text, type=Status)
        except msgspec.MsgspecError:
            return _NOTHING

    def standing(self) -> Standing:
        """How all stands now."""
        now = self.clock()
        status = self.status()
        runs = self.overview.runs(2)
        return Standing(
            now,
            self._board.live(self._monotonic()),
            self._board.ready(),
            status,
            self.overview.tallies(cutoffs(status, now)),
            next((run for run in runs if run.ended_at is not None), None),
        )


def cutoffs(status: Status, now: float) -> dict[str, float]:
    """Before when the last success of a repository makes it stale, by source."""
    return {one.name: now - one.stale_after for one in status.sources}
