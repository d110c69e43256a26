"""Feeds a child process and reads it, with bounds on how much it may say. POSIX pipes only."""

from __future__ import annotations

import os
import selectors
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Self

_CHUNK = 65536
_STDERR_TAIL = 32 * 1024


class Pump:
    """Moves bytes between us and one child, one `step` at a time.

    Args:
        stdin: the child's input, None when it has none.
        stdout: its output.
        stderr: its messages; only the last 32 KiB are kept, a hostile server can say a lot.
        data: what to send to `stdin`.
        max_stdout: bytes of output to accept; `overflow` is set when there are more.
    """

    def __init__(
        self,
        stdin: IO[bytes] | None,
        stdout: IO[bytes],
        stderr: IO[bytes],
        data: bytes,
        max_stdout: int,
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._data = memoryview(data)
        self._max_stdout = max_stdout
        self._output = bytearray()
        self._messages = bytearray()
        self.overflow = False
        for pipe in (stdout, stderr):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ)
        if stdin is not None:
            os.set_blocking(stdin.fileno(), False)
            self._selector.register(stdin, selectors.EVENT_WRITE)

    @property
    def output(self) -> bytes:
        """All that came on standard output so far."""
        return bytes(self._output)

    @property
    def messages(self) -> bytes:
        """The end of what came on standard error so far."""
        return bytes(self._messages)

    def step(self, timeout: float) -> bool:
        """Wait at most so many seconds and move what can be moved.

        Returns:
            True when the child (and everybody who inherited its pipes) has closed both outputs.
        """
        for key, _ in self._selector.select(max(timeout, 0.0)):
            if key.fileobj is self._stdin:
                self._write()
            elif key.fileobj is self._stdout:
                self._read(self._stdout, self._output)
            else:
                self._read(self._stderr, self._messages)
        if len(self._messages) > 2 * _STDERR_TAIL:
            del self._messages[:-_STDERR_TAIL]
        self.overflow = len(self._output) > self._max_stdout
        open_pipes = {key.fileobj for key in self._selector.get_map().values()}
        return self._stdout not in open_pipes and self._stderr not in open_pipes

    def close(self) -> None:
        """Close every pipe that is still open."""
        self._selector.close()
        for pipe in (self._stdin, self._stdout, self._stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, pipe: IO[bytes], into: bytearray) -> None:
        chunk = os.read(pipe.fileno(), _CHUNK)
        if chunk:
            into += chunk
        else:
            self._selector.unregister(pipe)

    def _write(self) -> None:
        if self._stdin is None:
            return
        try:
            sent = os.write(self._stdin.fileno(), self._data[:_CHUNK]) if self._data else 0
        except BrokenPipeError:
            sent = len(self._data)  # it ended without reading all: its exit code tells why
        self._data = self._data[sent:]
        if not self._data:
            self._selector.unregister(self._stdin)
            self._stdin.close()


@dataclass(frozen=True, slots=True)
class Gathered:
    """How a person's own command ended.

    Args:
        returncode: its exit code, negative for a signal; None when it was ended at the deadline.
        output: standard output and standard error as they came, or the beginning of them.
        cut: whether there was more output than is kept.
    """

    returncode: int | None
    output: bytes = field(repr=False)
    cut: bool


class Gatherer:
    """Reads one output of a child up to a limit and lets the rest go by.

    Args:
        output: what to read.
        most: bytes to keep.
    """

    overflow = False
    """A child that says more is not ended for it."""

    def __init__(self, output: IO[bytes], most: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._pipe = output
        self._most = most
        self._kept = bytearray()
        self.cut = False
        os.set_blocking(output.fileno(), False)
        self._selector.register(output, selectors.EVENT_READ)

    @property
    def output(self) -> bytes:
        """What came so far, or the beginning of it."""
        return bytes(self._kept)

    def step(self, timeout: float) -> bool:
        """Wait at most so many seconds and read what is there.

        Returns:
            True when the child (and everybody who inherited the pipe) has closed it.
        """
        for _ in self._selector.select(max(timeout, 0.0)):
            chunk = os.read(self._pipe.fileno(), _CHUNK)
            if not chunk:
                return True
            room = self._most - len(self._kept)
            self._kept += chunk[:room]
            self.cut = self.cut or len(chunk) > room
        return False

    def close(self) -> None:
        """Close the pipe."""
        self._selector.close()
        self._pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
