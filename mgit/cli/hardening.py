"""Keeps what this process holds in memory out of core files and away from other programs.

A core file holds every token that was in memory. Three measures, each for another way to one, and
all of them cheap (3 ms, most of it the import of ctypes):

* `RLIMIT_CORE` 0: no core file is written, by this process and the gits that it starts;
* an empty `coredump_filter` (core(5), kept by children): where the system hands cores to a
  program (`kernel.core_pattern` with a `|`), which the limit does not stop, they hold no memory;
* `PR_SET_DUMPABLE` 0 (prctl(2)): the kernel makes no core of this process at all, and no other
  program of the same user may attach to it or read its memory, environment or descriptors in
  /proc. It ends with an exec, so the health helper and the gits are as they were.

Root may do all of it still. Linux only; elsewhere, and where the kernel refuses, nothing happens.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

_PR_SET_DUMPABLE = 4  # <linux/prctl.h>
_FILTER = Path("/proc/self/coredump_filter")


def keep_memory_private(*, children: bool = True) -> None:
    """Make core files of this process impossible, or empty.

    Args:
        children: also those of the processes that it starts; False where these are a person's own.
    """
    if sys.platform != "linux":
        return
    import ctypes
    import resource

    if children:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(
                resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])
            )
        # Before the process is undumpable: from then on its own files in /proc belong to root.
        with contextlib.suppress(OSError):
            _FILTER.write_text("0\n", encoding="ascii")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
