"""Asks `/readyz` every 50 ms, and knows for how long nobody said ready."""

from __future__ import annotations

import http.client
import threading
import time
from itertools import pairwise
from types import TracebackType
from typing import Self

PERIOD = 0.05
_PATIENCE = 1.0  # an answer that takes longer is none


class Watcher:
    """A context manager; watches in a thread of its own.

    Args:
        port: of the service on loopback.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._ready: list[float] = []  # when it said ready, monotonic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def unready(self, since: float, until: float) -> float:
        """The longest time between two answers that said ready, in seconds.

        The answers around the span count too, so what began before it or lasts beyond it is
        counted whole. Even what is always ready gets to about 0.06 s.

        Args:
            since: monotonic time.
            until: monotonic time.
        """
        ready = self._ready[:]
        before = [at for at in ready if at <= since]
        within = [at for at in ready if since < at <= until]
        times = [*(before[-1:] or [since]), *within, until]
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    def _watch(self) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            if is_ready(self._port):
                self._ready.append(time.monotonic())
            self._stop.wait(max(0.0, PERIOD - (time.monotonic() - begun)))


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
