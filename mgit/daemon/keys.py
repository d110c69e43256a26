"""The tokens that let in: a file with one a line, read again when it changes.

Only the service reads it. Its helpers get SHA-256 digests through the `Board`: enough to know a
token and nothing to use elsewhere. Tokens are long and random, so a
plain digest cannot be turned back.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from mgit.credentials.files import read_private
from mgit.credentials.find import RUN_SECRETS
from mgit.daemon.board import Board
from mgit.daemon.region import MAX_KEYS
from mgit.errors import ConfigurationError

SHORTEST = 20
LONGEST = 512
_LOOK_SECONDS = 1.0
_WHAT = "token file"

Changed = Callable[[int, str, str], object]
"""Told of a change: how many tokens count now, what is wrong (empty if nothing), and advice."""


def parse_tokens(text: str, path: Path) -> tuple[bytes, ...]:
    """The SHA-256 digests of the tokens in a file; empty lines and those with `#` are passed over.

    Raises:
        ConfigurationError: no token, too many, or one that is too short, too long, or not of
            visible ASCII characters. The token itself is not told.
    """
    digests = []
    for number, line in enumerate(text.splitlines(), 1):
        token = line.strip()
        if not token or token.startswith("#"):
            continue
        visible = token.isascii() and token.isprintable() and " " not in token
        if not visible or not SHORTEST <= len(token) <= LONGEST:
            raise ConfigurationError(
                f"{path}: line {number} is no token of {SHORTEST} to {LONGEST} visible characters",
                advice="make one with `openssl rand -base64 32`",
            )
        digests.append(hashlib.sha256(token.encode()).digest())
    if not 1 <= len(digests) <= MAX_KEYS:
        raise ConfigurationError(
            f"{path} holds {len(digests)} tokens; it must hold 1 to {MAX_KEYS}, one a line",
            advice="make one with `openssl rand -base64 32`",
        )
    return tuple(digests)


class KeyFile:
    """Keeps the board's keys as the file has them. Of one thread.

    Args:
        path: the file.
        board: gets the digests.
        changed: told when the keys are others than before.
        clock: monotonic seconds.

    Raises:
        ConfigurationError: the file cannot be used at the start.
    """

    def __init__(
        self,
        path: Path,
        board: Board,
        changed: Changed,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._board = board
        self._changed = changed
        self._clock = clock
        self._looked = clock()
        self._seen = self._look()
        self._keys = self._read()
        board.lock(self._keys)

    def refresh(self) -> None:
        """Look whether the file has changed, at most once a second.

        One that cannot be used any more lets nobody in: an emptied file is how keys are taken back.
        """
        now = self._clock()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        problem = advice = ""
        keys: tuple[bytes, ...] = ()
        try:
            keys = self._read()
        except ConfigurationError as error:
            problem, advice = error.message, error.advice
        if problem or keys != self._keys:
            self._keys = keys
            self._board.lock(keys)
            self._changed(len(keys), problem, advice)

    def _read(self) -> tuple[bytes, ...]:
        return parse_tokens(read_private(self._path, _WHAT, trusted=RUN_SECRETS), self._path)

    def _look(self) -> tuple[int, int, int, int] | None:
        """What tells one state of the file from another; a mounted secret is replaced whole."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode
