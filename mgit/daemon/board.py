"""Where the service writes how it is, and the health helper reads it: a few pages of shared memory.

A record of fixed size with a checksum, so that a reader sees when it has read half of two; and the
text of the metrics in two places used in turn, so that it is replaced as a whole.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
import tempfile
from binascii import crc32
from collections.abc import Collection
from types import TracebackType
from typing import Self

from mgit.daemon.health import Snapshot
from mgit.daemon.region import CHECKSUM, KEYS, KEYS_AT, MAX_KEYS, MAX_TEXT, PAGE, RECORD
from mgit.errors import ConfigurationError


class Board:
    """The shared memory. One thread writes; it is no file that anybody else could open.

    Raises:
        ConfigurationError: there is no memory, or no temporary folder where memory needs one.
    """

    def __init__(self) -> None:
        try:
            with contextlib.ExitStack() as stack:
                self.descriptor = _anonymous()
                stack.callback(os.close, self.descriptor)
                os.ftruncate(self.descriptor, PAGE + 2 * MAX_TEXT)
                self._map = stack.enter_context(mmap.mmap(self.descriptor, PAGE))
                self._stack = stack.pop_all()
        except OSError as error:
            raise ConfigurationError(
                f"no memory can be shared with the health helper: {error.strerror or error}",
                advice="give mgit a temporary folder that it may write to (TMPDIR)",
            ) from None
        self._snapshot = Snapshot(beat=0.0)
        self._text = (0, crc32(b""), 0)
        self.show(self._snapshot)
        self.lock(None)

    def show(self, snapshot: Snapshot) -> None:
        """Let the helper see this snapshot from now on."""
        self._snapshot = snapshot
        record = RECORD.pack(
            snapshot.beat,
            snapshot.lock_held,
            snapshot.state_loaded,
            snapshot.storage_writable,
            snapshot.stopping,
            *self._text,
        )
        self._map[: RECORD.size + CHECKSUM.size] = record + CHECKSUM.pack(crc32(record))

    def lock(self, keys: Collection[bytes] | None) -> None:
        """Let only these in from now on.

        Args:
            keys: SHA-256 digests of tokens, at most `MAX_KEYS`; None to let everybody in.
        """
        digests = b"".join(list(keys or ())[:MAX_KEYS])
        record = KEYS.pack(keys is not None, len(digests) // 32, digests)
        end = KEYS_AT + KEYS.size + CHECKSUM.size
        self._map[KEYS_AT:end] = record + CHECKSUM.pack(crc32(record))

    def publish(self, text: bytes) -> None:
        """Let the helper serve this text from now on; one longer than `MAX_TEXT` is left out."""
        if len(text) > MAX_TEXT:
            text = b""
        generation = self._text[2] + 1
        _write(self.descriptor, text, PAGE + generation % 2 * MAX_TEXT)
        self._text = (len(text), crc32(text), generation)
        self.show(self._snapshot)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()


def _anonymous() -> int:
    """Memory with a descriptor, which a child does not inherit unless it is passed on."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may not know it
            return os.memfd_create("mgit-health", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:  # has no name: gone with the last that holds it open
        return os.dup(file.fileno())


def _write(descriptor: int, text: bytes, offset: int) -> None:
    left = memoryview(text)
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written
