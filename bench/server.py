"""A forge that is never the bottleneck: several processes, TLS, answers kept in memory.

Every answer of git's protocol is git's own: the first time it is asked `git upload-pack` computes
it, after that it is sent from memory. The listing is made before the processes are.
"""

from __future__ import annotations

import base64
import gzip
import mmap
import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never

from bench.machine import process_cpu

TOKEN = "bench-only"  # noqa: S105 # nosec B105 - for a server on loopback that lives for minutes
_UNKNOWN = b'{"message":"Not Found"}'
_JSON = "application/json; charset=utf-8"
_COUNTER = struct.Struct("q")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the listing: its JSON, its ETag, and the `Link` header that leads on."""

    body: bytes
    etag: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Forge:
    """What is served.

    Args:
        repos: bare repositories by path (`/bench/r00001.git`): the states each can be in.
        pages: listings by request target.
    """

    repos: Mapping[str, tuple[Path, ...]]
    pages: Mapping[str, Page] = field(default_factory=dict)


class Shared:
    """What the processes have in common: the state each repository is in, and who counts.

    Args:
        repos: how many repositories.
        workers: how many processes.
    """

    def __init__(self, repos: int, workers: int) -> None:
        self._states = mmap.mmap(-1, max(repos, 1))
        self._counts = mmap.mmap(-1, _COUNTER.size * workers)
        self._workers = workers

    def state(self, repo: int) -> int:
        return self._states[repo]

    def set_state(self, repo: int, state: int) -> None:
        self._states[repo] = state

    def count(self, worker: int) -> None:
        """One request more; only its own process writes a counter, under its own lock."""
        at = worker * _COUNTER.size
        _COUNTER.pack_into(self._counts, at, _COUNTER.unpack_from(self._counts, at)[0] + 1)

    @property
    def requests(self) -> int:
        """All requests so far."""
        return sum(
            _COUNTER.unpack_from(self._counts, worker * _COUNTER.size)[0]
            for worker in range(self._workers)
        )


@dataclass(frozen=True, slots=True)
class Running:
    """A forge that serves.

    Args:
        url: `https://127.0.0.1:PORT`.
        shared: states and counters.
        processes: their ids.
    """

    url: str
    shared: Shared
    processes: tuple[int, ...]

    @property
    def cpu(self) -> float:
        """CPU seconds of the server so far."""
        return sum(process_cpu(pid) for pid in self.processes)


def open_port() -> socket.socket:
    """A listening socket on a free port of loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    return listener


@contextmanager
def serving(
    listener: socket.socket, forge: Forge, certificate: Path, key: Path, workers: int
) -> Iterator[Running]:
    """Serve from `workers` processes for as long as the block lasts; they end with this process."""
    shared = Shared(len(forge.repos), workers)
    alive, keeper = os.pipe()
    children: list[int] = []
    try:
        for number in range(workers):
            child = os.fork()
            if child == 0:
                os.close(keeper)
                _work(_Worker(listener, forge, shared, number), certificate, key, alive)
            children.append(child)
        port = listener.getsockname()[1]
        yield Running(f"https://127.0.0.1:{port}", shared, tuple(children))
    finally:
        os.close(keeper)
        os.close(alive)
        for child in children:
            with suppress(ChildProcessError):
                os.waitpid(child, 0)


