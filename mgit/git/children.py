"""The processes that one mgit has started: how large a file they may write, and who is an orphan.

Both need to know of every process from the very moment it is there. A limit is set on mgit itself
for the time of one start, so that the child inherits it: set on a child that runs, it would come
too late for what that child has started already, and `preexec_fn` is unsafe with threads. Nobody
else may start anything meanwhile, so that every start holds one lock. setrlimit(2), proc(5).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

_PROC = Path("/proc")


class Started(Protocol):
    """A process that was just started."""

    @property
    def pid(self) -> int:
        """Its number."""


P = TypeVar("P", bound=Started)


class Children:
    """What was started and has not been waited for yet; shared by all who start processes.

    Args:
        max_file_bytes: the largest file that a limited child may write; 0 for no limit.
    """

    def __init__(self, max_file_bytes: int = 0) -> None:
        self._most = max_file_bytes
        self._lock = threading.Lock()
        self._ours: set[int] = set()

    def start(self, spawn: Callable[[], P], *, limited: bool) -> P:
        """Start a process.

        Args:
            spawn: starts it; whatever it raises is passed on.
            limited: whether it, and all that it starts, may write no file above the limit.
        """
        with self._lock:
            with _file_limit(self._most if limited else 0):
                child = spawn()
            self._ours.add(child.pid)
            return child

    def ended(self, pid: int) -> None:
        """Note that a process was waited for: its number may be another's from now on."""
        with self._lock:
            self._ours.discard(pid)

    def reap_orphans(self) -> int:
        """Wait for zombies that somebody else started and left to us, as happens to process 1.

        Whoever was started here is left to the one who waits for it.

        Returns:
            How many there were.
        """
        with self._lock:  # nobody is between being started and being known
            orphans = [pid for pid in _zombies_of(os.getpid()) if pid not in self._ours]
            for pid in orphans:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            return len(orphans)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group, if it is still there."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


@contextmanager
def _file_limit(most: int) -> Iterator[None]:
    if not most:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    stricter = [one for one in (most, *before) if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_FSIZE, (min(stricter), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _zombies_of(parent: int) -> Iterator[int]:
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            stat = (entry / "stat").read_bytes()
        except OSError:
            continue  # it has just ended
        state, above, *_ = stat.rpartition(b")")[2].split()
        if state == b"Z" and int(above) == parent:
            yield int(entry.name)
