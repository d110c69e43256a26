"""Progress for people: on a terminal one line that lives while a step runs, elsewhere plain lines.

A step that begins says `[3/8] build …`; what comes next with the same `[3/8]` ends it.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from pipeline.waterfall import clock as told

_BEGUN = "…"
_TURNS = "|/-\\"
_EVERY = 0.125  # seconds between two looks of the line
_WIPE = "\r\x1b[K"


@contextmanager
def progress(stream: TextIO, env: Mapping[str, str]) -> Iterator[Callable[[str], None]]:
    """What takes the lines of progress.

    Args:
        stream: where they go; anything but a terminal, or a dumb one, gets them as they are.
        env: `TERM=dumb`, `CI` and `NO_COLOR` ask for plain lines.
    """
    lively = stream.isatty() and env.get("TERM", "dumb") != "dumb"
    if not lively or env.get("CI") or env.get("NO_COLOR"):
        yield lambda line: print(line, file=stream, flush=True)
        return
    live = Live(stream)
    ticking = threading.Thread(target=live.tick, daemon=True)
    ticking.start()
    try:
        yield live.say
    finally:
        live.end()
        ticking.join()


@dataclass(slots=True)
class Live:
    """A terminal with at most one line that lives, below all that was said.

    Args:
        stream: the terminal.
        now: a clock that only goes forward, in seconds.
        width: columns of the terminal.
    """

    stream: TextIO
    now: Callable[[], float] = time.monotonic
    width: Callable[[], int] = lambda: shutil.get_terminal_size().columns
    _step: str = field(default="", init=False)
    _since: float = field(default=0.0, init=False)
    _turn: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)

    def say(self, line: str) -> None:
        """Take a line of progress."""
        with self._lock:
            if line.endswith(_BEGUN):
                self._step, self._since = line.removesuffix(_BEGUN).rstrip(), self.now()
            else:
                number = self._step.partition(" ")[0]
                if number and line.startswith(f"{number} "):
                    self._step = ""
                self.stream.write(f"{_WIPE}{line}\n")
            self._draw()

    def draw(self) -> None:
        """Turn the living line on by one."""
        with self._lock:
            self._turn += 1
            self._draw()

    def tick(self) -> None:
        """Draw until the end."""
        while not self._over.wait(_EVERY):
            self.draw()

    def end(self) -> None:
        """Leave nothing that lives."""
        self._over.set()
        with self._lock:
            if self._step:
                self._step = ""
                self.stream.write(_WIPE)
                self.stream.flush()

    def _draw(self) -> None:
        if self._step:
            turn = _TURNS[self._turn % len(_TURNS)]
            line = f"{self._step} {turn} {told(int(self.now() - self._since))}"
            # One column stays free: a full line would wrap, and the next look would leave it there.
            self.stream.write(f"{_WIPE}{line[: max(self.width() - 1, 1)]}")
        self.stream.flush()
