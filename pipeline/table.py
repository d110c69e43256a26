"""Aligned text tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces apart; an empty column is left out."""
    kept = [i for i, name in enumerate(head) if name or any(row[i] for row in rows)]
    kept = [i for i in kept if any(row[i] for row in rows)] or kept
    lines = [[line[i] for i in kept] for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> str:
    """The same as a table of Markdown, aligned in the source too.

    Args:
        head: names of the columns.
        rows: cells; a bar in them is escaped.
        right: names of columns of numbers, separated by spaces.
    """
    numeric = set(right.split())
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rule = [
        ("-" * (width - 1) + ":") if name in numeric else "-" * width
        for name, width in zip(head, widths, strict=True)
    ]

    def line(row: Sequence[str]) -> str:
        fitted = (
            cell.rjust(width) if name in numeric else cell.ljust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        )
        return f"| {' | '.join(fitted)} |"

    return "\n".join((line(cells[0]), line(rule), *map(line, cells[1:])))
