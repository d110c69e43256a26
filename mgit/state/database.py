"""One SQLite file, opened when first used, that heals itself.

A damaged file is set aside and replaced; a file that cannot be used at all (read-only folder, no
space, locked for too long) is done without. Either way the caller gets its default and mgit goes
on: nothing that is kept here is needed to be right.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mgit.errors import StateError
from mgit.state.schema import MIGRATIONS

T = TypeVar("T")

APPLICATION_ID = 0x6D676974  # "mgit", for file(1) and against opening somebody else's database

_DAMAGED = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
        # Our statements are fixed and tested, so "no such table" means a file that is not ours.
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_SCHEMA,
    }
)


class Database:
    """A SQLite connection shared by threads.

    Args:
        path: the file; its folder is made with mode 0700, the file with 0600.
        warn: told in one line, once for each cause, when something had to be given up.
        patience: seconds to wait for another process that writes.
    """

    def __init__(self, path: Path, warn: Callable[[str], None], *, patience: float = 5.0) -> None:
        self._patience = patience
        self._path = path
        self._warn = warn
        self._warned: set[str] = set()
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def read(self, query: Callable[[sqlite3.Connection], T], default: T) -> T:
        """Run a query, or return `default` where the file does not answer."""
        return self._attempt(query, default)

    def write(self, change: Callable[[sqlite3.Connection], None]) -> bool:
        """Run a change in one transaction.

        Returns:
            False when it could not be kept; a reason was given to `warn`.
        """

        def transaction(connection: sqlite3.Connection) -> bool:
            connection.execute("BEGIN IMMEDIATE")
            try:
                change(connection)
            except BaseException:
                # The rollback may fail for the same reason; the first cause is the one to tell.
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            return True

        return self._attempt(transaction, default=False)

    def check(self) -> None:
        """Open the file and write to it.

        Raises:
            StateError: the file cannot be used; mgit works without it, only slower.
        """
        with self._lock:
            try:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except (sqlite3.Error, OSError) as error:
                raise StateError(
                    f"state file {self._path} cannot be used: {error}",
                    advice="check the folder's rights and free space, or set MGIT_STATE_DIR",
                ) from None

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _attempt(self, action: Callable[[sqlite3.Connection], T], default: T) -> T:
        with self._lock:
            try:
                return action(self._open())
            except sqlite3.Error as error:
                if not _is_damage(error):
                    return self._give_up(error, default)
                self._set_aside(str(error))
            except OSError as error:
                return self._give_up(error, default)
            try:
                return action(self._open())
            except (sqlite3.Error, OSError) as error:
                return self._give_up(error, default)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = _connect(self._path, self._patience)
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise
                self._set_aside(str(error))
                self._connection = _connect(self._path, self._patience)
        return self._connection

    def _give_up(self, error: Exception, default: T) -> T:
        self._say(f"state file {self._path} is not used: {error}")
        return default

    def _set_aside(self, cause: str) -> None:
        """Move a damaged file out of the way; the latest one is kept for whoever wants to look."""
        self.close()
        aside = self._path.with_name(f"{self._path.name}.damaged")
        with contextlib.suppress(FileNotFoundError):
            self._path.replace(aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)
        self._say(
            f"state file {self._path} was damaged ({cause}); kept as {aside.name}, began anew"
        )

    def _say(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)


def _is_damage(error: sqlite3.Error) -> bool:
    # Extended codes carry the primary code in the low byte (sqlite.org/rescode.html).
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made by us first, so that it is private from its first byte; the -wal gets the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(
        path, timeout=patience, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # A cache may lose its last transaction in a power cut; it is consistent all the same.
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema to ours. A file from a newer mgit counts as damaged: it is only a cache."""
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another process may have been quicker
        if version > len(MIGRATIONS):
            _refuse("it was written by a newer mgit")
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if version and owner != APPLICATION_ID:
        _refuse("it is not mgit's")
    return version


def _refuse(cause: str) -> None:
    error = sqlite3.DatabaseError(cause)
    error.sqlite_errorcode = sqlite3.SQLITE_FORMAT
    raise error
