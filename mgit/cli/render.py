"""Drawing on a terminal. The only module that knows rich, loaded only where there is a terminal.

Nothing is ever read as markup: every text is wrapped in `Text`, which takes it as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeRemainingColumn as Eta
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from mgit.cli.tables import Table
from mgit.cli.words import PHASES, count
from mgit.fleet.values import Phase, Step
from mgit.model import Outcome, Result, action_name
from mgit.text import escape_untrusted

_STYLES = {
    "failed": "bold red",
    "broken": "bold red",
    "refused": "bold red",
    "warning": "yellow",
    "dirty": "yellow",
    "diverged": "yellow",
    "detached": "yellow",
    "unpushed": "yellow",
    "ok": "green",
    "cloned": "green",
    "clone": "green",
    "fetched": "cyan",
    "fetch": "cyan",
    "fast-forwarded": "cyan",
    "fast-forward": "cyan",
    "moved": "magenta",
    "move": "magenta",
}
_NAMES_SHOWN = 3
_NAME_WIDTH = 30


def print_table(table: Table, out: TextIO, *, color: bool) -> None:
    """Draw a table.

    Args:
        table: its cells are escaped already.
        out: a terminal.
        color: whether colours may be used.
    """
    console = _console(out, color=color)
    if table.title:
        console.print(Text(table.title, style="bold"))
    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in table.head:
        drawn.add_column(
            Text(title),
            justify="right" if title in table.right else "left",
            overflow="fold",
        )
    for row in table.rows:
        drawn.add_row(*(Text(cell, style=_STYLES.get(cell.split(" ")[0], "")) for cell in row))
    console.print(drawn)


@contextmanager
def live_progress(err: TextIO, *, color: bool) -> Iterator[LiveWatcher]:
    """Bars for the phases, gone when the work is over."""
    console = _console(err, color=color)
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        Eta(compact=True),
        TextColumn("{task.fields[names]}", markup=False, table_column=Column(no_wrap=True)),
        console=console,
        transient=True,
    )
    with progress:
        yield LiveWatcher(progress)


class LiveWatcher:
    """Keeps a bar for each phase; failures are told at once, above the bars.

    Args:
        progress: draws them.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[Phase, TaskID] = {}
        self._busy: dict[str, None] = {}

    def step(self, step: Step) -> None:
        bar = self._bars.get(step.phase)
        if bar is None:
            word, _ = PHASES[step.phase]
            bar = self._progress.add_task(word, total=step.total, rate="", names="")
            self._bars[step.phase] = bar
            self._busy.clear()
        if step.started:
            self._busy[step.name] = None
        else:
            self._busy.pop(step.name, None)
        self._progress.update(
            bar, completed=step.done, total=step.total, rate=self._rate(bar), names=self._names()
        )

    def outcome(self, outcome: Outcome) -> None:
        if outcome.result is Result.FAILED:
            name = escape_untrusted(action_name(outcome.action))
            line = Text(f"failed {name}: {escape_untrusted(outcome.message)}", style="red")
            self._progress.console.print(line)

    def _rate(self, bar: TaskID) -> str:
        task = next(task for task in self._progress.tasks if task.id == bar)
        return f"{task.speed:.1f}/s" if task.speed else ""

    def _names(self) -> str:
        shown = [escape_untrusted(name, limit=_NAME_WIDTH) for name in self._busy][:_NAMES_SHOWN]
        more = len(self._busy) - len(shown)
        return ", ".join(shown) + (f" and {count(more, 'other')}" if more else "")


def _console(file: TextIO, *, color: bool) -> RichConsole:
    return RichConsole(
        file=file, no_color=not color, highlight=False, markup=False, emoji=False, soft_wrap=False
    )
