"""What a status page asks of the state database: only reads, a connection for each question.

Another process writes. A connection for each question costs a third of a millisecond, and whatever
happens to the file (set aside, replaced, absent) the next question sees it as it is.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mgit.state.schema import MIGRATIONS

_PATIENCE = 1.0


class Sort(StrEnum):
    """In which order repositories are told."""

    ATTENTION = "attention"
    NAME = "name"
    STALEST = "stalest"
    CHANGED = "changed"
    SLOWEST = "slowest"


class Show(StrEnum):
    """Which repositories are told: those in a state, or those that nobody reached for long.

    `WELL` are those that are current and not stale.
    """

    WELL = "well"
    CURRENT = "current"
    HELD = "held"
    FAILED = "failed"
    FOREIGN = "foreign"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which repositories are meant.

    Args:
        cutoffs: the sources that are told of; a repository of one of them is stale when it last
            held all of its upstream before this time, in seconds since 1970.
        source: only this one, empty for all.
        show: only these, None for all.
        text: a part of the name, in any case; empty for all.
    """

    cutoffs: Mapping[str, float]
    source: str = ""
    show: Show | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page ended: the next one begins behind it.

    Args:
        value: of the last repository, by which it was sorted.
        name: its name.
        forge: and its key.
        repo_id: and its key.
    """

    value: float
    name: str
    forge: str
    repo_id: str


@dataclass(frozen=True, slots=True)
class RepoRow:
    """A repository as the state knows it. Times are in seconds since 1970.

    Args:
        forge: its key.
        repo_id: its key.
        name: what it is called.
        source: who lists it.
        folder: below the root.
        state: see `mgit.model.RepoState`.
        reason: why it is held, empty for none.
        message: what was said last, empty if nothing.
        advice: what to do, empty if nothing.
        seconds: that the last look took.
        first_seen: when it was first met.
        last_seen: when it was last looked after.
        last_success: when it last held all of its upstream, None for never.
        last_changed: when the clone last became another one, None for never.
        stale: it last held all of its upstream too long ago.
        value: by which it was sorted.
    """

    forge: str
    repo_id: str
    name: str
    source: str
    folder: str
    state: str
    reason: str
    message: str
    advice: str
    seconds: float
    first_seen: float
    last_seen: float
    last_success: float | None
    last_changed: float | None
    stale: bool
    value: float

    @property
    def mark(self) -> Mark:
        return Mark(self.value, self.name, self.forge, self.repo_id)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many repositories of a source are in which state.

    Args:
        source: its name.
        well: current and not stale.
        current: the last look found, or made, all as it should be.
        held: refs are right, or kept; something is left alone.
        failed: the last look failed.
        foreign: not ours.
        stale: of any state.
        oldest: when the stalest last held all of its upstream, in seconds since 1970; None where
            there is none.
    """

    source: str
    well: int
    current: int
    held: int
    failed: int
    foreign: int
    stale: int
    oldest: float | None

    @property
    def total(self) -> int:
        return self.current + self.held + self.failed + self.foreign


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. Times are in seconds since 1970; those of one that has not ended are None.

    Args:
        run_id: its id, as in logs and audit.
        started_at: when it had compared all and began to act.
        ended_at: when it ended.
        exit_code: what it returned.
        seconds: that the whole of it took.
        repos: that it looked after.
        changed: that are others now.
        failed: that failed.
        git_processes: that it started.
    """

    run_id: str
    started_at: float
    ended_at: float | None
    exit_code: int | None
    seconds: float
    repos: int
    changed: int
    failed: int
    git_processes: int


@dataclass(frozen=True, slots=True)
class PastOutcome:
    """Something that was done to a repository, or went wrong; nothing to do is not kept."""

    run_id: str
    action: str
    result: str
    reason: str
    message: str
    seconds: float
    refs_changed: int
    ended_at: float


_FRESH = "coalesce(last_success, first_seen)"
_VALUES = {
    Sort.ATTENTION: (
        f"CASE WHEN state = 'failed' THEN 0 WHEN {_FRESH} < cutoff THEN 1 "
        "WHEN state = 'held' THEN 2 WHEN state = 'current' THEN 3 ELSE 4 END"
    ),
    Sort.NAME: "0",
    Sort.STALEST: _FRESH,
    Sort.CHANGED: "-coalesce(last_changed, 0)",
    Sort.SLOWEST: "-seconds",
}
_COLUMNS = (
    "forge, repo_id, name, source, folder, state, reason, message, advice, seconds, first_seen, "
    "last_seen, last_success, last_changed"
)
# CROSS JOIN keeps SQLite from going through all repositories once for each source.
# A repository without a state was only met by an mgit that did not keep it: the next run tells.
# One that was removed is there no more.
_OF_THESE = """
    WITH known (origin, cutoff) AS MATERIALIZED (SELECT key, value FROM json_each(?))
    {select} FROM repos CROSS JOIN known ON origin = source
    WHERE state != '' AND last_result != 'removed' AND last_result != 'archived'
