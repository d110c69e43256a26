"""Adds up where the time of a run goes. Costs a lock and an addition for each thing measured."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from mgit.model import Measures


class Spent(StrEnum):
    """What threads spend their time on, beside working."""

    ASKING = "asking"
    PAUSED = "paused"
    QUEUED = "queued"


class Meter:
    """The sums of one run; any thread may add.

    Args:
        clock: monotonic seconds.
        usage: processor seconds of this process, and of its children that have ended.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        usage: Callable[[], tuple[float, float]] | None = None,
    ) -> None:
        self._clock = clock
        self._usage = usage or _usage
        self._lock = threading.Lock()
        self._seconds = dict.fromkeys(Spent, 0.0)
        self._times = dict.fromkeys(Spent, 0)
        self._phases = {"listing": 0.0, "comparing": 0.0, "applying": 0.0}
        self._sources: dict[str, float] = {}
        self._began = self._usage()

    def add(self, spent: Spent, seconds: float) -> None:
        """Note that a thread spent so many seconds."""
        with self._lock:
            self._seconds[spent] += seconds
            self._times[spent] += 1

    @contextmanager
    def timed(self, spent: Spent) -> Iterator[None]:
        """Note what the block takes, also when it fails."""
        began = self._clock()
        try:
            yield
        finally:
            self.add(spent, self._clock() - began)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Note the wall time of a phase: `listing`, `comparing`, `applying`."""
        began = self._clock()
        try:
            yield
        finally:
            self._phases[name] += self._clock() - began

    def listed(self, source: str, seconds: float) -> None:
        """Note how long a source took."""
        self._sources[source] = self._sources.get(source, 0.0) + seconds

    def measures(self, *, total: float, git: float, gits: int, workers: int) -> Measures:
        """The sums so far.

        Args:
            total: wall time of the run.
            git: seconds in git processes, all threads.
            gits: how many there were.
            workers: how many may run side by side.
        """
        own, children = self._usage()
        with self._lock:
            return Measures(
                total=total,
                **self._phases,
                asking=self._seconds[Spent.ASKING],
                asked=self._times[Spent.ASKING],
                git=git,
                gits=gits,
                paused=self._seconds[Spent.PAUSED],
                queued=self._seconds[Spent.QUEUED],
                own_cpu=own - self._began[0],
                git_cpu=children - self._began[1],
                workers=workers,
                cores=_cores(),
                sources=dict(self._sources),
            )


def _usage() -> tuple[float, float]:
    times = os.times()
    return times.user + times.system, times.children_user + times.children_system


def _cores() -> int:
    """Processors that this process may use."""
    ask = getattr(os, "sched_getaffinity", None)
    return len(ask(0)) if ask is not None else os.cpu_count() or 1