def _work(worker: _Worker, certificate: Path, key: Path, alive: int) -> Never:
    """A process of the server: serve until whoever started it has closed its end of the pipe."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        threading.Thread(target=worker.accept, args=(context,), daemon=True).start()
        os.read(alive, 1)
        code = 0
    finally:
        os._exit(code)


class _Worker:
    """One process: a thread for each connection."""

    def __init__(self, listener: socket.socket, forge: Forge, shared: Shared, number: int) -> None:
        self._listener = listener
        self._forge = forge
        self._shared = shared
        self._number = number
        self._numbers = {path: index for index, path in enumerate(forge.repos)}
        self._kept: dict[tuple[Path | str, bytes], bytes] = {}
        self._lock = threading.Lock()
        basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        self._allowed = {f"bearer {TOKEN}", f"token {TOKEN}", f"basic {basic}".lower()}

    def accept(self, context: ssl.SSLContext) -> None:
        while True:
            raw, _ = self._listener.accept()
            threading.Thread(target=self._talk, args=(raw, context), daemon=True).start()

    def _talk(self, raw: socket.socket, context: ssl.SSLContext) -> None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError), context.wrap_socket(raw, server_side=True) as connection:
            reader = _Reader(connection.recv)
            while (request := reader.request()) is not None:
                with self._lock:
                    self._shared.count(self._number)
                connection.sendall(self._answer(request))

    def _answer(self, request: _Request) -> bytes:
        given = request.headers.get("authorization", "")
        if given.lower() not in self._allowed:
            return _response(401, b"", "text/plain", 'WWW-Authenticate: Basic realm="bench"\r\n')
        path, _, query = request.target.partition("?")
        if (page := self._forge.pages.get(request.target)) is not None:
            return _page(page, request.headers.get("if-none-match"))
        place, _, service = path.rpartition("/")
        if service == "refs" and query == "service=git-upload-pack":
            return self._advertise(place.removesuffix("/info"), request)
        if service == "git-upload-pack":
            return self._upload_pack(place, request)
        return _response(404, _UNKNOWN, _JSON)

    def _advertise(self, place: str, request: _Request) -> bytes:
        folder = self._folder(place)
        if folder is None:
            return _response(404, _UNKNOWN, _JSON)
        protocol = request.headers.get("git-protocol", "")
        # What version 2 says is the same for all repositories.
        key = (protocol if "version=2" in protocol else folder, b"")

        def compute() -> bytes:
            body = _upload_pack(folder, protocol, b"", "--advertise-refs")
            old = b"" if "version=2" in protocol else b"001e# service=git-upload-pack\n0000"
            return _git_response("advertisement", old + body)

        return self._remembered(key, compute)

    def _upload_pack(self, place: str, request: _Request) -> bytes:
        folder = self._folder(place)
        if folder is None:
            return _response(404, _UNKNOWN, _JSON)
        protocol = request.headers.get("git-protocol", "")

        def compute() -> bytes:
            return _git_response("result", _upload_pack(folder, protocol, request.body))

        return self._remembered((folder, request.body), compute)

    def _folder(self, place: str) -> Path | None:
        number = self._numbers.get(place)
        if number is None:
            return None
        return self._forge.repos[place][self._shared.state(number)]

    def _remembered(self, key: tuple[Path | str, bytes], compute: Callable[[], bytes]) -> bytes:
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = compute()
        return known


@dataclass(frozen=True, slots=True)
class _Request:
    target: str
    headers: Mapping[str, str]
    body: bytes


class _Reader:
    """Reads requests off a connection. It serves two known clients, and trusts them."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._buffer = b""

    def request(self) -> _Request | None:
        """The next one; None at the end of the connection."""
        head = self._until(b"\r\n\r\n")
        if not head:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self._take(int(headers.get("content-length", "0")))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return _Request(first.split(" ")[1], headers, body)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._until(b"\r\n"), 16):
            yield self._take(size)
            self._take(2)
        self._take(2)

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            more = self._receive(65536)
            if not more:
                return b""
            self._buffer += more
        found, _, self._buffer = self._buffer.partition(end)
        return found

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            more = self._receive(65536)
            if not more:
                raise ConnectionResetError
            self._buffer += more
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


def _upload_pack(folder: Path, protocol: str, body: bytes, *flags: str) -> bytes:
    done = subprocess.run(
        ["git", "upload-pack", "--stateless-rpc", *flags, str(folder)],
        input=body,
        env={**os.environ, "GIT_PROTOCOL": protocol, "GIT_CONFIG_GLOBAL": "/dev/null"},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConnectionResetError(done.stderr.decode(errors="replace"))
    return done.stdout


def _page(page: Page, known: str | None) -> bytes:
    headers = f"ETag: {page.etag}\r\n" + (f"Link: {page.link}\r\n" if page.link else "")
    if known == page.etag:
        return _response(304, b"", _JSON, headers)
    return _response(200, page.body, _JSON, headers)


def _git_response(kind: str, body: bytes) -> bytes:
    content_type = f"application/x-git-upload-pack-{kind}"
    return _response(200, body, content_type, "Cache-Control: no-cache\r\n")


_REASONS = {200: "OK", 304: "Not Modified", 401: "Unauthorized", 404: "Not Found"}


def _response(status: int, body: bytes, content_type: str, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\n{headers}"
    if status != 304:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode("latin-1") + body
