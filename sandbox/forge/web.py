"""HTTP/1.1 with keep-alive for the sandbox: what comes in, what goes out, who listens.

Threads are bounded, every connection is known, so that `close` leaves nothing behind.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_MAX_BODY = 64 * 1024 * 1024
_MAX_THREADS = 128
_IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent."""

    method: str
    target: str
    headers: Message
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query_string(self) -> str:
        return urlsplit(self.target).query

    def query(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return parse_qs(self.query_string).get(name, [default])[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets.

    Args:
        status: of HTTP.
        body: whole, whatever is sent of it.
        headers: without Date and Content-Length.
        hang_up: send nothing and close the connection.
        cut: announce the whole body, and close the connection after so many bytes of it.
        pace: seconds before each byte of the body; `math.inf` sends none and keeps silent.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    hang_up: bool = False
    cut: int | None = None
    pace: float = 0.0


class WebServer:
    """Listens on a loopback port and gives every request to `handle`.

    Args:
        handle: called from many threads.
        host: address to bind to.
        port: 0 for a free one.
        tls: certificate to show, and whether clients must show one; None for plain http.
    """

    def __init__(
        self,
        handle: Callable[[Request], Answer],
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = _Server((host, port), handle, tls)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening, end every connection, wait for the threads."""
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close then waits for them
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handle: Callable[[Request], Answer],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.handle = handle
        self.closing = threading.Event()
        self._tls = tls
        self._slots = threading.BoundedSemaphore(_MAX_THREADS)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:  # shakes hands in the connection's own thread
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        self._slots.acquire()
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)
        self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the sandbox."""

    def hang_up(self) -> None:
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was quicker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mgit-sandbox"
    timeout = _IDLE_SECONDS
    wbufsize = 64 * 1024  # head and body leave together: no wait for a delayed ACK

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            _shake_hands(self.request)
        super().setup()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._read_body()
        if body is None:
            self.send_error(413)
            self.close_connection = True
            return
        assert isinstance(self.server, _Server)  # noqa: S101 - the only server that makes it
        answer = self.server.handle(Request(self.command, self.path, self.headers, body))
        if answer.hang_up:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        if "Date" not in dict(answer.headers):
            self.send_header("Date", self.date_time_string())
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.status == 304:
            return
        if answer.pace:
            self._drip(answer, self.server.closing)
        else:
            self.wfile.write(answer.body[: answer.cut])
        self.close_connection = self.close_connection or answer.cut is not None

    def _drip(self, answer: Answer, closing: threading.Event) -> None:
        """As slowly as was asked for, as long as somebody listens."""
        self.wfile.flush()
        wait = None if answer.pace == math.inf else answer.pace
        for byte in answer.body:
            if closing.wait(wait):
                return
            self.wfile.write(bytes((byte,)))
            self.wfile.flush()

    def _read_body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length <= _MAX_BODY else None

    def _read_chunks(self) -> bytes | None:
        """Git sends a large request in chunks."""
        parts: list[bytes] = []
        while size := int(self.rfile.readline(64).split(b";")[0], 16):
            if sum(map(len, parts)) + size > _MAX_BODY:
                return None
            parts.append(self.rfile.read(size))
            self.rfile.readline(8)
        while self.rfile.readline(1024).strip():
            continue  # trailers
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """The sandbox keeps a log of values in place of lines."""


def _shake_hands(connection: ssl.SSLSocket) -> None:
    """Begin TLS. A client that is refused gets to read why.

    Raises:
        OSError: one side does not believe the other.
    """
    connection.settimeout(_IDLE_SECONDS)
    try:
        connection.do_handshake()
    except OSError:
        # What it has sent and nobody read would make the kernel reset the connection, and the
        # alert would be lost with it.
        try:
            socket.socket.shutdown(connection, socket.SHUT_WR)
            connection.settimeout(2.0)
            while socket.socket.recv(connection, 65536):
                continue
        except OSError:
            pass
        raise
