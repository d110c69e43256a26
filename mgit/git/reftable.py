"""Reads refs that git keeps in reftables: a stack of sorted, compressed tables of records.

Format: "reftable" in git's technical documentation (gitformat-reftable), versions 1 and 2. Only
what refs need is read: the reference blocks from first to last. Logs and the indexes are for
quicker look-ups and are passed over. A table holds no checksum but that of its footer.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mgit.errors import RepositoryBroken

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")
_MAGIC = b"REFT"
_HASHES = {b"sha1": 20, b"s256": 32}
_POSITIONS = 5 * 8
_ATTEMPTS = 10
_HIGHEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Record:
    """One reference as a table has it.

    Args:
        name: full name, `HEAD` included.
        oid: in hex; empty for a symbolic or a deleted one.
        target: where a symbolic one points; empty for others.
    """

    name: str
    oid: str = ""
    target: str = ""


def read_stack(folder: Path) -> dict[str, Record]:
    """Every reference of a `reftable` folder by its name.

    Raises:
        RepositoryBroken: a table is damaged or missing.
    """
    missing = ""
    for _ in range(_ATTEMPTS):
        try:
            return _merged(folder)
        except FileNotFoundError as error:  # git has just merged tables: the list is new
            missing = Path(str(error.filename)).name
        except OSError as error:
            raise RepositoryBroken(f"its reftables cannot be read: {error.strerror}") from None
    raise RepositoryBroken(f"reftable {missing} is missing")


def read_table(content: bytes) -> Iterator[Record]:
    """The references of one table, by name; those without oid and target are deletions.

    Raises:
        RepositoryBroken: it is none, or it is damaged.
    """
    try:
        header, hash_size, end = _frame(content)
        size = int.from_bytes(content[5:8], "big")
        start, first = 0, header
        while first < end and content[first : first + 1] == b"r":
            length = int.from_bytes(content[first + 1 : first + 4], "big")
            if not first - start + 4 <= length <= end - start:
                raise RepositoryBroken("a reftable has a block of the wrong length")
            yield from _block(content, first + 4, start + length, hash_size)
            start = first = _next_block(content, start, length, size, end)
    except (IndexError, UnicodeError):
        raise RepositoryBroken("a reftable is cut short or damaged") from None


def _merged(folder: Path) -> dict[str, Record]:
    records: dict[str, Record] = {}
    for name in (folder / "tables.list").read_text("ascii", "replace").split("\n"):
        if not name:
            continue
        if not _NAME.fullmatch(name):
            raise RepositoryBroken(f"the list of reftables names {name[:80]!a}")
        for record in read_table((folder / name).read_bytes()):
            if record.oid or record.target:
                records[record.name] = record
            else:
                records.pop(record.name, None)
    return records


def _frame(content: bytes) -> tuple[int, int, int]:
    """Length of the header, bytes in an object id, where the reference blocks end."""
    if content[:4] != _MAGIC or content[4] not in (1, 2):
        raise RepositoryBroken("a reftable does not begin like one that this mgit knows")
    header = 24 if content[4] == 1 else 28
    footer = len(content) - header - _POSITIONS - 4
    if footer < header:
        raise RepositoryBroken("a reftable is cut short")
    if content[footer : footer + header] != content[:header]:
        raise RepositoryBroken("a reftable is cut short: its end does not fit its beginning")
    if zlib.crc32(content[footer:-4]) != int.from_bytes(content[-4:], "big"):
        raise RepositoryBroken("a reftable's footer does not match its checksum")
    hash_size = 20 if header == 24 else _HASHES.get(content[24:28], 0)
    if not hash_size:
        raise RepositoryBroken("a reftable names a hash that this mgit does not know")
    at = footer + header
    marks = [int.from_bytes(content[at + n : at + n + 8], "big") for n in range(0, _POSITIONS, 8)]
    marks[1] >>= 5  # the low bits are the length of abbreviated ids
    return header, hash_size, min([footer, *filter(None, marks)])


def _next_block(content: bytes, start: int, length: int, size: int, end: int) -> int:
    """Blocks are padded to the table's block size, or follow each other directly."""
    after = start + length
    if size == 0 or length >= size or (after < end and content[after] != 0):
        return after
    return start + size


def _block(content: bytes, at: int, end: int, hash_size: int) -> Iterator[Record]:
    restarts = int.from_bytes(content[end - 2 : end], "big")
    last = end - 2 - 3 * restarts
    if last < at:
        raise RepositoryBroken("a reftable has a block without room for its records")
    name = b""
    while at < last:
        prefix, at = _varint(content, at)
        packed, at = _varint(content, at)
        kind, suffix = packed & 7, packed >> 3
        if prefix > len(name) or at + suffix > last:
            raise RepositoryBroken("a reftable has a record of the wrong length")
        name = name[:prefix] + content[at : at + suffix]
        _, at = _varint(content, at + suffix)  # when it was written, in steps of the stack
        oid, target, at = _value(content, at, kind, hash_size)
        if at > last:
            raise RepositoryBroken("a reftable has a record that does not end in its block")
        yield Record(_text(name), oid, target)


def _value(content: bytes, at: int, kind: int, hash_size: int) -> tuple[str, str, int]:
    match kind:
        case 0:
            return "", "", at
        case 1:
            return content[at : at + hash_size].hex(), "", at + hash_size
        case 2:  # an annotated tag, and what it leads to
            return content[at : at + hash_size].hex(), "", at + 2 * hash_size
        case 3:
            size, at = _varint(content, at)
            return "", _text(content[at : at + size]), at + size
        case _:
            raise RepositoryBroken(f"a reftable has a record of the unknown type {kind}")


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the highest first; each longer one starts one higher."""
    value = content[at] & 0x7F
    while content[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (content[at] & 0x7F)
        if value > _HIGHEST:
            raise RepositoryBroken("a reftable has a number out of range")
    return value, at + 1


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
