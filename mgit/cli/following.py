"""`mgit audit tail`: the last records, and those that come while somebody looks on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mgit.cli.auditing import HEAD, Wanted, cells, tail_document
from mgit.cli.console import Console
from mgit.cli.documents import line_of
from mgit.cli.output import write_document, write_line
from mgit.cli.tables import make_table, width
from mgit.cli.words import count
from mgit.telemetry.chain import MAX_LINE, Record, parse_record, read_backwards

_LOOK_EVERY = 0.25
_SCHEMA = "mgit.audit.record/1"
_LEAST = (23, 21, 7, 8, 24, 0)  # columns, so that lines to come stand below those that are there


def show(path: Path, wanted: Wanted, limit: int, console: Console, form: str) -> None:
    """Print the last records and end.

    Raises:
        StateError: the log cannot be read.
    """
    records = _last(path, wanted, limit, console)
    match form:
        case "json":
            write_document(console, tail_document(path, records))
        case "jsonl":
            for record in records:
                write_line(console, line_of(_SCHEMA, record))
        case _:
            console.table(make_table(HEAD, [cells(record) for record in records]))


def follow(path: Path, wanted: Wanted, limit: int, console: Console, *, lines: bool) -> None:
    """Print the last records, then each new one, until Ctrl-C.

    Args:
        path: the log, which may still have to be begun.
        wanted: which records.
        limit: how many of those that are there.
        console: where to.
        lines: as JSON Lines.

    Raises:
        StateError: the log cannot be read.
    """
    place = _Place.at_end(path)
    records = _last(path, wanted, limit, console) if place.size else []
    # A record that came between the two looks is among the last already.
    shown = int(records[-1]["seq"]) if records else 0
    made = make_table(HEAD, [cells(record) for record in records])
    widths = [
        max(least, *(width(row[column]) for row in (made.head, *made.rows)))
        for column, least in enumerate(_LEAST)
    ]
    if lines:
        for record in records:
            write_line(console, line_of(_SCHEMA, record))
    else:
        for row in (made.head, *made.rows):
            _write_row(console, row, widths)
    while True:
        for record in place.new(path):
            if place.continues and int(record["seq"]) <= shown:
                continue
            if not wanted.has(record):
                continue
            if lines:
                write_line(console, line_of(_SCHEMA, record))
            else:
                _write_row(console, make_table(HEAD, [cells(record)]).rows[0], widths)
        time.sleep(_LOOK_EVERY)


class _Place:
    """How far a log was read.

    Args:
        inode: of the file.
        size: bytes that were read.
    """

    def __init__(self, inode: int, size: int) -> None:
        self._inode = inode
        self.size = size
        self.continues = True

    @classmethod
    def at_end(cls, path: Path) -> _Place:
        """Behind what is there now."""
        with suppress(FileNotFoundError):
            status = path.stat()
            return cls(status.st_ino, status.st_size)
        return cls(0, 0)

    def new(self, path: Path) -> Iterator[Record]:
        """Records that were written since; from the beginning where the file is another."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            status = os.fstat(file.fileno())
            if status.st_ino != self._inode or status.st_size < self.size:
                self.continues = self._inode == 0
                self._inode, self.size = status.st_ino, 0
            file.seek(self.size)
            while (line := file.readline(MAX_LINE)).endswith(b"\n"):
                self.size += len(line)
                record = parse_record(line)
                if record is not None:
                    yield record


def _last(path: Path, wanted: Wanted, limit: int, console: Console) -> list[Record]:
    found: list[Record] = []
    strange = 0
    for record in read_backwards(path):
        if record is None:
            strange += 1
        elif wanted.too_old(record):
            break
        elif wanted.has(record):
            found.append(record)
        if len(found) >= limit:
            break
    if strange:
        console.warn(
            f"{path}: {count(strange, 'line')} among the last no record of mgit's",
            "`mgit audit verify` says which, and what to do",
        )
    return found[::-1]


def _write_row(console: Console, row: tuple[str, ...], widths: list[int]) -> None:
    padded = [cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
    console.write("  ".join(padded).rstrip())
    console.out.flush()
