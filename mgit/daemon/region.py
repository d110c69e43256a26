"""What the service has written for its helpers (`mgit.daemon.board`), read without asking it.

The health helper runs without the rest of mgit: this file uses only what every interpreter has.
"""

import mmap
import os
from _operator import _compare_digest
from binascii import crc32
from struct import Struct

STALLED_AFTER_SECONDS = 60.0

# Heartbeat, four flags, and which text of how many bytes with which checksum is current.
RECORD = Struct("<d4?IIQ")
CHECKSUM = Struct("<I")
# Whether a key is asked for, how many there are, and the SHA-256 of each.
KEYS = Struct("<?H2048s")
KEYS_AT = 1024
MAX_KEYS = 64
PAGE = 4096
"""The records stand at the beginning of the region, the texts after so many bytes."""
MAX_TEXT = 16 * 1024 * 1024
"""There are two places for texts, used in turn; what was never written takes no memory."""

_TRIES = 50


def live(silent: float) -> tuple[bool, str]:
    """Whether the loop moves. No forge, no disk, no lock can make this answer no.

    Args:
        silent: seconds since its last sign of life.
    """
    if silent > STALLED_AFTER_SECONDS:
        return False, f"the loop has been silent for {silent:.0f} s"
    return True, "live"


def ready(
    *, lock_held: bool, state_loaded: bool, storage_writable: bool, stopping: bool
) -> tuple[bool, str]:
    """Whether it does its work: the root is its own, the state loaded, the storage writable."""
    lacks = [
        words
        for holds, words in (
            (not stopping, "stopping"),
            (lock_held, "root lock not held"),
            (state_loaded, "state not loaded"),
            (storage_writable, "storage full or not writable"),
        )
        if not holds
    ]
    return not lacks, ", ".join(lacks) or "ready"


class Region:
    """What the service has written, read without asking it.

    Args:
        descriptor: of the shared memory.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, PAGE, access=mmap.ACCESS_READ)
        # Last found whole; as long as there is none nothing lives, and no key lets in.
        self._good = {0: bytes(RECORD.size), KEYS_AT: KEYS.pack(1, 0, b"")}
        self._text = b""
        self._generation = -1

    def live(self, now: float) -> tuple[bool, str]:
        return live(now - self._record()[0])

    def ready(self) -> tuple[bool, str]:
        _, lock_held, state_loaded, storage_writable, stopping, *_ = self._record()
        return ready(
            lock_held=lock_held,
            state_loaded=state_loaded,
            storage_writable=storage_writable,
            stopping=stopping,
        )

    def text(self) -> bytes:
        """The metrics; those of a moment ago when they are just being replaced."""
        for _ in range(_TRIES):
            *_, length, checksum, generation = self._record()
            if generation == self._generation:
                break
            # A third text would overwrite the first while it is read: its checksum tells.
            text = os.pread(self._descriptor, length, PAGE + generation % 2 * MAX_TEXT)
            if crc32(text) == checksum:
                self._text, self._generation = text, generation
                break
        return self._text

    def lets_in(self, authorization: bytes) -> bool:
        """Whether a header such as `Bearer TOKEN` holds a key, or none is asked for."""
        kind, _, token = authorization.strip().partition(b" ")
        asks = self._whole(KEYS, KEYS_AT)[0]
        return not asks or (kind.lower() == b"bearer" and self.holds(token.strip()))

    def holds(self, token: bytes) -> bool:
        """Whether a token is a key. All keys are compared, each in constant time."""
        asks, count, keys = self._whole(KEYS, KEYS_AT)
        given = _sha256(token)
        found = 0
        for at in range(count if asks and token else 0):
            found |= _compare_digest(given, keys[at * 32 : at * 32 + 32])
        return bool(found)

    def _record(self) -> tuple[float, bool, bool, bool, bool, int, int, int]:
        found: tuple[float, bool, bool, bool, bool, int, int, int] = self._whole(RECORD, 0)
        return found

    def _whole(self, kind: Struct, at: int) -> tuple:  # type: ignore[type-arg]
        """A record as it is; as it was last when it is found half written again and again."""
        for _ in range(_TRIES):
            data = self._map[at : at + kind.size + CHECKSUM.size]
            if CHECKSUM.pack(crc32(data[: kind.size])) == data[kind.size :]:
                self._good[at] = data[: kind.size]
                break
        return kind.unpack(self._good[at])


def _sha256(data: bytes) -> bytes:
    try:
        from _sha2 import sha256  # type: ignore[import-not-found] # hashlib loads all of OpenSSL
    except ImportError:
        from hashlib import sha256
    digest: bytes = sha256(data).digest()
    return digest
