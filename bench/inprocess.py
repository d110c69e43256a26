"""What answered before the helper did: threads of the service itself. Kept for the comparison."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any

MAX_CONNECTIONS = 32
IDLE_SECONDS = 5.0
DEADLINE_SECONDS = 10.0


class Server(TCPServer):
    """Threads, but never more than `MAX_CONNECTIONS`, and none for longer than its deadline."""

    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            full = len(self._open) >= MAX_CONNECTIONS
            if not full:
                self._open[request] = time.monotonic() + DEADLINE_SECONDS
        if full:
            self.shutdown_request(request)
            return
        threading.Thread(target=self._serve, args=(request, client_address), daemon=True).start()

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
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
    timeout = IDLE_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Connection", "close")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"live\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
        """Nothing is worth a line."""


def start(told: Path) -> None:
    """Serve from threads of this process; its port is written to a file."""
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.25,), daemon=True).start()
    told.write_text(str(server.server_address[1]), encoding="ascii")


def hog() -> None:
    """Let a thread parse a long listing again and again, once a line comes to standard input."""
    import json

    document = json.dumps([{"id": number, "name": f"r{number}"} for number in range(50_000)])

    def run() -> None:
        sys.stdin.readline()
        while True:
            json.loads(document)

    threading.Thread(target=run, daemon=True).start()
