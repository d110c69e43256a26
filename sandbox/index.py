"""A package index on loopback: pypiserver, with an upload token and no overwriting.

Protocols: PEP 503 (simple pages) and the legacy upload API that twine speaks. It runs in a process
of its own, because pypiserver's copy of bottle changes how a process imports.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from sandbox.serving import (
    LOOPBACK,
    end,
    following,
    read_secret,
    same_secret,
    serve_until_told,
    silent,
)

USER = "__token__"
"""The user name that goes with an upload token, as on the big index."""
_ROOT = Path(__file__).resolve().parent.parent


class IndexFailed(Exception):
    """The index did not start."""


@dataclass(frozen=True, slots=True)
class Index:
    """A running index.

    Args:
        url: where uploads go.
        log: file with the status of the answer to each upload, one per line.
    """

    url: str
    log: Path

    @property
    def simple(self) -> str:
        """The simple API (PEP 503)."""
        return f"{self.url}/simple/"

    @property
    def uploads(self) -> list[int]:
        """The answers to all uploads so far, in order."""
        return list(map(int, self.log.read_text(encoding="utf-8").split()))


@contextmanager
def open_index(root: Path, *, token_file: Path, port: int = 0) -> Iterator[Index]:
    """Serve the packages in a folder; uploads need the token and never replace a file.

    Args:
        root: the folder of packages; made where it is missing.
        token_file: file with the password of the user `__token__`.
        port: 0 takes a free one.

    Raises:
        IndexFailed: it did not start.
    """
    module = (sys.executable, "-W", "ignore", "-m", "sandbox.index")
    options = ("--root", str(root), "--token-file", str(token_file), "--port", str(port))
    process = subprocess.Popen(
        following([*module, *options]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
    )
    try:
        assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
        with process.stdout as said:
            line = said.readline()
        if not line:
            raise IndexFailed(f"the package index over {root} did not start")
        yield Index(json.loads(line)["url"], log_of(root))
    finally:
        end(process)


def log_of(root: Path) -> Path:
    """Where the answers to uploads are noted."""
    return root.with_name(f"{root.name}-uploads.log")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}"


@contextmanager
def _serve(root: Path, token: str, port: int) -> Iterator[_Server]:
    import pypiserver  # type: ignore[import-untyped]  # carries no types

    root.mkdir(parents=True, exist_ok=True)
    log_of(root).touch()
    application = pypiserver.app(
        roots=[root],
        # Anything but `.` makes pypiserver ask; the file is not read, `auther` decides.
        password_file=os.devnull,
        authenticate=["update"],
        auther=lambda user, given: user == USER and same_secret(given, token),
        overwrite=False,
        disable_fallback=True,
        verbosity=0,
    )
    quiet = type("Quiet", (WSGIRequestHandler,), {"log_message": silent})
    server = _Server((LOOPBACK, port), quiet)
    server.set_app(_noting(application, log_of(root)))
    serve = {"poll_interval": 0.02}
    threading.Thread(target=server.serve_forever, kwargs=serve, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _noting(application: Callable[..., Iterable[bytes]], log: Path) -> Callable[..., Any]:
    """The same application, which notes the status of each answer to an upload."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, *rest: Any) -> Any:
            # An upload is multipart; a plain form only asks whether one would be allowed.
            if environ.get("CONTENT_TYPE", "").startswith("multipart/"):
                with log.open("a", encoding="utf-8") as out:
                    out.write(f"{status.split(maxsplit=1)[0]}\n")
            return start_response(status, *rest)

        return application(environ, start)

    return wrapped


def main() -> int:
    """`python -m sandbox.index --root DIR --token-file FILE [--port N]`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.index", description=main.__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    return serve_until_told(_serve(given.root, read_secret(given.token_file), given.port))


if __name__ == "__main__":
    sys.exit(main())
