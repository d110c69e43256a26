"""What past runs did and what they cost."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from mgit.model import Measures
from mgit.state.database import Database
from mgit.state.remembered import decoded

_RUNS = "SELECT run_id, root, started_at, ended_at, exit_code, measures FROM runs "
_LATEST = _RUNS + "WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT ?"
_NAMED = (
    _RUNS
    + "WHERE ended_at IS NOT NULL AND substr(run_id, 1, ?) = ? ORDER BY started_at DESC LIMIT 2"
)


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """A run that ended.

    Args:
        run_id: its id, as in logs and audit.
        root: the folder it worked on.
        started_at: when it knew what to do, in seconds since 1970.
        ended_at: seconds since 1970.
        exit_code: what it returned.
        measures: where its time went; None where that was not kept.
    """

    run_id: str
    root: str
    started_at: float
    ended_at: float
    exit_code: int
    measures: Measures | None


@dataclass(frozen=True, slots=True)
class PastOutcome:
    """What came of one action.

    Args:
        name: of the repository.
        action: what was to be done, for example `fetch`.
        result: how it ended; a word of `mgit.model.Result`.
        reason: why something was left alone; empty for none.
        seconds: wall time.
    """

    name: str
    action: str
    result: str
    reason: str
    seconds: float


class Past:
    """Questions about runs.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> MeasuredRun | None:
        """The latest run that ended, None where there is none."""
        return next(iter(self.latest(1)), None)

    def named(self, beginning: str) -> tuple[MeasuredRun, ...]:
        """The runs that ended whose id begins like this, newest first; two at most."""
        return self._runs(_NAMED, (len(beginning), beginning))

    def latest(self, limit: int = 20) -> tuple[MeasuredRun, ...]:
        """The latest runs that ended, newest first."""
        return self._runs(_LATEST, (limit,))

    def slowest(self, run_id: str, limit: int) -> tuple[PastOutcome, ...]:
        """What took longest in a run, the longest first; what was current is not kept."""

        def query(connection: sqlite3.Connection) -> tuple[PastOutcome, ...]:
            rows = connection.execute(
                "SELECT name, action, result, coalesce(reason, ''), seconds FROM outcomes "
                "WHERE run_id = ? AND seconds > 0 ORDER BY seconds DESC, name LIMIT ?",
                (run_id, limit),
            )
            return tuple(PastOutcome(*row) for row in rows)

        return self._database.read(query, ())

    def worked(self, run_id: str) -> tuple[int, float]:
        """How many actions of a run took time, and for how long together, in seconds."""

        def query(connection: sqlite3.Connection) -> tuple[int, float]:
            count, seconds = connection.execute(
                "SELECT count(*), coalesce(sum(seconds), 0) FROM outcomes "
                "WHERE run_id = ? AND seconds > 0",
                (run_id,),
            ).fetchone()
            return int(count), float(seconds)

        return self._database.read(query, (0, 0.0))

    def _runs(self, statement: str, values: tuple[object, ...]) -> tuple[MeasuredRun, ...]:
        def query(connection: sqlite3.Connection) -> tuple[MeasuredRun, ...]:
            return tuple(_run(row) for row in connection.execute(statement, values))

        return self._database.read(query, ())


def _run(row: tuple[Any, ...]) -> MeasuredRun:
    run_id, root, started_at, ended_at, exit_code, body = row
    measures = None if body is None else decoded(body, Measures)
    return MeasuredRun(run_id, root, started_at, ended_at, exit_code, measures)
