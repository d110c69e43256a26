"""What the loopback services share: a threaded HTTP server on a free port that stops by itself."""

from __future__ import annotations

import hmac
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

MAX_BODY = 256 * 1024 * 1024
LOOPBACK = "127.0.0.1"


class Server(ThreadingHTTPServer):
    """A server on loopback whose handler threads never keep the process alive."""

    daemon_threads = True
    # A service that comes back after a kill must get its old port at once.
    allow_reuse_address = True
    # The default backlog of 5 resets connections when a client opens many at a time.
    request_queue_size = 64

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{LOOPBACK}:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with kept-alive connections, bounded bodies and no log on stderr."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    # An answer goes out in one segment; otherwise Nagle and delayed ACK cost 40 ms each.
    wbufsize = -1
    disable_nagle_algorithm = True

    def body(self) -> bytes | None:
        """The request's body; None (and the answer is sent) where it is missing or too big."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.answer(411, {"message": "Length Required"})
            return None
        if int(length) > MAX_BODY:
            self.close_connection = True
            self.answer(413, {"message": "Content Too Large"})
            return None
        return self.rfile.read(int(length))

    def answer(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        """Send a value as JSON."""
        self.send(status, json.dumps(value).encode(), "application/json; charset=utf-8", headers)

    def send(
        self,
        status: int,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send one whole answer."""
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if status != 204 and self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def bearer(self, token: str) -> bool:
        """Whether the request carries this token (`Bearer` or `token` scheme)."""
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        return scheme.lower() in ("bearer", "token") and same_secret(given, token)


def same_secret(given: str, expected: str) -> bool:
    """Compare without telling by the time it takes how much was right."""
    return hmac.compare_digest(given.encode(), expected.encode())


def silent(*_: object) -> None:
    """Take the place of a standard library handler's log on stderr."""


H = TypeVar("H", bound=Handler)


def bound(handler: type[H], serve: Callable[[H], None], **kept: object) -> type[H]:
    """A handler class for one server: with what it serves, every method answered by `serve`."""
    methods = dict.fromkeys(
        (f"do_{name}" for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")),
        serve,
    )
    return type(handler.__name__, (handler,), {**methods, "log_message": silent, **kept})


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Serve in a thread for as long as the block lasts."""
    # A short poll: shutting down waits for the end of the current one.
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, name=server.url, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def read_secret(path: Path) -> str:
    """The token in a file, without the line's end."""
    return path.read_text(encoding="utf-8").strip()


# Linux sends the signal when the starter dies, however it dies. 1 is PR_SET_PDEATHSIG.
_FOLLOW = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)
os.execv(sys.argv[1], sys.argv[1:])
"""


def following(argv: Sequence[str]) -> list[str]:
    """A command that does not outlive whoever starts it, a killed rehearsal for example.

    Args:
        argv: program (absolute path) and arguments. Start it from the main thread.
    """
    if sys.platform != "linux":
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _FOLLOW, *argv]


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process: politely, then not."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve_until_told(service: AbstractContextManager[Any], **facts: str) -> int:
    """Run a service as a command: print one JSON line with its address, end on SIGTERM or Ctrl-C.

    Args:
        service: a context manager whose value has a `url`.
        facts: more keys for that line.
    """
    # Blocked before any thread exists, so that all threads inherit it and `sigwait` gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with service as running_service:
        sys.stdout.write(json.dumps({"url": running_service.url, **facts}) + "\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0
