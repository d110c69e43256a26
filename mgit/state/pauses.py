"""Pauses that hosts asked for, kept for the next run."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from mgit.state.database import Database

_SALT = "credentials"


@dataclass(frozen=True, slots=True)
class StoredPause:
    """What is left of a pause.

    Args:
        seconds: from now.
        why: one line for a person.
        lane: what it is about, empty for everything.
    """

    seconds: float
    why: str
    lane: str


class Pauses:
    """Who is to be left alone, and for how long.

    Credentials are named by a hash with a key of this installation: the file tells neither the
    token nor whether somebody else's token is the same.

    Args:
        database: where they are.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._salt: bytes | None = None

    def credential_name(self, secret: str) -> str:
        """A name for a secret that tells nothing about it; empty for the empty secret."""
        if not secret:
            return ""
        if self._salt is None:
            self._salt = self._kept_salt()
        return hmac.new(self._salt, secret.encode(), hashlib.sha256).hexdigest()[:32]

    def load(self, host: str, credential: str) -> StoredPause | None:
        """The pause of a host for a credential, None when it is over."""

        def query(connection: sqlite3.Connection) -> tuple[float, str, str] | None:
            row: tuple[float, str, str] | None = connection.execute(
                "SELECT ends_at, why, lane FROM pauses WHERE host = ? AND credential = ?",
                (host, credential),
            ).fetchone()
            return row

        row = self._database.read(query, None)
        if row is None or row[0] <= self._clock():
            return None
        return StoredPause(row[0] - self._clock(), row[1], row[2])

    def store(self, host: str, credential: str, pause: StoredPause) -> None:
        """Keep a pause that begins now; those that are over are forgotten."""
        now = self._clock()

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM pauses WHERE ends_at < ?", (now,))
            connection.execute(
                "INSERT OR REPLACE INTO pauses (host, credential, lane, ends_at, why) "
                "VALUES (?, ?, ?, ?, ?)",
                (host, credential, pause.lane, now + pause.seconds, pause.why),
            )

        self._database.write(change)

    def _kept_salt(self) -> bytes:
        fresh = secrets.token_bytes(32)

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR IGNORE INTO salts VALUES (?, ?)", (_SALT, fresh))

        def query(connection: sqlite3.Connection) -> bytes:
            row = connection.execute("SELECT value FROM salts WHERE name = ?", (_SALT,)).fetchone()
            return fresh if row is None else bytes(row[0])

        self._database.write(change)
        return self._database.read(query, fresh)
