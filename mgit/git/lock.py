"""One mgit per root. The lock lives as long as the last git that this mgit started there."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from mgit.credentials.locks import lock_file
from mgit.errors import Busy, ConfigurationError
from mgit.git.runner import GitRunner

OWN_FOLDER = ".mgit"
"""mgit's folder below a root: the lock, clones in the making, clones set aside."""

INCOMING = f"{OWN_FOLDER}/incoming"
QUARANTINE = f"{OWN_FOLDER}/quarantine"
TRASH = f"{OWN_FOLDER}/trash"


class RootLock:
    """Exclusive use of a root, for as long as the context is open.

    It is an flock, so it needs no clean-up after a crash. Children of `runner` inherit its
    descriptor: when mgit is killed while git still writes, the next mgit is told `Busy` until
    that git has ended (a lock that dies with its owner was seen to let two of them write).

    Args:
        root: the folder of the clones; made when it is not there.
        runner: whose children keep the lock; others can be given `descriptor`.
    """

    def __init__(self, root: Path, runner: GitRunner | None = None) -> None:
        self._root = root
        self._runner = runner
        self._stack = ExitStack()
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Take the lock at once or not at all; remove what a killed run left half made.

        Raises:
            Busy: another mgit, or a git that it left behind, works there.
            ConfigurationError: the root cannot be written.
        """
        folder = self._root / OWN_FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigurationError(
                f"root {self._root} cannot be written: {error.strerror}",
                advice="choose another root, or correct its owner",
            ) from None
        self._stack.callback(os.close, descriptor)
        try:
            self._take(descriptor)
            if self._runner is not None:
                self._stack.enter_context(self._runner.keep_open(descriptor))
            # Nobody else is alive here: what is in the making, or on its way out, was given up.
            for name in (INCOMING, TRASH):
                shutil.rmtree(self._root / name, ignore_errors=True)
        except BaseException:
            self._stack.close()
            raise
        return self

    @property
    def descriptor(self) -> int:
        """What children have to inherit (`GitRunner.keep_open`) to keep the lock.

        Raises:
            ValueError: the lock is not held.
        """
        if self._descriptor is None:
            raise ValueError("the root is not locked")
        return self._descriptor

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._descriptor = None
        self._stack.close()

    def _take(self, descriptor: int) -> None:
        try:
            lock_file(descriptor, wait=False)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            raise Busy(
                f"another mgit (pid {holder or 'unknown'}) works on {self._root}",
                advice="wait for it to end; a git that it left behind also counts",
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"root {self._root} cannot be locked: {error.strerror}",
                advice="choose a root on a file system that knows flock",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
