"""Drawing on a terminal. The only module that knows rich, loaded only where there is a terminal.

Nothing is ever read as markup: every text is wrapped in `Text`, which takes it as it is.
"""

from __future__ import annotations

from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console as RichConsole
from rich.table import Table as RichTable
from rich.text import Text

from mgit.cli.tables import Table

_STYLES = {
    "failed": "bold red",
    "broken": "bold red",
    "refused": "bold red",
    "conflicted": "bold red",
    "locked": "yellow",
    "untracked": "yellow",
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
    "healed": "green",
    "heal": "green",
    "moved": "magenta",
    "move": "magenta",
}


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


def _console(file: TextIO, *, color: bool) -> RichConsole:
    return RichConsole(
        file=file, no_color=not color, highlight=False, markup=False, emoji=False, soft_wrap=False
    )
