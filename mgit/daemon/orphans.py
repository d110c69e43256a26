"""Process 1 of a container inherits what its gits left behind, and has to wait for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from mgit.git.children import Children

EVERY_SECONDS = 1.0


class Orphanage:
    """Waits for orphans when mgit is process 1; does nothing at all when it is not.

    A git that was killed leaves its helpers; they end, and stay in the table of processes until
    their parent has waited for them. Their parent is process 1 then.

    Args:
        children: tells whom somebody here waits for; those are left alone.
        process: our own number.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        children: Children,
        *,
        process: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._children = children
        self._is_first = (os.getpid() if process is None else process) == 1
        self._clock = clock
        self._next = 0.0

    def look(self) -> int:
        """Wait for the orphans that have ended, at most once a second.

        Returns:
            How many there were.
        """
        if not self._is_first or self._clock() < self._next:
            return 0
        self._next = self._clock() + EVERY_SECONDS
        return self._children.reap_orphans()
