"""Named tasks side by side, with signs of progress for whoever watches."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from mgit.fleet.pool import Driver, Job, Later, side_by_side
from mgit.fleet.values import Phase, Progress, Step
from mgit.git.runner import Interrupted

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """Work with a name.

    Args:
        name: what to call it for a person: a source or a repository.
        work: yields results; runs in a thread. Where it raises `Later` it is called again.
    """

    name: str
    work: Callable[[], Iterable[T]]


@dataclass(frozen=True, slots=True)
class _Began:
    name: str


@dataclass(frozen=True, slots=True)
class _Ended:
    name: str


def run_tasks(
    phase: Phase,
    tasks: Sequence[Task[T]],
    *,
    workers: int,
    driver: Driver,
    progress: Progress | None,
    done: int = 0,
    total: int | None = None,
) -> Iterator[T]:
    """Yield what the tasks yield, as it comes, telling `progress` in the caller's thread.

    Args:
        phase: what `progress` is told.
        tasks: what to do.
        workers: how many threads at most.
        driver: ends the phase early.
        progress: who watches.
        done: tasks of the same phase that ended before.
        total: tasks of the whole phase; None for just these.
    """
    total = len(tasks) if total is None else total
    tell = progress or _nobody
    jobs = [_job(task, driver.paused or _nobody_counts) for task in tasks]
    items = side_by_side(jobs, workers=workers, driver=driver)
    with contextlib.closing(items):
        for item in items:
            match item:
                case _Began(name):
                    tell(Step(phase, name, started=True, done=done, total=total))
                case _Ended(name):
                    done += 1
                    tell(Step(phase, name, started=False, done=done, total=total))
                case (result,):
                    yield result


def hasty(driver: Driver) -> Driver:
    """For phases whose results are worth nothing after a stop: they get no time to end well."""
    return replace(driver, grace=0.0)


def complete(driver: Driver) -> None:
    """To be called after a phase whose results are only of use when all are there.

    Raises:
        Interrupted: mgit was told to stop in the middle of it.
    """
    if driver.stop.requested:
        raise Interrupted("mgit was told to stop before it knew what to do")


def _job(task: Task[T], paused: Callable[[float], None]) -> Job[_Began | _Ended | tuple[T]]:
    begun: list[bool] = []  # said once, also where it is put back
    left_at: list[float] = []

    def job() -> Iterator[_Began | _Ended | tuple[T]]:
        if not begun:
            begun.append(True)
            yield _Began(task.name)
        if left_at:
            paused(time.monotonic() - left_at.pop())
        try:
            for result in task.work():
                yield (result,)
        except Later:
            left_at.append(time.monotonic())
            raise
        yield _Ended(task.name)

    return job


def _nobody_counts(seconds: float) -> None:
    """Nobody wants to know how long it was."""


def _nobody(step: Step) -> None:
    """Nobody watches."""
