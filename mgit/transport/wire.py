"""A socket with an end to every wait, in the shape that `http.client` reads through."""

from __future__ import annotations

import io
import select
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BUFFER = 64 * 1024


class Wire:
    """A socket whose every operation ends at a deadline: a slow drip cannot hold a thread."""

    def __init__(self, sock: socket.socket, timeout: float, clock: Callable[[], float]) -> None:
        self.received = 0
        self.ended = False
        self._sock = sock
        self._timeout = timeout
        self._clock = clock
        self._ends = 0.0
        self._armed = -1.0

    def begin(self, ends: float) -> None:
        self.received = 0
        self._ends = ends

    def sendall(self, data: ReadableBuffer) -> None:
        self._arm()
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"  # noqa: S101 - the one call that http.client makes
        return io.BufferedReader(_WireReader(self), _BUFFER)

    def receive_into(self, buffer: WriteableBuffer) -> int:
        self._arm()
        count = self._sock.recv_into(buffer)
        self.received += count
        self.ended = self.ended or count == 0
        return count

    def readable(self) -> bool:
        if hasattr(select, "poll"):  # select() knows no descriptor above 1023
            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            return bool(poll.poll(0))
        return bool(select.select([self._sock], [], [], 0)[0])

    def close(self) -> None:
        """http.client lets go of it, maybe before the body is read: nothing is closed here."""

    def end(self) -> None:
        self._sock.close()

    def abort(self) -> None:
        try:
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        except OSError:
            return  # already gone: what was asked for

    def _arm(self) -> None:
        left = self._ends - self._clock()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        wanted = min(self._timeout, left)
        if wanted != self._armed:  # setting it costs a system call, and it seldom changes
            self._sock.settimeout(wanted)
            self._armed = wanted


class _WireReader(io.RawIOBase):
    """The reading side of a `Wire` for `io.BufferedReader`; closing it leaves the socket open."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._wire.receive_into(buffer)
