"""Exclusive locks on open files, on POSIX and on Windows. They go when the last holder closes."""

from __future__ import annotations

import sys


def lock_file(descriptor: int, *, wait: bool) -> None:
    """Lock a file for this process, and on POSIX for the children that inherit it.

    Args:
        descriptor: of the open file.
        wait: until it is free; else a lock that somebody holds is an error.

    Raises:
        BlockingIOError: somebody else holds it.
        OSError: the file system knows no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from None
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
