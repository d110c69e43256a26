"""A company's web proxy on loopback: opens `CONNECT` tunnels, and remembers who wanted where.

It has a name service of its own: names that exist nowhere else lead to services on this machine.
"""

from __future__ import annotations

import base64
import select
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sandbox.serving import LOOPBACK, Handler, Server, same_secret, silent

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One request for a tunnel.

    Args:
        target: `host:port` as asked for.
        agent: the client's `User-Agent`, empty without one.
        status: 200 where it was opened.
    """

    target: str
    agent: str
    status: int


class SandboxProxy:
    """Serves until it is closed; a context manager.

    Args:
        routes: `host:port` -> port on this machine. Other targets get 403.
        user: who may use it, empty for everybody.
        secret: the user's password.
    """

    def __init__(self, routes: Mapping[str, int], *, user: str = "", secret: str = "") -> None:
        self.routes = dict(routes)
        self._expected = base64.b64encode(f"{user}:{secret}".encode()).decode() if user else ""
        self._lock = threading.Lock()
        self._tunnels: list[Tunnel] = []
        handler = type("BoundProxy", (_Handler,), {"proxy": self, "log_message": silent})
        self._server = Server((LOOPBACK, 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"{LOOPBACK}:{self._server.server_port}"

    @property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """All requests so far."""
        with self._lock:
            return tuple(self._tunnels)

    def forget(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._tunnels.clear()

    def judge(self, target: str, authorization: str, agent: str) -> int:
        """The status for a request, which is noted."""
        scheme, _, given = authorization.partition(" ")
        if self._expected and not (scheme == "Basic" and same_secret(given, self._expected)):
            status = 407
        else:
            status = 200 if target in self.routes else 403
        with self._lock:
            self._tunnels.append(Tunnel(target, agent, status))
        return status

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Handler(Handler):
    proxy: SandboxProxy

    def do_CONNECT(self) -> None:  # noqa: N802 - its name there
        """RFC 9110, section 9.3.6."""
        status = self.proxy.judge(
            self.path,
            self.headers.get("Proxy-Authorization", ""),
            self.headers.get("User-Agent", ""),
        )
        if status != 200:
            wanted = {"Proxy-Authenticate": 'Basic realm="sandbox"'} if status == 407 else {}
            self.send(status, b"no tunnel\n", "text/plain", wanted)
            return
        self.close_connection = True
        with socket.create_connection((LOOPBACK, self.proxy.routes[self.path])) as inner:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.wfile.flush()
            _pass_on(self.connection, inner)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side has no more to say."""
    across = {one: other, other: one}
    while True:
        ready = select.select(list(across), [], [], _SECONDS)[0]
        if not ready:
            return
        for side in ready:
            try:
                data = side.recv(65536)
                across[side].sendall(data)
            except OSError:
                return
            if not data:
                return
