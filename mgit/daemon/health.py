"""How the service is, as one frozen value.

The loop replaces the value and shows it to the process that answers health questions, which only
reads it (docs/adr/0008, docs/adr/0032).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from mgit.daemon import region
from mgit.daemon.region import STALLED_AFTER_SECONDS

__all__ = ["STALLED_AFTER_SECONDS", "Answer", "Health", "Snapshot", "live", "ready"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How the service is.

    Args:
        beat: when the loop last gave a sign of life, in monotonic seconds.
        lock_held: the root belongs to this process.
        state_loaded: the state file answers.
        storage_writable: a file could be written below the root.
        stopping: told to end.
    """

    beat: float
    lock_held: bool = False
    state_loaded: bool = False
    storage_writable: bool = False
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes or no, and one line that says why."""

    well: bool
    words: str


def live(snapshot: Snapshot, now: float) -> Answer:
    """Whether the loop moves, as the helper answers it."""
    return Answer(*region.live(now - snapshot.beat))


def ready(snapshot: Snapshot) -> Answer:
    """Whether the service does its work, as the helper answers it."""
    return Answer(
        *region.ready(
            lock_held=snapshot.lock_held,
            state_loaded=snapshot.state_loaded,
            storage_writable=snapshot.storage_writable,
            stopping=snapshot.stopping,
        )
    )


class Health:
    """Holds the current snapshot. One thread writes, any may read: replacing is atomic.

    A signal handler is no second writer: it interrupts the first between reading and replacing.

    Args:
        clock: monotonic seconds, the same for all processes of the machine.
        show: told of every new snapshot.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        show: Callable[[Snapshot], object] | None = None,
    ) -> None:
        self._clock = clock
        self._show = show
        self._replace(Snapshot(beat=clock()))

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def beat(self, *, stopping: bool = False) -> None:
        """Say that the loop moves, and whether it was told to end."""
        self._replace(replace(self._snapshot, beat=self._clock(), stopping=stopping))

    def locked(self, *, held: bool) -> None:
        self._replace(replace(self._snapshot, lock_held=held))

    def looked(self, *, state: bool, storage: bool) -> None:
        """Note what a look at the state file and the storage found."""
        self._replace(replace(self._snapshot, state_loaded=state, storage_writable=storage))

    def _replace(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if self._show is not None:
            self._show(snapshot)
