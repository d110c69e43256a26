"""Private folders that live as long as their mgit, and are cleared away if it was killed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mgit.credentials.files import make_private_folder
from mgit.credentials.locks import lock_file

_PREFIX = "mgit-"
_LOCK = "lock"


class RuntimeFolder:
    """One new folder (0700) below `parent`, held by a lock on a file in it.

    A killed mgit cannot remove its folder, but its lock dies with it: whoever makes the next
    folder there removes those that nobody holds, secrets and all.

    Args:
        parent: made when it is not there.

    Raises:
        OSError: `parent` cannot be made or written.
    """

    def __init__(self, parent: Path) -> None:
        if not parent.is_dir():
            make_private_folder(parent)
        _sweep(parent)
        name = f"{_PREFIX}{secrets.token_hex(8)}"
        # Locked before it gets a name that `_sweep` looks for.
        fresh = parent / f".{name}"
        fresh.mkdir(mode=0o700)
        try:
            self._descriptor = os.open(fresh / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            lock_file(self._descriptor, wait=True)
            self.path = fresh.rename(parent / name)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    @property
    def may_execute(self) -> bool:
        """Whether programs in it can be started: not where it is mounted `noexec`."""
        return not os.statvfs(self.path).f_flag & getattr(os, "ST_NOEXEC", 0)

    def remove(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


def _sweep(parent: Path) -> None:
    """Remove folders of this user whose mgit is dead."""
    for folder in _abandoned(parent):
        shutil.rmtree(folder, ignore_errors=True)


def _abandoned(parent: Path) -> Iterable[Path]:
    for folder in parent.glob(f"{_PREFIX}*"):
        # Others may put anything into a shared /tmp: only a real folder of ours is touched.
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(folder / _LOCK, flags)
            try:
                lock_file(descriptor, wait=False)
                yield folder
            finally:
                os.close(descriptor)
