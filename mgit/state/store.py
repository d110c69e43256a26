"""The questions that mgit asks its memory."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgit.model import (
    Archive,
    Listing,
    Measures,
    Move,
    Outcome,
    Reason,
    RepoKey,
    Result,
    action_key,
    action_name,
    holds_upstream,
    repo_state,
)
from mgit.state.database import Database
from mgit.state.deliveries import Deliveries
from mgit.state.held import Held
from mgit.state.past import Past
from mgit.state.pauses import Pauses
from mgit.state.remembered import Remembered, StoredListing, decoded, encoded
from mgit.state.scrubs import Scrubs
from mgit.state.turns import Turns
from mgit.state.visits import Visits

KEPT_RUNS = 200
KEPT_RESPONSE_SECONDS = 90 * 86400.0


# A repository that was moved aside or away stands as it stood before, elsewhere.
_REPO_MET = """
    INSERT INTO repos
        (forge, repo_id, name, last_result, first_seen, last_seen, last_success,
         source, folder, state, reason, message, advice, seconds, last_changed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (forge, repo_id) DO """
_REPO_SEEN = f"""{_REPO_MET} UPDATE SET
        name = excluded.name,
        last_result = excluded.last_result,
        last_seen = excluded.last_seen,
        last_success = coalesce(excluded.last_success, last_success),
        source = iif(excluded.source = '', source, excluded.source),
        folder = excluded.folder,
        state = iif(excluded.state = '', state, excluded.state),
        reason = iif(excluded.state = '', reason, excluded.reason),
        message = iif(excluded.state = '', message, excluded.message),
        advice = iif(excluded.state = '', advice, excluded.advice),
        seconds = iif(excluded.state = '', seconds, excluded.seconds),
        last_changed = coalesce(excluded.last_changed, last_changed)
"""
_REPO_UNSEEN = f"{_REPO_MET} NOTHING"
_CHANGED = frozenset({Result.CLONED, Result.HEALED})


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What a run did.

    Args:
        seconds: wall time.
        repos: repositories that it looked after.
        changed: those of them that were made or got other refs.
        failed: those of them that failed.
        git_processes: how many it started.
    """

    seconds: float = 0.0
    repos: int = 0
    changed: int = 0
    failed: int = 0
    git_processes: int = 0


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run of which the state knows.

    Args:
        run_id: its id, as in logs and audit.
        root: the folder it worked on.
        started_at: seconds since 1970.
        ended_at: seconds since 1970; None when it runs or was killed.
        exit_code: what it returned; None when it did not end.
    """

    run_id: str
    root: str
    started_at: float
    ended_at: float | None
    exit_code: int | None


class State:
    """All that is remembered between runs. Safe to use from many threads.

    Args:
        path: the SQLite file, made when first needed.
        warn: told in one line when something could not be kept or had to be thrown away.
        clock: seconds since 1970.
        kept_runs: how many runs are remembered.
        patience: seconds to wait for another process that writes.
    """

    def __init__(
        self,
        path: Path,
        *,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        kept_runs: int = KEPT_RUNS,
        patience: float = 5.0,
    ) -> None:
        self._database = Database(path, warn, patience=patience)
        self._clock = clock
        self._kept_runs = kept_runs
        self.pauses = Pauses(self._database, clock)
        self.remembered = Remembered(self._database, clock)
        self.turns = Turns(self._database)
        self.held = Held(self._database, clock)
        self.scrubs = Scrubs(self._database)
        self.visits = Visits(self._database)
        self.deliveries = Deliveries(self._database, clock)
        self.past = Past(self._database)

    def check(self) -> None:
        """Make sure that the state can be written.

        Raises:
            StateError: it cannot; mgit works without, only slower.
        """
        self._database.check()

    def close(self) -> None:
        self._database.close()

    # --- answers of forges -----------------------------------------------------------------

    def load_response(self, source: str, url: str) -> bytes | None:
        """The packed answer kept for a URL, None when there is none or it is damaged."""
        row = self._one("SELECT body FROM responses WHERE source = ? AND url = ?", (source, url))
        return None if row is None else _unpack(row[0])

    def store_response(self, source: str, url: str, body: bytes) -> None:
        """Keep an answer. `source` is part of the key: two credentials may see different worlds."""
        self._write(
            "INSERT OR REPLACE INTO responses (source, url, stored_at, body) VALUES (?, ?, ?, ?)",
            [(source, url, self._clock(), zlib.compress(body, 1))],
        )

    # --- listings --------------------------------------------------------------------------

    def store_listing(self, listing: Listing) -> None:
        """Keep a listing; one that is not complete is not worth remembering and is passed over."""
        if not listing.complete:
            return
        body = encoded(listing)
        self._write(
            "INSERT OR REPLACE INTO listings (source, listed_at, repos, body) VALUES (?, ?, ?, ?)",
            [(listing.source, self._clock(), len(listing.repos), body)],
        )

    def last_listing(self, source: str) -> StoredListing | None:
        """The last whole listing of a source, None when there was none."""
        row = self._one("SELECT listed_at, body FROM listings WHERE source = ?", (source,))
        if row is None or (listing := decoded(row[1], Listing)) is None:
            return None
        return StoredListing(listing, float(row[0]))

    # --- runs ------------------------------------------------------------------------------

    def begin_run(self, run_id: str, root: Path) -> None:
        """Note that a run began, and forget the oldest ones."""
        now = self._clock()

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO runs (run_id, root, started_at) VALUES (?, ?, ?)",
                (run_id, str(root), now),
            )
            connection.execute(
                "DELETE FROM runs WHERE run_id NOT IN "
                "(SELECT run_id FROM runs ORDER BY started_at DESC LIMIT ?)",
                (self._kept_runs,),
            )
            connection.execute("DELETE FROM outcomes WHERE run_id NOT IN (SELECT run_id FROM runs)")
            connection.execute(
                "DELETE FROM responses WHERE stored_at < ?", (now - KEPT_RESPONSE_SECONDS,)
            )

        self._database.write(change)

    def end_run(
        self,
        run_id: str,
        exit_code: int,
        figures: RunFigures | None = None,
        measures: Measures | None = None,
    ) -> None:
        """Note that a run is over.

        Args:
            run_id: which.
            exit_code: what it returned.
            figures: what it did.
            measures: where its time went.
        """
        told = figures or RunFigures()
        body = None if measures is None else encoded(measures)
        self._write(
            "UPDATE runs SET ended_at = ?, exit_code = ?, seconds = ?, repos = ?, changed = ?, "
            "failed = ?, git_processes = ?, measures = ? WHERE run_id = ?",
            [
                (
                    *(self._clock(), exit_code, told.seconds, told.repos, told.changed),
                    *(told.failed, told.git_processes, body, run_id),
                )
            ],
        )

    def record(
        self,
        run_id: str,
        outcomes: Iterable[Outcome],
        sources: Mapping[RepoKey, str] | None = None,
    ) -> None:
        """Keep what came of some actions, in one transaction.

        Args:
            run_id: of the run that did them.
            outcomes: what came of each.
            sources: which source lists a repository, where that is known.
        """
        now = self._clock()
        batch = tuple(outcomes)
        told = [_outcome_row(run_id, one, now) for one in batch if one.result is not Result.CURRENT]
        rows = [(one, _repo_row(one, now, sources or {})) for one in batch]
        # Its forge did not answer for it: what is known of it is what was known before.
        unseen = [row for one, row in rows if row and one.reason is Reason.LISTING_INCOMPLETE]
        seen = [row for one, row in rows if row and one.reason is not Reason.LISTING_INCOMPLETE]

        def change(connection: sqlite3.Connection) -> None:
            marks = ", ".join("?" * 12)
            connection.executemany(f"INSERT INTO outcomes VALUES ({marks})", told)  # noqa: S608 - only question marks
            connection.executemany(_REPO_SEEN, seen)
            connection.executemany(_REPO_UNSEEN, unseen)

        if batch:
            self._database.write(change)

    def runs(self, limit: int = 20) -> tuple[PastRun, ...]:
        """The latest runs, newest first."""

        def query(connection: sqlite3.Connection) -> tuple[PastRun, ...]:
            rows = connection.execute(
                "SELECT run_id, root, started_at, ended_at, exit_code FROM runs "
                "ORDER BY started_at DESC LIMIT ?",
                (limit,),
            )
            return tuple(PastRun(*row) for row in rows)

        return self._database.read(query, ())

    def freshness(self) -> dict[RepoKey, float]:
        """When each repository was last known to hold all of its upstream.

        Returns:
            Seconds since 1970; for one that never did, when it was first seen.
        """

        def query(connection: sqlite3.Connection) -> dict[RepoKey, float]:
            rows = connection.execute(
                "SELECT forge, repo_id, coalesce(last_success, first_seen) FROM repos"
            )
            return {RepoKey(forge, repo_id): when for forge, repo_id, when in rows}

        return self._database.read(query, {})

    # --- how it is asked -------------------------------------------------------------------

    def _one(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        def first(connection: sqlite3.Connection) -> tuple[Any, ...] | None:
            row: tuple[Any, ...] | None = connection.execute(query, values).fetchone()
            return row

        return self._database.read(first, None)

    def _write(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(statement, rows)

        self._database.write(change)


def _outcome_row(run_id: str, outcome: Outcome, now: float) -> tuple[object, ...]:
    key = action_key(outcome.action)
    return (
        run_id,
        key.forge if key else None,
        key.id if key else None,
        action_name(outcome.action),
        outcome.action.folder,
        type(outcome.action).__name__.lower(),
        outcome.result.value,
        outcome.reason.value if outcome.reason else None,
        outcome.message,
        outcome.seconds,
        outcome.refs_changed,
        now,
    )


def _repo_row(
    outcome: Outcome, now: float, sources: Mapping[RepoKey, str]
) -> tuple[object, ...] | None:
    key = action_key(outcome.action)
    if key is None:
        return None
    state = repo_state(outcome)
    return (
        *(key.forge, key.id, action_name(outcome.action), outcome.result.value, now, now),
        now if holds_upstream(outcome) else None,
        *(sources.get(key, ""), _folder(outcome), state.value if state else ""),
        *(outcome.reason.value if outcome.reason else "", outcome.message, outcome.advice),
        *(outcome.seconds, now if is_change(outcome) else None),
    )


def is_change(outcome: Outcome) -> bool:
    """Whether the clone is another one than before."""
    return outcome.result in _CHANGED or outcome.refs_changed > 0


def _folder(outcome: Outcome) -> str:
    """Where the clone is after it, empty where there is none."""
    match outcome:
        case Outcome(action=Move(to=to) | Archive(to=to), result=Result.MOVED | Result.ARCHIVED):
            return to
        case Outcome(result=Result.REMOVED):
            return ""
        case _:
            return outcome.action.folder


def _unpack(body: object) -> bytes | None:
    """Undo `zlib.compress`; its checksum tells rotten bytes from sound ones."""
    try:
        return zlib.decompress(body) if isinstance(body, bytes) else None
    except zlib.error:
        return None
