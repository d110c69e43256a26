"""How far the search for bit rot has come, kept from one life of the service to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mgit.state.database import Database


@dataclass(frozen=True, slots=True)
class StoredScrub:
    """How far one clone was read.

    Args:
        folder: of the clone, relative to the root.
        begun_at: when its reading began, in seconds since 1970.
        ended_at: when it was last read whole; None when it never was.
        place: where the reading stands, empty when none is under way.
        damage: what was found, empty for nothing.
    """

    folder: str
    begun_at: float
    ended_at: float | None = None
    place: str = ""
    damage: str = ""


class Scrubs:
    """What was read, by root.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, root: Path) -> dict[str, StoredScrub]:
        """What is known of the clones below a root, by folder."""

        def query(connection: sqlite3.Connection) -> dict[str, StoredScrub]:
            rows = connection.execute(
                "SELECT folder, begun_at, ended_at, place, damage FROM scrubs WHERE root = ?",
                (str(root),),
            )
            return {row[0]: StoredScrub(*row) for row in rows}

        return self._database.read(query, {})

    def store(self, root: Path, scrub: StoredScrub) -> None:
        """Keep how far a clone was read."""
        row = (
            *(str(root), scrub.folder, scrub.begun_at, scrub.ended_at),
            *(scrub.place, scrub.damage),
        )

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO scrubs VALUES (?, ?, ?, ?, ?, ?)", row)

        self._database.write(change)

    def forget(self, root: Path, folders: Collection[str]) -> None:
        """Forget clones that are not there any more."""

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "DELETE FROM scrubs WHERE root = ? AND folder = ?",
                [(str(root), folder) for folder in folders],
            )

        if folders:
            self._database.write(change)
