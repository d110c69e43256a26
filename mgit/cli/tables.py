"""Tables as values, and how they look where there is no terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mgit.text import escape_untrusted


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head. Cells are escaped when the table is made.

    Args:
        head: titles of the columns.
        rows: each as long as `head`.
        title: a line above it, empty for none.
        right: titles of the columns that hold numbers.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    right: frozenset[str] = frozenset()


def make_table(
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str = "",
    right: Sequence[str] = (),
) -> Table:
    """Build a table of untrusted values; None becomes an empty cell."""
    return Table(
        tuple(head),
        tuple(tuple(_cell(value) for value in row) for row in rows),
        title,
        frozenset(right),
    )


def plain_table(table: Table) -> str:
    """Aligned text, ending in a newline; nothing but the head when there are no rows."""
    lines = [table.head, *table.rows]
    widths = [max(width(line[column]) for line in lines) for column in range(len(table.head))]
    text = [table.title] if table.title else []
    for line in lines:
        cells = [
            " " * (size - width(cell)) + cell if title in table.right else _left(cell, size)
            for cell, size, title in zip(line, widths, table.head, strict=True)
        ]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text) + "\n"


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


def _left(cell: str, size: int) -> str:
    return cell + " " * (size - width(cell))


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else ""
        case _:
            return escape_untrusted(str(value))
