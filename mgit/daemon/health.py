"""How the service is, as one frozen value.

The loop replaces the value; whoever answers health questions only reads it. That narrow seam is
what lets another process do the answering one day (docs/adr/0008).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

STALLED_AFTER_SECONDS = 60.0


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
    """Whether the loop moves. No forge, no disk, no lock can make this answer no."""
    silent = now - snapshot.beat
    if silent > STALLED_AFTER_SECONDS:
        return Answer(well=False, words=f"the loop has been silent for {silent:.0f} s")
    return Answer(well=True, words="live")


def ready(snapshot: Snapshot) -> Answer:
    """Whether it does its work: the root is its own, the state loaded, the storage writable."""
    lacks = [
        words
        for holds, words in (
            (not snapshot.stopping, "stopping"),
            (snapshot.lock_held, "root lock not held"),
            (snapshot.state_loaded, "state not loaded"),
            (snapshot.storage_writable, "storage not writable"),
        )
        if not holds
    ]
    return Answer(well=not lacks, words=", ".join(lacks) or "ready")


class Health:
    """Holds the current snapshot. One thread writes, any may read: replacing is atomic.

    A signal handler is no second writer: it interrupts the first between reading and replacing.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._snapshot = Snapshot(beat=clock())

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def beat(self, *, stopping: bool = False) -> None:
        """Say that the loop moves, and whether it was told to end."""
        self._snapshot = replace(self._snapshot, beat=self._clock(), stopping=stopping)

    def locked(self, *, held: bool) -> None:
        self._snapshot = replace(self._snapshot, lock_held=held)

    def looked(self, *, state: bool, storage: bool) -> None:
        """Note what a look at the state file and the storage found."""
        self._snapshot = replace(self._snapshot, state_loaded=state, storage_writable=storage)
