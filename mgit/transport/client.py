"""`Transport`: requests from many threads over a pool of kept-alive connections.

Standard library threads were the cheapest of what was measured; see docs/adr/0005.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mgit.address import Origin
from mgit.errors import ForgeError, InvalidInput, NetworkError
from mgit.transport.proxy import ProxySettings
from mgit.transport.values import Response, TlsSettings
from mgit.version import __version__

if TYPE_CHECKING:
    import ssl

    from mgit.transport.connection import Connection

MIB = 1024 * 1024
_IDLE_SECONDS = 50.0  # common servers close an idle connection after 60 s or more
_MOMENT_SECONDS = 1.0
_TARGET = re.compile(r"/[!-~]*")
_FIELD_NAME = re.compile(r"[A-Za-z0-9-]+")
_FIELD_VALUE = re.compile(r"[ -~]*")
_IDEMPOTENT = frozenset({"GET", "HEAD"})
_METHODS = _IDEMPOTENT | {"POST", "PUT", "PATCH", "DELETE"}


class Transport:
    """Sends requests; safe to share between threads.

    Args:
        tls: which certificate authorities to trust, and the client certificate.
        proxy: how to leave the network; empty for straight connections.
        timeout: seconds that one wait for the network may take.
        deadline: seconds that one request may take altogether, slow drips included.
        user_agent: GitHub refuses requests without one.
        max_idle_per_origin: connections kept open per scheme, host and port.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        tls: TlsSettings | None = None,
        proxy: ProxySettings | None = None,
        timeout: float = 30.0,
        deadline: float = 300.0,
        user_agent: str = f"mgit/{__version__}",
        max_idle_per_origin: int = 16,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tls = tls or TlsSettings()
        self._proxy = proxy or ProxySettings()
        self._timeout = timeout
        self._deadline = deadline
        self._user_agent = user_agent
        self._max_idle = max_idle_per_origin
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._context: ssl.SSLContext | None = None
        self._closed = False

    def request(
        self,
        method: str,
        origin: Origin,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        max_bytes: int = 64 * MIB,
        idempotent: bool | None = None,
    ) -> Response:
        """Send one request and read the whole answer, whatever its status.

        A redirect is an answer like any other. Nothing but `headers` carries a credential.

        Args:
            method: GET, HEAD, POST, PUT, PATCH or DELETE.
            origin: where to connect to; https, or http on this machine.
            target: path and query, percent-encoded, with its leading slash.
            headers: sent beside Host, User-Agent and Accept-Encoding.
            body: sent with its length.
            max_bytes: limit of the body, after decompression.
            idempotent: whether it may be sent a second time when a kept-alive connection turns
                out dead; None: GET and HEAD may. git's ls-refs is a POST that may.

        Raises:
            NetworkError: no connection, or it broke, or took too long.
            ForgeError: the answer is not HTTP, or larger than `max_bytes`.
            InvalidInput: a method, target or header that HTTP cannot carry.
        """
        fields = self._checked(method, origin, target, headers or {})
        may_repeat = method in _IDEMPOTENT if idempotent is None else idempotent
        for attempt in (1, 2):
            connection = self._take(origin, fresh=attempt > 1, forgiving=may_repeat)
            reused = connection.used
            try:
                response = connection.exchange(method, target, fields, body, max_bytes)
            except OSError as error:
                died_idle = reused and not connection.received
                self._drop(connection)
                if died_idle and may_repeat and not isinstance(error, TimeoutError):
                    continue
                raise self._unreachable(origin, error) from error
            except ForgeError as error:
                self._drop(connection)
                if self._closed:  # `close` cut the answer short: not the forge's doing
                    raise _interrupted(origin) from error
                raise
            except BaseException:
                self._drop(connection)
                raise
            self._give_back(origin, connection)
            return response
        raise AssertionError("a fresh connection is never tried twice")  # pragma: no cover

    def prepare(self) -> None:
        """Read the certificate files now: a mistake in them is told before anything is done.

        Raises:
            ConfigurationError: one of them cannot be used.
        """
        with self._lock:
            self._load_certificates()

    @property
    def closed(self) -> bool:
        """Whether `close` was called: every request fails from then on."""
        return self._closed

    def close(self) -> None:
        """End every connection, also those that another thread waits on; no request after it."""
        with self._lock:
            self._closed = True
            connections = [item for pool in self._idle.values() for item in pool]
            self._idle.clear()
            busy = list(self._busy)
        for connection in connections:
            connection.close()
        for connection in busy:
            connection.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _checked(
        self, method: str, origin: Origin, target: str, headers: Mapping[str, str]
    ) -> dict[str, str]:
        """The header fields to send. Messages never repeat a value: it may be a secret."""
        if method not in _METHODS:
            raise InvalidInput(f"{method!a} is not a method that mgit sends")
        if origin.scheme not in ("http", "https"):
            raise InvalidInput(f"{origin} does not speak HTTP")
        if not _TARGET.fullmatch(target):
            raise InvalidInput(f"{origin} cannot be asked for {target[:120]!a}")
        for name, value in headers.items():
            if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
                raise InvalidInput(
                    f"the {name!a} header for {origin} holds a character that HTTP forbids",
                    advice="check the token for a line break or a non-ASCII character",
                )
        return {
            "Host": origin.authority,
            "User-Agent": self._user_agent,
            "Accept-Encoding": "gzip",
            **headers,
        }

    def _take(self, origin: Origin, *, fresh: bool, forgiving: bool) -> Connection:
        """A live idle connection, the most recently used first, or a new one.

        One that was in use a moment ago is believed to live, where a request that finds it dead is
        sent again: asking the kernel each time costs more than being wrong now and then.
        """
        now = self._clock()
        oldest, believed = now - _IDLE_SECONDS, now - _MOMENT_SECONDS if forgiving else now
        while True:
            with self._lock:
                if self._closed:
                    raise _interrupted(origin)
                pool = [] if fresh else self._idle.get(origin)
                connection = pool.pop() if pool else self._new(origin)
                self._busy.add(connection)
            since = connection.idle_since
            if not connection.used or since > believed or (since >= oldest and connection.alive()):
                return connection
            self._drop(connection)

    def _new(self, origin: Origin) -> Connection:
        from mgit.transport.connection import Connection

        if origin.scheme == "https":
            self._load_certificates()
        return Connection(
            origin,
            context=self._context if origin.scheme == "https" else None,
            proxy=self._proxy.for_origin(origin),
            timeout=self._timeout,
            deadline=self._deadline,
            clock=self._clock,
        )

    def _load_certificates(self) -> None:
        if self._context is None:
            from mgit.transport.tls import tls_context

            self._context = tls_context(self._tls)

    def _give_back(self, origin: Origin, connection: Connection) -> None:
        with self._lock:
            self._busy.discard(connection)
            pool = self._idle.setdefault(origin, [])
            if connection.reusable and not self._closed and len(pool) < self._max_idle:
                pool.append(connection)
                return
        connection.close()

    def _drop(self, connection: Connection) -> None:
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    def _unreachable(self, origin: Origin, error: OSError) -> ForgeError:
        from mgit.transport.trouble import explain

        if self._closed:
            return _interrupted(origin)
        return explain(origin, error, self._tls)


def _interrupted(origin: Origin) -> NetworkError:
    return NetworkError(f"the connection to {origin} was closed by an interrupt")
