"""How a child that does not end by itself is ended, and what a person is told of it."""

from __future__ import annotations

import signal
import time
from typing import Literal, Never, Protocol

from mgit.errors import ExitCode, GitError, NetworkError
from mgit.git.children import signal_group

Why = Literal["cancelled", "overflow", "deadline"]


class Interrupted(GitError):
    """A child was ended because mgit itself is ending."""

    exit_code = ExitCode.INTERRUPTED


class Stop(Exception):
    """Not an error but the reason to wait no longer.

    Args:
        why: mgit is ending, the child said too much, or its time is over.
    """

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class _Child(Protocol):
    @property
    def pid(self) -> int: ...

    def wait(self) -> int: ...


class _Pump(Protocol):
    def step(self, timeout: float) -> bool: ...


def end_group(child: _Child, pump: _Pump, grace: float) -> None:
    """SIGTERM to the whole group, so that git cleans up after itself; then SIGKILL.

    Args:
        child: leads the group, and was not waited for yet.
        pump: reads it meanwhile.
        grace: seconds between the two.
    """
    signal_group(child.pid, signal.SIGTERM)
    ends = time.monotonic() + grace
    while time.monotonic() < ends:
        if pump.step(min(ends - time.monotonic(), 0.1)):
            break
    # The child is not reaped yet, so its number still belongs to its group.
    signal_group(child.pid, signal.SIGKILL)
    child.wait()


def give_up(what: str, stop: Stop, deadline: float) -> Never:
    """Say why a child was ended.

    Args:
        what: what was run.
        stop: the reason.
        deadline: seconds that it had.

    Raises:
        Interrupted: mgit is ending.
        GitError: the child said too much.
        NetworkError: its time was over.
    """
    match stop.why:
        case "cancelled":
            raise Interrupted(f"{what} was interrupted") from None
        case "overflow":
            raise GitError(f"{what} printed more than mgit accepts") from None
        case "deadline":
            raise NetworkError(
                f"{what} did not end within {deadline:g} s",
                advice="run mgit again; if it stays slow, fetch it once by hand",
            ) from None
