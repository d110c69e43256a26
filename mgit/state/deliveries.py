"""What webhooks brought before, so that the same thing again does nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from mgit.state.database import Database

KEPT = 10_000
"""Marks of one source; more than a busy organisation makes in the three days in which GitHub sends
a delivery again. One that is forgotten and comes again costs one request."""


class Deliveries:
    """The marks of deliveries, by source.

    Args:
        database: where they are.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def remember(self, source: str, marks: Sequence[str]) -> bool:
        """Keep what a delivery is known by.

        Returns:
            False where it was known already, whole or in part; True also where nothing can be
            kept: what comes twice then is done twice.
        """
        known = False

        def change(connection: sqlite3.Connection) -> None:
            nonlocal known
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

        return not (self._database.write(change) and known)


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
