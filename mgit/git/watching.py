"""What goes around a child process, and how its group is ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

from mgit.address import Origin

Watch = Callable[[str, Origin | None], AbstractContextManager[Callable[[int], object]]]
"""Made for each git, of its command and the place that it may talk to."""


class Stopped(Exception):
    """Not an error but the reason to wait no longer.

    Args:
        why: `cancelled`, `overflow` or `deadline`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def unwatched(
    command: str, origin: Origin | None
) -> AbstractContextManager[Callable[[int], object]]:
    """A `Watch` that nobody looks at."""
    del command, origin
    return nullcontext(abs)  # takes the exit code, and nothing comes of it


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal a process group; one that is gone already is no trouble."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
