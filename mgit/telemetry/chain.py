"""Reads an audit log: the whole chain with every link checked, or the last records of it.

Each record carries the hash of the one before it. A line must be, byte for byte, what mgit would
write for the record that stands in it: a second spelling of the same JSON is a change too. Memory
stays constant, whatever the size of the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from mgit.credentials.locks import lock_file
from mgit.errors import StateError

GENESIS = "0" * 64
"""What the first record carries in place of the hash of one before it."""
MAX_LINE = 1 << 20
"""Bytes; no record is as long."""
_BLOCK = 1 << 16

Record = dict[str, Any]


class BrokenChain(StateError):
    """A line that does not hold: torn, changed, taken out, put in or moved.

    Args:
        line: its number, counted from 1.
        message: see `MgitError`; begins with `record LINE`.
        advice: see `MgitError`.
    """

    def __init__(self, line: int, message: str, *, advice: str) -> None:
        super().__init__(f"record {line} {message}", advice=advice)
        self.line = line


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify_audit` found.

    Args:
        records: how many hold together from the beginning.
        head: hash of the last of them; keep it elsewhere.
        problem: the first thing that is wrong, empty when nothing is.
        advice: what to do about it.
        line: number of the line that is wrong, None when none is.
        first: when the first record was made, empty without any.
        last: when the last of those that hold was made.
        since_kept: records that came after the head that was kept elsewhere; None when none was
            named, or when it is not in the chain.
    """

    records: int
    head: str
    problem: str = ""
    advice: str = ""
    line: int | None = None
    first: str = ""
    last: str = ""
    since_kept: int | None = None


def verify_audit(path: Path, *, kept: str | None = None) -> Verdict:
    """Read the whole chain.

    Args:
        path: the file.
        kept: the hash of a head that was kept in a second place.

    Raises:
        StateError: the file cannot be read.
    """
    count, head, first, last = 0, GENESIS, "", ""
    found_at = 0 if kept == GENESIS else None
    broken: BrokenChain | None = None
    try:
        for record, _ in read_chain(path):
            count, head, last = count + 1, str(record["hash"]), str(record["@timestamp"])
            first = first or last
            if head == kept:
                found_at = count
    except BrokenChain as error:
        broken = error
    since = None if found_at is None else count - found_at
    verdict = Verdict(count, head, first=first, last=last, since_kept=since)
    if broken is not None:
        return replace(verdict, problem=broken.message, advice=broken.advice, line=broken.line)
    if kept is not None and since is None:
        return replace(
            verdict,
            problem=f"the head that was kept, {kept[:12]}…, is not in this chain",
            advice="the file was rebuilt, cut short or replaced after that head was kept: compare "
            "it with a backup, and find out who could write it",
        )
    return verdict


def read_chain(path: Path) -> Iterator[tuple[Record, bytes]]:
    """Records with their lines, each once it was checked, up to where the file ends now.

    Raises:
        BrokenChain: the next line does not hold.
        StateError: the file cannot be read.
    """
    head, number = GENESIS, 0
    try:
        with path.open("rb") as file:
            left = _settled_size(file)
            while line := file.readline(min(left, MAX_LINE)):
                left -= len(line)
                number += 1
                record = _checked(line, number, head)
                head = str(record["hash"])
                yield record, line
    except OSError as error:
        raise _unreadable(path, error) from None


def read_backwards(path: Path) -> Iterator[Record | None]:
    """Records from the last one to the first, unchecked; None for a line that is none.

    Raises:
        StateError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            position, rest = _settled_size(file), b""
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
    except OSError as error:
        raise _unreadable(path, error) from None


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


def _checked(line: bytes, number: int, head: str) -> Record:
    if not line.endswith(b"\n"):
        raise BrokenChain(
            number,
            "is torn: its line has no end",
            advice="after a power cut or `kill -9` the next record of mgit cuts it off and says "
            "so (audit-recovered); otherwise the file was cut short: compare it with a backup",
        )
    record = parse_record(line)
    if record is None:
        raise BrokenChain(
            number,
            "is not a record",
            advice="somebody else wrote this line: compare the file with a backup",
        )
    if record["hash"] != hash_record(record) or encode_record(record) + b"\n" != line:
        raise BrokenChain(
            number,
            "was changed: its hash is another",
            advice="compare the file with a backup, and find out who could write it",
        )
    if record["prev"] != head or record["seq"] != number:
        raise BrokenChain(
            number,
            f"does not follow the one before: it is number {record['seq']} of its chain",
            advice="records were taken out, put in or moved here: compare the file with a "
            "backup, and find out who could write it",
        )
    return record


def _settled_size(file: BinaryIO) -> int:
    """Bytes of the file while nobody is in the middle of a record."""
    # A descriptor of its own: closing it gives the lock back.
    descriptor = os.open(file.name, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        with contextlib.suppress(OSError):  # a copy on a file system without locks
            lock_file(descriptor, wait=True)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


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
