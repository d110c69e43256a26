"""One connection: opened, used for one exchange after the other, judged, closed.

The parser is the standard library's; around it every wait has an end, every length a limit.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import cast

from mgit.address import Origin
from mgit.errors import ForgeError, MalformedAnswer
from mgit.transport.answer import Answer
from mgit.transport.body import broken_off, read_body
from mgit.transport.proxy import ProxyServer
from mgit.transport.trouble import proxy_unreachable, tunnel_refused
from mgit.transport.values import Response
from mgit.transport.wire import Wire

_CONNECT_SECONDS = 10.0
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Connection:
    """A connection to one origin, used by one thread at a time.

    Args:
        origin: where to.
        context: TLS settings; None for http.
        proxy: opens the tunnel; None for a straight connection.
        timeout: seconds per wait.
        deadline: seconds per exchange.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        context: ssl.SSLContext | None,
        proxy: ProxyServer | None,
        timeout: float,
        deadline: float,
        clock: Callable[[], float],
    ) -> None:
        self.used = False
        self.reusable = False
        self.idle_since = 0.0
        self._origin = origin
        self._context = context
        self._proxy = proxy
        self._timeout = timeout
        self._deadline = deadline
        self._clock = clock
        self._wire: Wire | None = None
        self._aborted = False

    @property
    def received(self) -> int:
        """Bytes that came back in the current exchange."""
        return self._wire.received if self._wire else 0

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_bytes: int,
    ) -> Response:
        """Send one request and read its answer to the end.

        Raises:
            OSError: the network's own error.
            NetworkError: the answer breaks off.
            MalformedAnswer: the answer is not HTTP, or too large.
        """
        self.reusable = False
        wire = self._wire or self._open()
        wire.begin(self._clock() + self._deadline)
        try:
            wire.sendall(_request(method, target, headers, body))
            answer = Answer(cast("socket.socket", wire), method=method)
            answer.begin()
            if wire.ended:  # an end in the middle of the head
                raise ConnectionResetError
            content = read_body(answer, self._origin, max_bytes)
        except ConnectionError:  # RemoteDisconnected is an HTTPException as well
            raise
        except http.client.IncompleteRead:
            raise broken_off(self._origin) from None
        except http.client.HTTPException as error:
            raise MalformedAnswer(
                f"{self._origin} answered with something that is not HTTP ({type(error).__name__})",
                advice="check the address and port",
            ) from None
        if answer.status < 200:
            raise ForgeError(f"{self._origin} answered {answer.status} and nothing after it")
        self.used = True
        self.reusable = not answer.will_close and answer.isclosed()
        self.idle_since = self._clock()
        return Response(answer.status, tuple(answer.getheaders()), content)

    def alive(self) -> bool:
        """Whether an idle connection is silent. One that has something to say was closed."""
        return self._wire is not None and not self._wire.readable()

    def close(self) -> None:
        """Give the socket back. Safe to call twice."""
        if self._wire is not None:
            self._wire.end()
            self._wire = None

    def abort(self) -> None:
        """Wake the thread that waits on this connection; called from another thread."""
        self._aborted = True
        if (wire := self._wire) is not None:
            wire.abort()

    def _open(self) -> Wire:
        via = (self._proxy.host, self._proxy.port) if self._proxy else None
        address = via or (self._origin.host, self._origin.port)
        try:
            raw = socket.create_connection(address, min(self._timeout, _CONNECT_SECONDS))
        except OSError as error:
            if self._proxy is None:
                raise
            raise proxy_unreachable(self._proxy, error) from error
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy is not None:
                self._tunnel(raw, self._proxy)
            if self._context is not None:
                raw.settimeout(self._timeout)
                raw = self._context.wrap_socket(
                    raw,
                    server_hostname=self._origin.host,
                    suppress_ragged_eofs=False,  # an end without TLS's own goodbye is a cut
                )
        except BaseException:
            raw.close()
            raise
        self._wire = Wire(raw, self._timeout, self._clock)
        if self._aborted:  # came between the call and the connection
            raise ConnectionAbortedError
        return self._wire

    def _tunnel(self, raw: socket.socket, proxy: ProxyServer) -> None:
        """RFC 9110, section 9.3.6."""
        wire = Wire(raw, self._timeout, self._clock)
        wire.begin(self._clock() + self._timeout)
        host = f"[{self._origin.host}]" if ":" in self._origin.host else self._origin.host
        peer = f"{host}:{self._origin.port}"
        lines = [f"CONNECT {peer} HTTP/1.1", f"Host: {peer}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        wire.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        answer = http.client.HTTPResponse(cast("socket.socket", wire), method="CONNECT")
        try:
            answer.begin()
        finally:
            answer.close()
        if answer.status != http.HTTPStatus.OK:
            raise tunnel_refused(proxy, self._origin, answer.status)


def _request(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """A whole request, to be sent at once. All of it was checked by `Transport`: see there."""
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    elif method in _WITH_BODY:
        lines.append("Content-Length: 0")
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    return head if body is None else head + body