"""


class Overview:
    """Asks the state database of a service.

    Args:
        path: the SQLite file; need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def repositories(
        self,
        chosen: Filter,
        sort: Sort,
        *,
        limit: int,
        after: Mark | None = None,
        skip: int = 0,
    ) -> tuple[RepoRow, ...]:
        """A page of repositories.

        Args:
            chosen: which.
            sort: in which order; equals are sorted by name.
            limit: most that are told.
            after: where the page before ended.
            skip: how many to pass over.
        """
        select = f"SELECT {_COLUMNS}, {_FRESH} < cutoff, {_VALUES[sort]} AS value"
        query, values = _where(select, chosen)
        if after is not None:
            query += f" AND ({_VALUES[sort]}, name, forge, repo_id) > (?, ?, ?, ?)"
            values += [after.value, after.name, after.forge, after.repo_id]
        query += " ORDER BY value, name, forge, repo_id LIMIT ? OFFSET ?"
        return tuple(_repo(row) for row in self._rows(query, [*values, limit, skip]))

    def count(self, chosen: Filter) -> int:
        """How many repositories there are of these."""
        query, values = _where("SELECT count(*)", chosen)
        return next((int(row[0]) for row in self._rows(query, values)), 0)

    def repository(self, forge: str, repo_id: str, cutoffs: Mapping[str, float]) -> RepoRow | None:
        """One repository, None where it is not known or is of none of these sources."""
        select = f"SELECT {_COLUMNS}, {_FRESH} < cutoff, 0"
        query, values = _where(select, Filter(cutoffs))
        query += " AND forge = ? AND repo_id = ?"
        return next((_repo(row) for row in self._rows(query, [*values, forge, repo_id])), None)

    def outcomes(self, forge: str, repo_id: str, limit: int = 20) -> tuple[PastOutcome, ...]:
        """What was done to a repository, latest first."""
        query = (
            "SELECT run_id, action, result, coalesce(reason, ''), message, seconds, refs_changed, "
            "ended_at FROM outcomes WHERE forge = ? AND repo_id = ? ORDER BY ended_at DESC LIMIT ?"
        )
        return tuple(PastOutcome(*row) for row in self._rows(query, [forge, repo_id, limit]))

    def tallies(self, cutoffs: Mapping[str, float]) -> dict[str, Tally]:
        """How the repositories of each source stand."""
        sums = ", ".join(
            f"sum(state = '{state}')" for state in ("current", "held", "failed", "foreign")
        )
        well = f"sum(state = 'current' AND {_FRESH} >= cutoff)"
        select = f"SELECT source, {well}, {sums}, sum({_FRESH} < cutoff), min({_FRESH})"
        query, values = _where(select, Filter(cutoffs))
        rows = self._rows(f"{query} GROUP BY source", values)
        return {row[0]: Tally(*row) for row in rows}

    def runs(self, limit: int, before: float | None = None) -> tuple[RunRow, ...]:
        """The latest runs, newest first.

        Args:
            limit: most that are told.
            before: only those that began before this time, in seconds since 1970.
        """
        rows = self._rows(
            "SELECT run_id, started_at, ended_at, exit_code, seconds, repos, changed, failed, "
            "git_processes FROM runs WHERE started_at < ? ORDER BY started_at DESC LIMIT ?",
            [1e18 if before is None else before, limit],
        )
        return tuple(RunRow(*row) for row in rows)

    def _rows(self, query: str, values: list[object]) -> list[tuple[Any, ...]]:
        """The rows; none where the file is absent, damaged, or from another mgit."""
        try:
            with _opened(self._path) as connection:
                version = int(connection.execute("PRAGMA user_version").fetchone()[0])
                if version != len(MIGRATIONS):
                    return []
                return connection.execute(query, values).fetchall()
        except sqlite3.Error:
            return []


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_PATIENCE, isolation_level=None
    )
    try:
        connection.execute("PRAGMA query_only = 1")
        yield connection
    finally:
        connection.close()


def _where(select: str, chosen: Filter) -> tuple[str, list[object]]:
    query = _OF_THESE.format(select=select)
    values: list[object] = [json.dumps(dict(chosen.cutoffs))]
    if chosen.source:
        query += " AND source = ?"
        values.append(chosen.source)
    if chosen.show is Show.STALE:
        query += f" AND {_FRESH} < cutoff"
    elif chosen.show is Show.WELL:
        query += f" AND state = 'current' AND {_FRESH} >= cutoff"
    elif chosen.show is not None:
        query += " AND state = ?"
        values.append(chosen.show.value)
    if chosen.text:
        query += r" AND name LIKE ? ESCAPE '\'"
        values.append(f"%{_literal(chosen.text)}%")
    return query, values


def _literal(text: str) -> str:
    """A text as a LIKE pattern that means just it."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


def _repo(row: tuple[Any, ...]) -> RepoRow:
    found: RepoRow = RepoRow(*row)  # SQLite has no true and false
    return replace(found, stale=bool(found.stale))
