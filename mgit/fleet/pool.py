"""Jobs side by side in a few threads, their results as one plain iterator.

Not `concurrent.futures`: its threads are joined when the interpreter ends, so that one host name
that does not resolve would hold up SIGTERM for half a minute. These threads are daemons; whoever
ends early first makes their work end (`abort`), then waits for a bounded time.
"""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Job = Callable[[], Iterable[T]]
"""Work that yields results; one thread runs it from beginning to end."""

_BREATH = 0.01
_SPREAD = 0.0002
"""Seconds between two jobs that wait for the same moment: they come back one after the other."""

TICK_SECONDS = 0.25
GRACE_SECONDS = 3.0
JOIN_SECONDS = 5.0


class Stop:
    """Set once, by a signal handler for example: no new job is begun after it.

    A plain attribute and no `threading.Event`: a handler that sets an Event while the same thread
    waits on it would deadlock.
    """

    def __init__(self) -> None:
        self.requested = False

    def request(self) -> None:
        self.requested = True


@dataclass(frozen=True, slots=True)
class Driver:
    """What the jobs of a run have in common.

    Args:
        stop: asked before each job.
        tick: called at least every `TICK_SECONDS` while results are waited for: a heartbeat.
        abort: makes running jobs end soon (kills git, closes connections); may be called twice.
        grace: seconds that running jobs get after `stop` before `abort`.
        paused: told for how long a job stood still after it raised `Later`; from any thread.
    """

    stop: Stop
    tick: Callable[[], None]
    abort: Callable[[], None]
    grace: float = GRACE_SECONDS
    paused: Callable[[float], None] | None = None


class Later(Exception):
    """Raised by a job that can't go on now; it is begun again then, and others go first.

    Args:
        seconds: when, from now.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class _Ended:
    """A thread has no more to do."""


class _Crew(Generic[T]):
    """The threads of one phase and the queue that they answer into."""

    def __init__(self, jobs: Iterable[Job[T]], workers: int, stop: Stop) -> None:
        self._jobs = deque(jobs)
        self._later: list[tuple[float, int, Job[T]]] = []
        self._lock = threading.Lock()
        self._put_back = 0
        self._stop = stop
        self._closed = False
        self._many = False
        self.results: queue.SimpleQueue[tuple[T] | _Raised | _Ended] = queue.SimpleQueue()
        self.threads = [
            threading.Thread(target=self._work, name=f"mgit-{number}", daemon=True)
            for number in range(min(max(workers, 1), len(self._jobs)))
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def answers(self) -> Iterator[tuple[T] | _Raised | _Ended]:
        """What came since the last time; waits a while for the first.

        Whoever waits for a queue is woken by each item, which costs more than the item. So this
        one looks rarely where there is much, and at once where there is little.
        """
        if self._many:
            time.sleep(_BREATH)
        self._many = False
        try:
            yield self.results.get(timeout=TICK_SECONDS)
            while True:
                answer = self.results.get_nowait()
                self._many = True
                yield answer
        except queue.Empty:
            return

    def close(self) -> None:
        """Begin no further job."""
        self._closed = True

    def join(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for thread in self.threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                try:
                    for result in job():
                        self.results.put((result,))
                except Later as later:
                    self._put(job, later.seconds)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            self.results.put(_Raised(error))
        finally:
            self.results.put(_Ended())

    def _next(self) -> Job[T] | None:
        """The next job; waits where the only ones left are for later. None: there is no more."""
        while not (self._closed or self._stop.requested):
            with self._lock:
                now = time.monotonic()
                if self._later and self._later[0][0] <= now:
                    return heapq.heappop(self._later)[2]
                if self._jobs:
                    return self._jobs.popleft()
                if not self._later:
                    return None
                wait = self._later[0][0] - now
            time.sleep(min(max(wait, 0.0), TICK_SECONDS))
        return None

    def _put(self, job: Job[T], seconds: float) -> None:
        with self._lock:
            self._put_back += 1
            at = time.monotonic() + seconds + _SPREAD * len(self._later)
            heapq.heappush(self._later, (at, self._put_back, job))


def side_by_side(
    jobs: Iterable[Job[T]], *, workers: int, driver: Driver
) -> Generator[T, None, None]:
    """Run jobs in a bounded number of threads and yield what they yield, as it comes.

    After `driver.stop` no job is begun; those that run get `driver.grace` seconds and are then
    aborted, and the iterator ends when they have. When the caller leaves early (an exception,
    Ctrl-C, `close()`), running jobs are aborted at once and waited for.

    Raises:
        BaseException: whatever a job raised; jobs are expected to turn errors into results.
    """
    crew = _Crew(jobs, workers, driver.stop)
    running = len(crew.threads)
    stopped_at: float | None = None
    aborted = False
    try:
        crew.start()
        while running:
            for answer in crew.answers():
                if isinstance(answer, tuple):
                    yield answer[0]
                elif isinstance(answer, _Raised):
                    raise answer.error
                else:
                    running -= 1
            driver.tick()
            if driver.stop.requested:
                stopped_at = stopped_at or time.monotonic()
                waited = time.monotonic() - stopped_at
                if waited > driver.grace and not aborted:
                    aborted = True
                    driver.abort()
                if waited > driver.grace + JOIN_SECONDS:
                    return
    finally:
        crew.close()
        if running:
            driver.abort()
            crew.join(JOIN_SECONDS)
