"""What a person sees while mgit works: drawn on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from mgit.cli.console import Console
from mgit.cli.words import PHASES, count
from mgit.model import Outcome, Reason, Result, action_name

if TYPE_CHECKING:
    from mgit.fleet.values import Step


class Watcher(Protocol):
    """Somebody who is told how it goes."""

    def step(self, step: Step) -> None:
        """Work on something began or ended. Called from worker threads, one at a time."""

    def outcome(self, outcome: Outcome) -> None:
        """An action ended."""


@contextmanager
def watch(console: Console) -> Iterator[Watcher]:
    """The right watcher for where standard error goes."""
    if console.rich_err:
        from mgit.cli.render import live_progress

        with live_progress(console.err, color=console.color) as live:
            yield live
    else:
        yield PlainWatcher(console)


class PlainWatcher:
    """A line when a phase begins, and one for each action that did or said something.

    Args:
        console: where they go; it leaves them out when the person asked for quiet.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: set[str] = set()
        self._ended = 0
        self._total = 0

    def step(self, step: Step) -> None:
        self._total = step.total
        if step.phase in self._seen or not step.total:
            return
        self._seen.add(step.phase)
        word, unit = PHASES[step.phase]
        self._console.note(f"{word} {count(step.total, unit)}")

    def outcome(self, outcome: Outcome) -> None:
        self._ended += 1
        if outcome.result is Result.CURRENT and not self._console.verbose:
            return
        of = f"[{self._ended}/{max(self._total, self._ended)}]"
        said = outcome.reason not in (None, Reason.CURRENT)
        why = f" ({outcome.reason})" if said else ""
        self._console.note(f"{of} {outcome.result} {action_name(outcome.action)}{why}")
