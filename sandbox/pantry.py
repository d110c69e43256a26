"""A keeper of packages: a web proxy for plain http that remembers what it fetched.

With a network it fetches, keeps and answers; cut off from it, it answers from what it has kept, and
notes what it could not answer. Package managers name everything but their lists by a digest or a
version, so what was kept once is never out of date; a list is fetched anew as long as that works.
"""

from __future__ import annotations

import hashlib
import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.serving import LOOPBACK, Handler, Server, bound, running

_SECONDS = 60.0
_OK = 200
_LISTS = "/dists/"


@dataclass(slots=True)
class Kept:
    """What a keeper has, and what it was asked in vain.

    Args:
        folder: a file for each URL.
        fetches: whether there is a network to fetch from.
        missed: URLs that it could not answer.
    """

    folder: Path
    fetches: bool
    missed: list[str] = field(default_factory=list)

    def get(self, url: str) -> bytes | None:
        """The body behind a URL, None where it cannot be had."""
        path = self.folder / hashlib.sha256(url.encode()).hexdigest()
        if path.is_file() and not (self.fetches and _LISTS in url):
            return path.read_bytes()
        body = _fetch(url) if self.fetches else None
        if body is None:
            self.missed.append(url)
            return None
        aside = path.with_name(f".{path.name}.{threading.get_ident()}")
        aside.write_bytes(body)
        aside.replace(path)
        return body


@dataclass(frozen=True, slots=True)
class Keeper:
    """A keeper that serves.

    Args:
        kept: what it has.
        host: where it listens.
        port: the same.
    """

    kept: Kept
    host: str
    port: int

    @property
    def url(self) -> str:
        """The proxy, as a client is told of it."""
        return f"http://{self.host}:{self.port}"


class _Handler(Handler):
    kept: Kept


def _serve(request: _Handler) -> None:
    wanted = request.command == "GET" and request.path.startswith("http://")
    body = request.kept.get(request.path) if wanted else None
    if body is None:
        request.send(404, b"not kept\n", "text/plain")
    else:
        request.send(_OK, body, "application/octet-stream")


@contextmanager
def keeping(
    folder: Path, *, host: str = LOOPBACK, port: int = 0, fetches: bool
) -> Iterator[Keeper]:
    """Serve until the block ends.

    Args:
        folder: where it keeps what it fetched; made where it is not there.
        host: the address to listen on.
        port: 0 takes a free one.
        fetches: False where there is no network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = Kept(folder, fetches)
    with running(Server((host, port), bound(_Handler, _serve, kept=kept))) as server:
        yield Keeper(kept, host, server.server_port)


def _fetch(url: str) -> bytes | None:
    """The body of a good answer; any other answer is none."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    try:
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if answer.status == _OK else None
