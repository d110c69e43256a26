"""`mgit audit tail`: the last records, and those that come while somebody looks on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

from mgit.cli.auditing import HEAD, Wanted, cells, tail_document
from mgit.cli.console import Console
from mgit.cli.documents import line_of
from mgit.cli.output import write_document, write_line
from mgit.cli.tables import make_table, width
from mgit.cli.words import count
from mgit.errors import StateError
from mgit.telemetry.chain import MAX_LINE, Record, is_at, parse_record, read_backwards
from mgit.telemetry.rotation import ClosedFile, closed_files

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
    with closing(_Place(path)) as place:
        records = _last(path, wanted, limit, console) if place.began else []
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
            for record in place.new():
                if not place.anew and int(record["seq"]) <= shown:
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
        path: the log, which may still have to be begun.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.anew = False
        """A chain was begun that has nothing to do with the one before."""
        self._seen = 0
        with suppress(StateError):  # the open file, or a kill came before it was begun
            self._seen = next((int(last["seq"]) for last in read_backwards(path) if last), 0)
        self._file = self._opened()
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    @property
    def began(self) -> bool:
        """Whether there are records."""
        return self._file is not None or self._seen > 0

    def close(self) -> None:
        """Look no more."""
        if self._file is not None:
            self._file.close()

    def new(self) -> Iterator[Record]:
        """Records that were written since; all of them where the log is another one."""
        yield from self._rest()
        if self._file is not None and self._is_current(self._file):
            return
        newer = [closed for closed in closed_files(self._path) if closed.last > self._seen]
        yield from self._of_closed(newer)
        if self._file is not None:
            self._file.close()
        self._file = self._opened()
        yield from self._rest()

    def _of_closed(self, newer: list[ClosedFile]) -> Iterator[Record]:
        for closed in newer:
            with closed.path.open("rb") as file:
                for line in file:
                    record = parse_record(line)
                    if record is not None and int(record["seq"]) > self._seen:
                        self._seen = int(record["seq"])
                        yield record

    def _is_current(self, file: BinaryIO) -> bool:
        return is_at(self._path, file.fileno()) and file.tell() <= os.fstat(file.fileno()).st_size

    def _opened(self) -> BinaryIO | None:
        with suppress(FileNotFoundError):
            return self._path.open("rb")
        return None

    def _rest(self) -> Iterator[Record]:
        """What the file holds that was not read yet."""
        if self._file is None:
            return
        while (line := self._file.readline(MAX_LINE)).endswith(b"\n"):
            record = parse_record(line)
            if record is not None:
                self.anew |= int(record["seq"]) <= self._seen
                self._seen = int(record["seq"])
                yield record
        self._file.seek(-len(line), os.SEEK_CUR)  # a record in the middle of being written


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
