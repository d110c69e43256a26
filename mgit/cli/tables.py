"""Tables as values, and how they look where there is no terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mgit.text import escape_untrusted

_GAP = 3  # between columns when drawn
_LONG = 40  # columns; one long name takes no column from all the others


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


@dataclass(frozen=True, slots=True)
class Findings:
    """Who has what, as blocks of lines that are readable at every width. Escaped when made.

    Args:
        title: a line above them.
        items: who it is about, and the lines about it.
    """

    title: str
    items: tuple[tuple[str, tuple[str, ...]], ...]


def make_findings(title: str, items: Sequence[tuple[str, Sequence[str]]]) -> Findings:
    """Build findings of untrusted values; empty lines are left out."""
    return Findings(
        title,
        tuple((_cell(who), tuple(_cell(line) for line in lines if line)) for who, lines in items),
    )


def findings_lines(findings: Findings, columns: int | None) -> list[str]:
    """The lines, folded to a width; None for no limit."""
    lines = [findings.title]
    for who, about in findings.items:
        lines += fold(who, columns, "  ")
        for line in about:
            lines += fold(line, columns, "    ")
    return lines


def fold(text: str, columns: int | None, indent: str) -> list[str]:
    """One text as lines that are no wider than a terminal, broken between words where possible."""
    if columns is None or width(text) + len(indent) <= columns:
        return [indent + text]
    room = max(columns - len(indent), 10)
    lines, line = [], ""
    for word in text.split(" "):
        for piece in _pieces(word, room):
            if line and width(line) + 1 + width(piece) > room:
                lines.append(line)
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
    return [indent + one for one in (*lines, line) if one]


def fit(table: Table, columns: int, expendable: Sequence[str]) -> Table:
    """Leave columns out, those that matter least first, until the table is no wider than that."""
    for title in expendable:
        if natural_width(table, _LONG) <= columns:
            break
        if title in table.head:
            table = without(table, title)
    return table


def without(table: Table, title: str) -> Table:
    """The table without one of its columns."""
    at = table.head.index(title)
    rows = tuple(row[:at] + row[at + 1 :] for row in table.rows)
    return Table(table.head[:at] + table.head[at + 1 :], rows, table.title, table.right - {title})


def natural_width(table: Table, longest: int | None = None) -> int:
    """Columns that it takes when no cell is folded, or only those longer than a limit."""
    widths = [size if longest is None else min(size, longest) for size in _widths(table)]
    return sum(widths) + _GAP * (len(widths) - 1)


def stacked(table: Table) -> Findings:
    """A table as blocks, for a terminal that is too narrow for it."""
    rest = table.head[1:]
    items = [
        (
            row[0],
            [f"{title}: {cell}" for title, cell in zip(rest, row[1:], strict=True) if cell],
        )
        for row in table.rows
    ]
    return Findings(table.title, tuple((who, tuple(lines)) for who, lines in items))


def plain_table(table: Table) -> str:
    """Aligned text, ending in a newline; nothing but the head when there are no rows."""
    lines = [table.head, *table.rows]
    widths = _widths(table)
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
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


def _widths(table: Table) -> list[int]:
    lines = [table.head, *table.rows]
    return [max(width(line[column]) for line in lines) for column in range(len(table.head))]


def _pieces(word: str, room: int) -> list[str]:
    """A word that is too long for a line, in pieces."""
    pieces, piece, used = [], "", 0
    for letter in word:
        if used + width(letter) > room:
            pieces.append(piece)
            piece, used = "", 0
        piece += letter
        used += width(letter)
    return [*pieces, piece]


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
