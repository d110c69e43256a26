"""A package index on loopback: pypiserver, with an upload token and no overwriting.

Protocols: PEP 503 (simple pages) and the legacy upload API that twine speaks.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pypiserver  # type: ignore[import-untyped]  # carries no types

from sandbox.serving import LOOPBACK, read_secret, same_secret, serve_until_told, silent

USER = "__token__"
"""The user name that goes with an upload token, as on the big index."""


@dataclass(frozen=True, slots=True)
class Index:
    """A running index.

    Args:
        url: where uploads go.
        uploads: every upload that was asked for, as `STATUS` of the answer; in order.
    """

    url: str
    uploads: list[int] = field(default_factory=list)

    @property
    def simple(self) -> str:
        """The simple API (PEP 503)."""
        return f"{self.url}/simple/"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


def _counted(application: Callable[..., Iterable[bytes]], uploads: list[int]) -> Callable[..., Any]:
    """The same application, noting the status of each answer to a POST."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, *rest: Any) -> Any:
            if environ["REQUEST_METHOD"] == "POST":
                uploads.append(int(status.split(maxsplit=1)[0]))
            return start_response(status, *rest)

        return application(environ, start)

    return wrapped


@contextmanager
def open_index(root: Path, *, token: str, port: int = 0) -> Iterator[Index]:
    """Serve the packages in a folder; uploads need the token and never replace a file.

    Args:
        root: the folder of packages; made where it is missing.
        token: password of the user `__token__`.
        port: 0 takes a free one.
    """
    root.mkdir(parents=True, exist_ok=True)
    application = pypiserver.app(
        roots=[root],
        # Anything but `.` makes pypiserver ask; the file is never read, `auther` decides.
        password_file="given by auther",  # noqa: S106 (not a password)
        authenticate=["update"],
        auther=lambda user, given: user == USER and same_secret(given, token),
        overwrite=False,
        disable_fallback=True,
        verbosity=0,
    )
    quiet = type("Quiet", (WSGIRequestHandler,), {"log_message": silent})
    server = _Server((LOOPBACK, port), quiet)
    index = Index(f"http://{LOOPBACK}:{server.server_port}")
    server.set_app(_counted(application, index.uploads))
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> int:
    """`python -m sandbox.index --root DIR --token-file FILE [--port N]`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.index", description=main.__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    token = read_secret(given.token_file)
    return serve_until_told(open_index(given.root, token=token, port=given.port))


if __name__ == "__main__":
    sys.exit(main())
