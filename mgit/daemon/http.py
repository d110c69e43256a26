"""Listens for health questions. A process of its own answers them (`mgit.daemon.answering`)."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from mgit.config.values import HostPort
from mgit.daemon import answering
from mgit.daemon.answering import DEADLINE_SECONDS, IDLE_SECONDS, MAX_CONNECTIONS
from mgit.daemon.board import Board
from mgit.daemon.helper import Helper, Tell
from mgit.daemon.pipe import Pipe
from mgit.daemon.refusals import LONGEST, Refused, hear_refusals
from mgit.errors import ConfigurationError
from mgit.git.children import Children

__all__ = [
    "DEADLINE_SECONDS",
    "IDLE_SECONDS",
    "MAX_CONNECTIONS",
    "HealthServer",
    "Served",
    "listening",
]

_BACKLOG = 512  # a queue that is full costs whoever comes next a second, TCP's first pause


class Served:
    """A socket that listens, and what works at it while the `with` block lasts.

    Args:
        made: the socket; closed last.
        inner: entered in this order, ended in the other.
    """

    def __init__(self, made: socket.socket, *inner: AbstractContextManager[object]) -> None:
        self._socket = made
        self._inner = inner
        self._stack = contextlib.ExitStack()

    @property
    def address(self) -> HostPort:
        """Where it listens, with the port that it really got."""
        host, port = self._socket.getsockname()[:2]
        return HostPort(str(host), int(port))

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._socket)
            for one in self._inner:
                stack.enter_context(one)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()


class HealthServer(Served):
    """Serves what stands on a board while the `with` block lasts.

    The socket is bound here and stays open here: an address that is taken is told at once, and who
    asks while a dead helper is replaced waits for a moment in place of being refused.

    Args:
        listen: address and port; port 0 takes a free one.
        board: says how the service is.
        deadline: seconds that a connection may last altogether.
        tell: told of a helper that has died, see `Helper`.
        children: where all processes of this mgit are known.
        refused: told of a wrong token, in a thread.

    Raises:
        ConfigurationError: the address cannot be listened at.
    """

    def __init__(
        self,
        listen: HostPort,
        board: Board,
        *,
        deadline: float = DEADLINE_SECONDS,
        tell: Tell | None = None,
        children: Children | None = None,
        refused: Refused | None = None,
    ) -> None:
        made = listening(listen, "choose another address with `listen` in [serve] or MGIT_LISTEN")
        pipe = Pipe("mgit-health-refusals", hear_refusals(refused or _unheard), LONGEST)
        descriptors = (made.fileno(), board.descriptor, pipe.writes)
        command = health_command(made.fileno(), board.descriptor, deadline, tell=pipe.writes)
        helper = Helper("health", command, descriptors, tell, children=children)
        super().__init__(made, pipe, helper)


def health_command(
    listener: int, region: int, deadline: float, program: Sequence[str] = (), *, tell: int = -1
) -> tuple[str, ...]:
    """How the health helper is started.

    Args:
        listener: descriptor of a socket that listens.
        region: descriptor of the `Board`.
        deadline: seconds that a connection may last.
        program: in place of this interpreter and `mgit.daemon.answering`.
        tell: descriptor of a pipe that takes who gave a wrong token; -1 for none.
    """
    file = Path(answering.__file__).absolute()  # in the image it is compiled: a .pyc
    program = program or (sys.executable, "-I", "-S", str(file))
    more = (str(tell),) if tell >= 0 else ()
    return (*program, str(listener), str(region), str(deadline), *more)


def _unheard(client: str, missed: int) -> None:
    """Nobody wants to know."""


def listening(listen: HostPort, advice: str) -> socket.socket:
    """A socket that listens.

    Args:
        listen: address and port; port 0 takes a free one.
        advice: what to do when that is not possible.

    Raises:
        ConfigurationError: the address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        with contextlib.ExitStack() as stack:
            made = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((listen.host, listen.port))
            made.listen(_BACKLOG)
            stack.pop_all()
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen at {listen}: {error.strerror or error}", advice=advice
        ) from None
    return made
