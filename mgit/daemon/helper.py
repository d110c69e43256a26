"""Starts the helpers of the service (health, web), and others when they die.

The second of two places of the product that start processes. `GitRunner` runs a program to its
end, with its output, a deadline and the root's lock; a helper has none of these: it lives as
long as the service, writes nothing, and must not keep the lock of a service that is dead.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from mgit.errors import ConfigurationError
from mgit.git.children import Children

Tell = Callable[[str, float], None]

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 10.0
_WELL_AFTER = 30.0  # seconds of life after which the next death is the first again


class Helper:
    """A process that serves while the `with` block lasts.

    It gets no environment, no output, and only the descriptors that it is told: its socket, its
    memory, and as its input a pipe that nobody writes to. When the service dies, whichever way, the
    pipe ends, and the helper with it.

    Args:
        name: what to call it: `health`, `web`.
        command: program and arguments.
        descriptors: which it inherits under their numbers.
        tell: told why the helper ended, and in how many seconds there will be another; called
            from a thread.
        patience: seconds after which one that does not see its end is killed.
        children: where all processes of this mgit are known.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        descriptors: Sequence[int],
        tell: Tell | None = None,
        *,
        patience: float = 2.0,
        children: Children | None = None,
    ) -> None:
        self._name = name
        self._argv = list(command)
        self._descriptors = tuple(descriptors)
        self._tell = tell
        self._patience = patience
        self._children = children or Children()
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        # On Linux the helper dies with the thread that started it: this one ends last.
        self._thread = threading.Thread(target=self._watch, name=f"mgit-{name}", daemon=True)

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            ConfigurationError: the interpreter cannot be started.
        """
        try:
            self._start()
        except OSError as error:
            raise ConfigurationError(
                f"the {self._name} helper cannot be started: {error.strerror or error}",
                advice="allow mgit some more processes and memory",
            ) from None
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        with self._lock:
            child = self._child
        if child is not None:
            _close(child)
            self._thread.join(self._patience)
            if self._thread.is_alive():  # it did not see the end of its input
                child.kill()
        self._thread.join()

    def _start(self) -> None:
        """Start a child, unless the end has come."""
        with self._lock:
            if self._ending.is_set():
                return
            self._child = self._children.start(self._spawn, limited=False)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the service
            pass_fds=self._descriptors,
        )

    def _watch(self) -> None:
        """Wait for deaths; start anew, at once at first and ever later after it."""
        pause = FIRST_PAUSE
        why = ""
        while not self._ending.is_set():
            began = time.monotonic()
            child = self._child
            if child is not None:
                why = _words(child.wait())
                self._children.ended(child.pid)
                _close(child)
                if self._ending.is_set():
                    return
            if time.monotonic() - began > _WELL_AFTER:
                pause = FIRST_PAUSE
            if self._tell is not None:
                self._tell(why, pause)
            if self._ending.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                self._start()
            except OSError as error:
                self._child, why = None, f"could not be started: {error.strerror or error}"


def _words(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"


def _close(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
