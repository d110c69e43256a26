"""Reads an audit log: the whole chain with every link checked, or the last records of it.

A log is one chain over several files: those that were closed, and the one that is written.
Each record carries the hash of the one before it. A line must be, byte for byte, what mgit would
write for the record that stands in it: a second spelling of the same JSON is a change too. Memory
stays constant, whatever the size of the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from mgit.credentials.locks import lock_file
from mgit.errors import StateError
from mgit.telemetry.rotation import closed_files

GENESIS = "0" * 64
"""What the first record carries in place of the hash of one before it."""
MAX_LINE = 1 << 20
"""Bytes; no record is as long."""
_BLOCK = 1 << 16

Record = dict[str, Any]


class BrokenChain(StateError):
    """A line that does not hold: torn, changed, taken out, put in or moved.

    Args:
        file: where it stands.
        line: its number in that file, counted from 1.
        number: that of the record that belongs there.
        message: see `MgitError`; begins with `record NUMBER`.
        advice: see `MgitError`.
    """

    def __init__(self, file: Path, line: int, number: int, message: str, *, advice: str) -> None:
        super().__init__(f"record {number} {message}", advice=advice)
        self.file = file
        self.line = line


def read_chain(path: Path, *, starts: Collection[str] = ()) -> Iterator[tuple[Record, bytes]]:
    """Records with their lines, each once it was checked, up to where the log ends now.

    Args:
        path: the log; the files that were closed before it are read first.
        starts: hashes of records after which the first one here may begin, since what came
            before was taken to another place.

    Raises:
        BrokenChain: the next line does not hold.
        StateError: the log cannot be read.
    """
    head, count = GENESIS, 0
    try:
        with _settled(path) as (files, open_file, size):
            for file, opened, end in _in_turn(files, open_file, size):
                number, left = 0, end
                while line := opened.readline(min(left, MAX_LINE)):
                    left -= len(line)
                    number += 1
                    place = _Place(file, number, count + 1)
                    record = _sound(line, place)
                    if count == 0 and record["prev"] in starts:
                        head, count = str(record["prev"]), int(record["seq"]) - 1
                    _check_follows(record, head, replace(place, number=count + 1))
                    head, count = str(record["hash"]), count + 1
                    yield record, line
    except OSError as error:
        raise _unreadable(path, error) from None


def read_backwards(path: Path) -> Iterator[Record | None]:
    """Records from the last one to the first, unchecked; None for a line that is none.

    Raises:
        StateError: the log cannot be read.
    """
    try:
        with _settled(path) as (files, open_file, size):
            if open_file is not None:
                yield from _backwards(open_file, size)
            for file in reversed(files):
                yield from read_file_backwards(file)
    except OSError as error:
        raise _unreadable(path, error) from None


def read_file_backwards(path: Path) -> Iterator[Record | None]:
    """The same for one file alone.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        yield from _backwards(file, os.fstat(file.fileno()).st_size)


def is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _backwards(file: BinaryIO, size: int) -> Iterator[Record | None]:
    position, rest = size, b""
    while position > 0:
        start = max(0, position - _BLOCK)
        file.seek(start)
        rest = file.read(position - start) + rest
        position = start
        lines = rest.splitlines(keepends=True)
        # What the first line of a block begins with stands in the block before.
        rest = lines.pop(0) if start and len(rest) < MAX_LINE else b""
        for line in reversed(lines):
            yield parse_record(line)


def encode_record(record: Record) -> bytes:
    """The one way in which a record is written, without the line break."""
    return msgspec.json.encode(record, order="sorted")


def hash_record(record: Record) -> str:
    """SHA-256 over a record without its own hash."""
    body = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(encode_record(body)).hexdigest()


def parse_record(line: bytes) -> Record | None:
    """A whole record, None for a line that is torn or of another kind."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    texts = all(isinstance(record.get(name), str) for name in ("@timestamp", "prev", "hash"))
    parts = all(isinstance(record.get(name), dict) for name in ("event", "labels"))
    number = record.get("seq")
    counts = type(number) is int and 0 < number < 1 << 63
    return record if texts and parts and counts else None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a line stands: its file, its number there, and that of the record to be expected."""

    file: Path
    line: int
    number: int

    def broken(self, message: str, advice: str) -> BrokenChain:
        return BrokenChain(self.file, self.line, self.number, message, advice=advice)


def _sound(line: bytes, place: _Place) -> Record:
    """The record of a line that is whole and as it was written."""
    if not line.endswith(b"\n"):
        raise place.broken(
            "is torn: its line has no end",
            "after a power cut or `kill -9` the next record of mgit cuts it off and says "
            "so (audit-recovered); otherwise the file was cut short: compare it with a backup",
        )
    record = parse_record(line)
    if record is None:
        raise place.broken(
            "is not a record", "somebody else wrote this line: compare the file with a backup"
        )
    if record["hash"] != hash_record(record) or encode_record(record) + b"\n" != line:
        raise place.broken(
            "was changed: its hash is another",
            "compare the file with a backup, and find out who could write it",
        )
    return record


def _check_follows(record: Record, head: str, place: _Place) -> None:
    if record["prev"] == head and record["seq"] == place.number:
        return
    advice = "records were taken out, put in or moved here: compare the file with a backup, and "
    advice += "find out who could write it"
    if head == GENESIS:
        advice = (
            "files that were closed before this one are not here, or records were taken out: put "
            "them back, or name with --head-file a file that holds their last hash"
        )
    raise place.broken(
        f"does not follow the one before: it is number {record['seq']} of its chain", advice
    )


_Settled = tuple[list[Path], BinaryIO | None, int]


@contextlib.contextmanager
def _settled(path: Path) -> Iterator[_Settled]:
    """Closed files, the open one (None: it was just closed) and its size between two records."""
    while True:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            if not (files := _paths(path)):
                raise
            yield files, None, 0
            return
        with file:
            found = _settled_size(file)
            if found is not None:
                yield (*found,)
                return


def _settled_size(file: BinaryIO) -> tuple[list[Path], BinaryIO, int] | None:
    """None where the file was closed in between."""
    path = Path(file.name)
    try:  # a descriptor of its own: closing it gives the lock back
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    try:
        with contextlib.suppress(OSError):  # a copy on a file system without locks
            lock_file(descriptor, wait=True)
        if not is_at(path, descriptor) or not is_at(path, file.fileno()):
            return None
        return _paths(path), file, os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _paths(path: Path) -> list[Path]:
    return [closed.path for closed in closed_files(path)]


def _in_turn(
    files: list[Path], open_file: BinaryIO | None, size: int
) -> Iterator[tuple[Path, BinaryIO, int]]:
    for path in files:
        with path.open("rb") as file:
            yield path, file, os.fstat(file.fileno()).st_size
    if open_file is not None:
        yield Path(open_file.name), open_file, size


def _unreadable(path: Path, error: OSError) -> StateError:
    if isinstance(error, FileNotFoundError):
        return StateError(
            f"there is no audit log {path}",
            advice="it begins with the first command that works with a forge",
        )
    return StateError(
        f"audit log {path} cannot be read: {error.strerror}",
        advice="it is the file of whoever runs mgit, with mode 0600: read it as that user",
    )
