"""What a person sees while mgit works: one living line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, cast

from mgit.cli.console import Console
from mgit.cli.line import View, plain_line, progress_line
from mgit.cli.pace import Pace
from mgit.cli.report import failure_kind
from mgit.cli.words import PHASES, count
from mgit.model import Outcome, Reason, Result, action_name

if TYPE_CHECKING:
    from mgit.config import Settings
    from mgit.fleet import Fleet
    from mgit.fleet.values import Step

_REDRAW_SECONDS = 0.1
_PLAIN_SECONDS = 5.0
_CLEAR = "\r\x1b[K"


class Watcher:
    """Keeps what is known of the work; those below show it.

    Args:
        console: where it is shown.
        clock: steady seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._phase = ""
        self._pace = Pace()
        self._done = 0
        self._total = 0
        self._busy: dict[str, None] = {}
        self._shown = 0.0

    def step(self, step: Step) -> None:
        """Work on something began or ended."""
        now = self._clock()
        if step.phase != self._phase:
            self._begin(step, now)
        if step.started:
            self._busy[step.name] = None
        else:
            self._busy.pop(step.name, None)
        self._done, self._total = step.done, step.total
        self._show(now)

    def tick(self) -> None:
        """Time went by."""
        if self._phase:
            self._show(self._clock())

    def outcome(self, outcome: Outcome) -> None:
        """An action ended."""

    def clear(self) -> None:
        """Something else is about to be written."""

    def _begin(self, step: Step, now: float) -> None:
        self._phase, self._pace, self._shown = step.phase, Pace(), now
        self._busy.clear()
        self._pace.mark(now, step.done)

    def _show(self, now: float) -> None:
        raise NotImplementedError

    def _view(self, now: float) -> View:
        self._pace.mark(now, self._done)
        rate, left = self._pace.rate(now), self._pace.left(now, self._total)
        word, _ = PHASES[self._phase]
        return View(word, self._done, self._total, rate, left, tuple(self._busy))


class Silent(Watcher):
    """Shows nothing."""

    def _show(self, now: float) -> None:
        """Nobody wants to see it."""


class LineWatcher(Watcher):
    """One line at the bottom of a terminal; a new kind of failure is told at once, above it."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console, clock)
        self._drawn = False
        self._told: set[tuple[str, str]] = set()

    def outcome(self, outcome: Outcome) -> None:
        kind = failure_kind(outcome)
        if outcome.result is not Result.FAILED or kind in self._told:
            return
        self._told.add(kind)
        self.clear()
        said = outcome.message or str(outcome.reason)
        self._console.note(f"failed: {action_name(outcome.action)}: {said}")

    def clear(self) -> None:
        if self._drawn:
            self._console.err.write(_CLEAR)
            self._console.err.flush()
            self._drawn = False

    def _begin(self, step: Step, now: float) -> None:
        super()._begin(step, now)
        self._shown = 0.0

    def _show(self, now: float) -> None:
        if now - self._shown < _REDRAW_SECONDS:
            return
        self._shown, self._drawn = now, True
        line = progress_line(self._view(now), self._console.columns(self._console.err))
        self._console.err.write(f"{_CLEAR}{line}")
        self._console.err.flush()


class PlainWatcher(Watcher):
    """A line when a phase begins and every few seconds; with `--verbose` one for each outcome."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console, clock)
        self._ended = 0

    def outcome(self, outcome: Outcome) -> None:
        self._ended += 1
        if not self._console.verbose:
            return
        of = f"[{self._ended}/{max(self._total, self._ended)}]"
        said = outcome.reason not in (None, Reason.CURRENT)
        why = f" ({outcome.reason})" if said else ""
        self._console.note(f"{of} {outcome.result} {action_name(outcome.action)}{why}")

    def _begin(self, step: Step, now: float) -> None:
        super()._begin(step, now)
        word, unit = PHASES[step.phase]
        if step.total:
            self._console.note(f"{word} {count(step.total, unit)}")

    def _show(self, now: float) -> None:
        if now - self._shown >= _PLAIN_SECONDS and self._done < self._total:
            self._shown = now
            self._console.note(plain_line(self._view(now)))


class Aside(io.TextIOBase):
    """A stream whose writes clear the living line first: for the log, which shares the terminal."""

    def __init__(self, watcher: Watcher, console: Console) -> None:
        self._watcher = watcher
        self._err = console.err

    def write(self, text: str) -> int:
        self._watcher.clear()
        return self._err.write(text)

    def flush(self) -> None:
        self._err.flush()


@contextmanager
def watch(console: Console, *, hidden: bool = False) -> Iterator[Watcher]:
    """The right watcher for where standard error goes.

    Args:
        console: of the command.
        hidden: the person does not want to see it.
    """
    watcher: Watcher
    if hidden or console.quiet:
        watcher = Silent(console)
    elif console.rich_err:
        watcher = LineWatcher(console)
    else:
        watcher = PlainWatcher(console)
    try:
        yield watcher
    finally:
        watcher.clear()


@contextmanager
def watched_fleet(
    settings: Settings, console: Console, *, hidden: bool = False
) -> Iterator[tuple[Fleet, Watcher]]:
    """A fleet and somebody who watches it; its log does not run into the living line."""
    from mgit.fleet import open_fleet, open_parts

    with watch(console, hidden=hidden) as watcher:
        stream = cast("TextIO", Aside(watcher, console))
        with (
            open_parts(settings, stream=stream, log_format="console", log_level="warning") as parts,
            open_fleet(settings, parts=parts, tick=watcher.tick) as fleet,
        ):
            yield fleet, watcher
