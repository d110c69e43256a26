"""What webhooks brought: marks, so that the same thing again does nothing, and hints that wait.

Both are kept in one transaction. A service that is killed in between has neither: else it would
know the delivery when it is sent again, and never do what it was about.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mgit.state.database import Database

KEPT = 10_000
"""Marks of one source; more than a busy organisation makes in the three days in which GitHub sends
a delivery again. One that is forgotten and comes again costs one request."""

MOST_WAITING = 4096
FLOOD = "flood"
"""In the place of a repository's id: there were more hints about a source than are kept."""


@dataclass(frozen=True, slots=True)
class WaitingHint:
    """A hint that no run has answered yet.

    Args:
        source: name of the source that it is about.
        key: id of the repository; empty for the listing; `FLOOD`.
        request_id: of the request that brought it.
        traceparent: of the trace that the request belongs to, empty for none.
        number: rises; 0 where it is not kept.
    """

    source: str
    key: str
    request_id: str = ""
    traceparent: str = ""
    number: int = 0


class Deliveries:
    """The marks of deliveries, by source.

    Args:
        database: where they are.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def remember(self, hint: WaitingHint, marks: Sequence[str]) -> int | None:
        """Keep what a delivery is known by, and its hint until it is answered.

        Returns:
            The hint's number, 0 where nothing can be kept: what comes twice then is done twice.
            None where one of the marks was known already.
        """
        known = False
        number = 0

        def change(connection: sqlite3.Connection) -> None:
            nonlocal known, number
            known = self._mark(connection, hint.source, marks)
            number = 0 if known else _keep(connection, hint)

        kept = self._database.write(change)
        return (None if known else number) if kept else 0

    def waiting(self) -> tuple[WaitingHint, ...]:
        """The hints that an earlier life of the service left unanswered, oldest first."""

        def query(connection: sqlite3.Connection) -> tuple[WaitingHint, ...]:
            rows = connection.execute(
                "SELECT source, key, request_id, traceparent, number FROM hints ORDER BY number"
            )
            return tuple(WaitingHint(*row) for row in rows)

        return self._database.read(query, ())

    def answered(self, hints: Iterable[WaitingHint]) -> None:
        """Forget these, unless the same was hinted at again since."""
        rows = [(one.source, one.key, one.number) for one in hints]

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "DELETE FROM hints WHERE source = ? AND key = ? AND number <= ?", rows
            )

        if rows:
            self._database.write(change)

    def _mark(self, connection: sqlite3.Connection, source: str, marks: Sequence[str]) -> bool:
        """Keep marks; whether one of them was there."""
        known = False
        now = self._clock()
        for mark in marks:
            row = connection.execute(
                "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?)", (source, mark, now)
            )
            known = known or row.rowcount == 0
        connection.execute(
            "DELETE FROM deliveries WHERE source = ? AND seen_at < (SELECT seen_at FROM "
            "deliveries WHERE source = ? ORDER BY seen_at DESC LIMIT 1 OFFSET ?)",
            (source, source, KEPT),
        )
        return known


def _keep(connection: sqlite3.Connection, hint: WaitingHint) -> int:
    """Keep a hint; where there are too many, one for its whole source. Its number."""
    count: int = connection.execute("SELECT COUNT(*) FROM hints").fetchone()[0]
    key = hint.key if count < MOST_WAITING else FLOOD
    row = connection.execute(
        "INSERT OR REPLACE INTO hints (source, key, request_id, traceparent) VALUES (?, ?, ?, ?)",
        (hint.source, key, hint.request_id, hint.traceparent),
    )
    return row.lastrowid or 0


def marks_in(path: Path, source: str) -> tuple[str, ...]:
    """The marks of a source, oldest first, for a process that only reads.

    Args:
        path: the state file; nothing where it is missing, older, or cannot be read.
        source: its name.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as opened:
            rows = opened.execute(
                "SELECT mark FROM deliveries WHERE source = ? ORDER BY seen_at DESC LIMIT ?",
                (source, KEPT),
            )
            return tuple(reversed([str(row[0]) for row in rows]))
    except sqlite3.Error:
        return ()
