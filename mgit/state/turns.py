"""When the sources of a service are due, kept from one life of the service to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mgit.state.database import Database


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """When a source is due.

    Args:
        source: its name.
        due_at: seconds since 1970.
        failures: how many passes in a row did not reach it.
        settings: a digest of how it was configured then.
    """

    source: str
    due_at: float
    failures: int
    settings: int


class Turns:
    """The due times of services, by what they keep.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, place: Path) -> tuple[StoredTurn, ...]:
        """What the last service of a place left; nothing where that is not known."""

        def query(connection: sqlite3.Connection) -> tuple[StoredTurn, ...]:
            rows = connection.execute(
                "SELECT source, due_at, failures, settings FROM turns WHERE place = ?",
                (str(place),),
            )
            return tuple(StoredTurn(*row) for row in rows)

        return self._database.read(query, ())

    def store(self, place: Path, turns: Iterable[StoredTurn]) -> None:
        """Keep these in place of all that were kept."""
        rows = [(str(place), one.source, one.due_at, one.failures, one.settings) for one in turns]

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM turns WHERE place = ?", (str(place),))
            connection.executemany("INSERT INTO turns VALUES (?, ?, ?, ?, ?)", rows)

        self._database.write(change)
