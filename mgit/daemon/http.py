"""Answers `/livez`, `/readyz` and `/metrics`, and nothing else.

Small on purpose: GET and HEAD, one request per connection, no body read, a bounded number of
connections, each with a deadline of its own, so that a slow or hostile client costs one of them for
some seconds and nothing more.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

from mgit.config.values import HostPort
from mgit.errors import ConfigurationError

MAX_CONNECTIONS = 32
IDLE_SECONDS = 5.0
DEADLINE_SECONDS = 10.0

_SECURITY = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Connection", "close"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer.

    Args:
        status: HTTP status.
        body: sent as it is.
        content_type: media type.
    """

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


def text_page(status: int, words: str) -> Page:
    return Page(status, f"{words}\n".encode())


Routes = Mapping[str, Callable[[], Page]]


class HealthServer:
    """Serves pages from threads of its own while the `with` block lasts.

    Args:
        listen: address and port; port 0 takes a free one.
        routes: path -> maker of its page; called from several threads.
        deadline: seconds that a connection may last altogether.

    Raises:
        ConfigurationError: the address cannot be listened at.
    """

    def __init__(
        self, listen: HostPort, routes: Routes, *, deadline: float = DEADLINE_SECONDS
    ) -> None:
        try:
            self._server = _Server(listen, routes, deadline)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen at {listen}: {error.strerror or error}",
                advice="choose another address with `listen` in [serve] or MGIT_LISTEN",
            ) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.25,), name="mgit-http", daemon=True
        )

    @property
    def address(self) -> HostPort:
        """Where it listens, with the port that it really got."""
        host, port = self._server.socket.getsockname()[:2]
        return HostPort(str(host), int(port))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(TCPServer):
    """Threads, but never more than `MAX_CONNECTIONS`, and none for longer than its deadline."""

    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, listen: HostPort, routes: Routes, deadline: float) -> None:
        self._deadline = deadline
        self.address_family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self.routes = routes
        self._lock = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        super().__init__((listen.host, listen.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            full = len(self._open) >= MAX_CONNECTIONS
            if not full:
                self._open[request] = time.monotonic() + self._deadline
        if full:
            self.shutdown_request(request)
            return
        threading.Thread(
            target=self._serve, args=(request, client_address), name="mgit-http", daemon=True
        ).start()

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            # A client that goes away in the middle is its own business.
            with contextlib.suppress(OSError):
                self.finish_request(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
            self.shutdown_request(request)

    def service_actions(self) -> None:
        """Cut connections that are over their deadline; called a few times a second."""
        now = time.monotonic()
        with self._lock:
            late = [request for request, end in self._open.items() if end < now]
        for request in late:
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = IDLE_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer malformed requests and other methods (http.server's 501) in our own way."""
        del message, explain
        if code == 501:
            self._send(text_page(405, "only GET and HEAD"), (("Allow", "GET, HEAD"),))
        else:
            self._send(text_page(code, "bad request"))

    def version_string(self) -> str:
        return "mgit"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
        """Health checks come every few seconds; they are not worth a line."""

    def _answer(self) -> None:
        self.close_connection = True
        page = self.server.routes.get(self.path.partition("?")[0])
        self._send(page() if page else text_page(404, "not found"))

    def _send(self, page: Page, more: tuple[tuple[str, str], ...] = ()) -> None:
        self.close_connection = True
        self.send_response(page.status)
        for name, value in (*_SECURITY, *more):
            self.send_header(name, value)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)
