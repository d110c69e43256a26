"""A pipe from a helper to the service, read line by line in a thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_CHUNK = 65536


class Pipe:
    """The end of the service, while the `with` block lasts. `writes` is for the helper.

    Args:
        name: of the thread.
        hear: called from that thread with each line, without its end; must not raise.
        longest: bytes of the longest line; of a longer one only the end is heard.
    """

    def __init__(self, name: str, hear: Callable[[bytes], object], longest: int) -> None:
        self._hear = hear
        self._longest = longest
        self._reads, self.writes = os.pipe()
        self._thread = threading.Thread(target=self._read, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self.writes)  # the helper has ended before: now nobody writes any more
        self._thread.join(2.0)
        if not self._thread.is_alive():
            os.close(self._reads)

    def _read(self) -> None:
        rest = b""
        while part := os.read(self._reads, _CHUNK):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                self._hear(line)
            rest = rest[-self._longest :]
