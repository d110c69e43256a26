"""What `mgit changes` compares with, and since when a source is complete."""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from mgit.model import Listing, RefSnapshot
from mgit.state.database import Database

T = TypeVar("T")
_OID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class StoredListing:
    """A whole answer of a source.

    Args:
        listing: what it listed.
        listed_at: when, in seconds since 1970.
    """

    listing: Listing
    listed_at: float


@dataclass(frozen=True, slots=True)
class StoredRefs:
    """The refs that a clone had.

    Args:
        clone: what names the clone: its key, or its folder where it has none.
        name: what to call it for a person.
        refs: what it held.
    """

    clone: str
    name: str
    refs: RefSnapshot


class Remembered:
    """Baselines: what was seen when somebody last asked for changes.

    Args:
        database: where they are.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def listing(self, source: str) -> StoredListing | None:
        """The listing that was told about last, None for none."""

        def query(connection: sqlite3.Connection) -> tuple[float, bytes] | None:
            row: tuple[float, bytes] | None = connection.execute(
                "SELECT listed_at, body FROM baselines WHERE source = ?", (source,)
            ).fetchone()
            return row

        row = self._database.read(query, None)
        if row is None or (listing := decoded(row[1], Listing)) is None:
            return None
        return StoredListing(listing, row[0])

    def store_listing(self, listing: Listing) -> None:
        """Compare with this one from now on."""
        row = (listing.source, self._clock(), encoded(listing))

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO baselines VALUES (?, ?, ?)", row)

        self._database.write(change)

    def clones(self, root: Path) -> dict[str, str]:
        """Every clone below a root whose refs are remembered, with its name."""

        def query(connection: sqlite3.Connection) -> dict[str, str]:
            rows = connection.execute("SELECT clone, name FROM refs WHERE root = ?", (str(root),))
            return dict(rows)

        return self._database.read(query, {})

    def refs(self, root: Path, clone: str) -> RefSnapshot | None:
        """The refs that a clone had, None when that is not known."""

        def query(connection: sqlite3.Connection) -> bytes | None:
            row = connection.execute(
                "SELECT body FROM refs WHERE root = ? AND clone = ?", (str(root), clone)
            ).fetchone()
            return None if row is None else bytes(row[0])

        body = self._database.read(query, None)
        return None if body is None else unpacked_refs(body)

    def store_refs(
        self, root: Path, clones: Iterable[StoredRefs], gone: Iterable[str] = ()
    ) -> None:
        """Compare with these from now on, in one transaction."""
        now = self._clock()
        rows = [(str(root), one.clone, one.name, now, packed_refs(one.refs)) for one in clones]
        lost = [(str(root), clone) for clone in gone]

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM refs WHERE root = ? AND clone = ?", lost)
            connection.executemany("INSERT OR REPLACE INTO refs VALUES (?, ?, ?, ?, ?)", rows)

        if rows or lost:
            self._database.write(change)

    def complete_since(self, root: Path) -> dict[str, float]:
        """When the last run began that brought all of a source's clones up to date, by source."""

        def query(connection: sqlite3.Connection) -> dict[str, float]:
            rows = connection.execute(
                "SELECT source, began_at FROM complete WHERE root = ?", (str(root),)
            )
            return dict(rows)

        return self._database.read(query, {})

    def store_complete(self, root: Path, began: Mapping[str, float]) -> None:
        """Note such a run."""
        rows = [(str(root), source, at) for source, at in began.items()]

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO complete VALUES (?, ?, ?)", rows)

        if rows:
            self._database.write(change)


def encoded(value: object) -> bytes:
    """Packed and compressed; the checksum of zlib tells rotten bytes from sound ones."""
    return zlib.compress(msgspec.msgpack.encode(value), 1)


def decoded(body: bytes, type_: type[T]) -> T | None:
    """Undo `encoded`, None where that is not possible."""
    try:
        return msgspec.msgpack.decode(zlib.decompress(body), type=type_)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def packed_refs(refs: RefSnapshot) -> bytes:
    """HEAD in the first line, then a line for each ref. Names may hold any byte, but no newline."""
    lines = [refs.head or "", *(f"{oid} {name}" for name, oid in refs.refs.items())]
    return zlib.compress("\n".join(lines).encode("utf-8", "surrogateescape"), 1)


def unpacked_refs(body: bytes) -> RefSnapshot | None:
    """Undo `packed_refs`, None where that is not possible."""
    try:
        text = zlib.decompress(body).decode("utf-8", "surrogateescape")
    except zlib.error:
        return None
    head, *lines = text.split("\n")
    refs = {name: oid for oid, _, name in (line.partition(" ") for line in lines)}
    whole = all(name and _OID.fullmatch(oid) for name, oid in refs.items())
    return RefSnapshot(refs, head or None) if whole else None
