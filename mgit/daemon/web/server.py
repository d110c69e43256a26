"""Sockets of the web helper: a bounded number of threads, one request a connection, deadlines.

A thread for each connection, not a loop: an answer may read the database and render a page, and the
next client need not wait for it. A slow or hostile client costs one thread for some seconds.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TypeVar

from mgit.daemon.web.answer import Answer, problem
from mgit.daemon.web.request import MAX_HEAD, Malformed, Request, parse_request

T = TypeVar("T")

MAX_CONNECTIONS = 32
IDLE_SECONDS = 5.0
DEADLINE_SECONDS = 10.0
_LINGER_SECONDS = 1.0
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is on the other side.

    Args:
        address: numeric.
        certificate: subject of the client certificate that TLS has verified, empty for none.
    """

    address: str
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Wants:
    """The answer depends on the body.

    Args:
        limit: most bytes that are read.
        then: makes the answer from it.
    """

    limit: int
    then: Callable[[bytes], Answer]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and who sent it.

    Args:
        request: None when it is malformed.
        peer: who.
        request_id: of this exchange; stands in the answer.
        malformed: what is wrong with the request.
    """

    request: Request | None
    peer: Peer
    request_id: str
    malformed: Malformed | None = None


class Application:
    """What the server needs to know of what it serves; see `mgit.daemon.web.app`."""

    def identify(self, request: Request | None) -> str:
        """The id of an exchange."""
        raise NotImplementedError

    def answer(self, exchange: Exchange) -> Answer | Wants:
        """The answer, or what is wanted first."""
        raise NotImplementedError

    def failed(self, exchange: Exchange) -> Answer:
        """The answer when making one has raised; called while that is handled."""
        raise NotImplementedError

    def ended(self, exchange: Exchange, answer: Answer, seconds: float) -> None:
        """Told of each answer after it was sent."""
        raise NotImplementedError


Wrap = Callable[[socket.socket], socket.socket]
"""Makes a connection secure; may raise `OSError`, of which `ssl.SSLError` is one."""


class Server:
    """Answers until the service is gone.

    Args:
        listener: listens already.
        application: makes the answers.
        wrap: TLS, None for plain HTTP.
        deadline: seconds that a connection may last altogether.
    """

    def __init__(
        self,
        listener: socket.socket,
        application: Application,
        wrap: Wrap | None = None,
        *,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._listener = listener
        self._application = application
        self._wrap = wrap
        self._deadline = deadline
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def run(self, until: int) -> None:
        """Serve.

        Args:
            until: a descriptor; the end of what can be read from it is the end of serving.
        """
        self._listener.settimeout(0.0)
        poll = select.poll()
        poll.register(until, select.POLLIN)
        poll.register(self._listener.fileno(), select.POLLIN)
        while True:
            for number, _ in poll.poll():
                if number == until:
                    return
                self._accept()

    def _accept(self) -> None:
        # Who comes when all places are taken waits in the queue of the socket.
        if not self._places.acquire(timeout=0.1):
            return
        try:
            connection, address = self._listener.accept()
            thread = threading.Thread(
                target=self._serve, args=(connection, str(address[0])), daemon=True
            )
            thread.start()
        except BlockingIOError:
            self._places.release()
        except (OSError, RuntimeError):  # out of descriptors or threads, for the moment
            self._places.release()
            time.sleep(0.05)

    def _serve(self, connection: socket.socket, address: str) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                Conversation(connection, self._application, self._deadline).hold(
                    address, self._wrap
                )
        finally:
            self._places.release()


class Conversation:
    """One connection: a request, its answer, the end.

    Args:
        connection: accepted.
        application: makes the answer.
        deadline: seconds that it may last.
    """

    def __init__(
        self, connection: socket.socket, application: Application, deadline: float
    ) -> None:
        self._socket = connection
        self._application = application
        self._began = time.monotonic()
        self._end = self._began + deadline
        self._read = b""

    def hold(self, address: str, wrap: Wrap | None) -> None:
        """Go through it.

        Args:
            address: of the client.
            wrap: TLS, None for plain HTTP.

        Raises:
            OSError: the client went away, was too slow, or does not speak TLS.
        """
        certificate = ""
        self._breathe()
        if wrap is not None:
            self._socket = wrap(self._socket)
            certificate = subject_of(self._socket)
        try:
            exchange = self._exchange(Peer(address, certificate))
            if exchange is None:
                return
            answer, whole = self._answer(exchange)
            head_only = exchange.request is not None and exchange.request.method == "HEAD"
            self._send(
                answer.wire(exchange.request_id, formatdate(usegmt=True), head_only=head_only)
            )
            self._application.ended(exchange, answer, time.monotonic() - self._began)
            self._close(gently=not whole)
        finally:
            self._socket.close()

    def _exchange(self, peer: Peer) -> Exchange | None:
        """Read the head; None when the client says nothing at all."""
        while b"\r\n\r\n" not in self._read[: MAX_HEAD + 4]:
            part = b"" if len(self._read) > MAX_HEAD else self._receive()
            self._read += part
            if not part:
                break
        head, end, self._read = self._read.partition(b"\r\n\r\n")
        if not end and not head:
            return None
        try:
            request = _complete(head, ended=bool(end))
        except Malformed as error:
            return Exchange(None, peer, self._application.identify(None), error)
        return Exchange(request, peer, self._application.identify(request))

    def _answer(self, exchange: Exchange) -> tuple[Answer, bool]:
        """The answer, and whether the whole request was read."""
        found = self._made(exchange, lambda: self._application.answer(exchange))
        length = exchange.request.length if exchange.request else 1
        if isinstance(found, Answer):
            return found, len(self._read) == length == 0
        if length > found.limit:
            detail = f"The body has more than {found.limit} bytes."
            return problem(413, "body-too-large", detail, exchange.request_id), False
        self._continue(exchange)
        while len(self._read) < length:
            part = self._receive()
            if not part:
                detail = "The body ended too early."
                return problem(400, "body-incomplete", detail, exchange.request_id), False
            self._read += part
        made = self._made(exchange, lambda: found.then(self._read[:length]))
        return made, len(self._read) == length

    def _made(self, exchange: Exchange, make: Callable[[], T]) -> T | Answer:
        try:
            return make()
        except Exception:  # noqa: BLE001 - the outermost edge: one request fails, the others do not
            return self._application.failed(exchange)

    def _continue(self, exchange: Exchange) -> None:
        request = exchange.request
        if request is None or request.headers.get("expect", "").lower() != "100-continue":
            return
        if request.version >= 11 and len(self._read) < request.length:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _receive(self) -> bytes:
        self._breathe()
        return self._socket.recv(_CHUNK)

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self._breathe()
            left = left[self._socket.send(left) :]

    def _breathe(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(IDLE_SECONDS, left))

    def _close(self, *, gently: bool) -> None:
        """Say that no more comes; with something unread, wait so that a reset does not take it."""
        self._socket.settimeout(_LINGER_SECONDS)
        plain = self._socket
        if isinstance(plain, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                plain = plain.unwrap()
        if gently:
            with contextlib.suppress(OSError):
                plain.shutdown(socket.SHUT_WR)
                end = time.monotonic() + _LINGER_SECONDS
                while time.monotonic() < end and plain.recv(_CHUNK):
                    pass
        if plain is not self._socket:
            plain.close()


def subject_of(connection: socket.socket) -> str:
    """Who a verified client certificate names; empty where there is none."""
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    found = connection.getpeercert() or {}
    subject: Iterable[Iterable[tuple[str, str]]] = found.get("subject", ())  # type: ignore[assignment]
    names = [f"{name}={value}" for pairs in subject for name, value in pairs]
    return ", ".join(names) or ("unnamed" if found else "")


def _complete(head: bytes, *, ended: bool) -> Request:
    if ended:
        return parse_request(head)
    status = 431 if len(head) > MAX_HEAD else 400
    raise Malformed(status, "The head of the request has no end.")
