"""When repositories were asked last, kept from one life of the service to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mgit.model import RepoKey
from mgit.state.database import Database


@dataclass(frozen=True, slots=True)
class StoredVisit:
    """What is known of the times of one repository.

    Args:
        key: its identity.
        source: name of the source that lists it.
        folder: of its clone, relative to the root.
        asked_at: when its refs were asked for last, in seconds since 1970.
        changed_at: when it last was known to change, None where that is not known.
        failures: how often in a row it could not be brought up to date.
    """

    key: RepoKey
    source: str
    folder: str
    asked_at: float
    changed_at: float | None
    failures: int


class Visits:
    """The visits of services, by what they keep.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, place: Path) -> tuple[StoredVisit, ...]:
        """What the last service of a place left; nothing where that is not known."""

        def query(connection: sqlite3.Connection) -> tuple[StoredVisit, ...]:
            rows = connection.execute(
                "SELECT forge, repo_id, source, folder, asked_at, changed_at, failures "
                "FROM visits WHERE place = ?",
                (str(place),),
            )
            return tuple(StoredVisit(RepoKey(row[0], row[1]), *row[2:]) for row in rows)

        return self._database.read(query, ())

    def store(
        self, place: Path, visits: Iterable[StoredVisit], gone: Iterable[RepoKey] = ()
    ) -> None:
        """Keep these, and forget those that are gone; what else is kept stays."""
        name = str(place)
        lost = [(name, key.forge, key.id) for key in gone]
        rows = [
            (
                name,
                one.key.forge,
                one.key.id,
                one.source,
                one.folder,
                one.asked_at,
                one.changed_at,
                one.failures,
            )
            for one in visits
        ]

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "DELETE FROM visits WHERE place = ? AND forge = ? AND repo_id = ?", lost
            )
            connection.executemany(
                "INSERT OR REPLACE INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
            )

        if rows or lost:
            self._database.write(change)
