"""Repositories that are held since upstream took too much away, and what a person said to that."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mgit.model import LostRef, Reason, RefLoss, RepoKey, loss_of
from mgit.state.database import Database

_NOTE = "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_RELEASE = "DELETE FROM held WHERE root = ? AND forge = ? AND repo_id = ?"
_FORGET = "DELETE FROM acknowledged WHERE root = ? AND forge = ? AND repo_id = ?"


@dataclass(frozen=True, slots=True)
class HeldRepo:
    """A repository that is held.

    Args:
        key: its identity.
        name: its path on the forge.
        folder: of the clone, relative to the root.
        source: the source that lists it.
        since: when this very loss was first seen, in seconds since 1970.
        loss: what the clone would lose.
    """

    key: RepoKey
    name: str
    folder: str
    source: str
    since: float
    loss: RefLoss


class Held:
    """What is held, and which losses are accepted. Losing it means that they are held anew.

    Args:
        database: where they are.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def all(self, root: Path) -> dict[RepoKey, HeldRepo]:
        """Everything that is held below a root."""

        def query(connection: sqlite3.Connection) -> dict[RepoKey, HeldRepo]:
            rows = connection.execute(
                "SELECT forge, repo_id, name, folder, source, since, body FROM held "
                "WHERE root = ? ORDER BY name",
                (str(root),),
            )
            found: dict[RepoKey, HeldRepo] = {}
            for forge, repo_id, name, folder, source, since, body in rows:
                key = RepoKey(forge, repo_id)
                with suppress(ValueError, zlib.error, TypeError, KeyError):  # rotten: seen anew
                    loss = _decoded(body)
                    found[key] = HeldRepo(key, name, folder, source, since, loss)
            return found

        return self._database.read(query, {})

    def note(
        self, root: Path, key: RepoKey, *, name: str, folder: str, source: str, loss: RefLoss
    ) -> None:
        """Keep that a repository is held; since when, counts from when this loss was first seen."""
        before = self.all(root).get(key)
        known = before is not None and before.loss == loss
        since = before.since if before is not None and known else self._clock()
        row = (str(root), key.forge, key.id, name, folder, source, since, _encoded(loss))

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(_NOTE, row)

        self._database.write(change)

    def release(self, root: Path, keys: Iterable[RepoKey]) -> None:
        """Forget that repositories are held, and what was accepted for them."""
        rows = [(str(root), key.forge, key.id) for key in keys]

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(_RELEASE, rows)
            connection.executemany(_FORGET, rows)

        if rows:
            self._database.write(change)

    def acknowledge(self, root: Path, key: RepoKey, loss: RefLoss) -> bool:
        """Keep that a person accepts a loss; False when it could not be kept."""
        row = (str(root), key.forge, key.id, loss.digest)

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?, ?)", row)

        return self._database.write(change)

    def acknowledged(self, root: Path) -> Mapping[RepoKey, frozenset[str]]:
        """Digests of the losses that are accepted, by repository."""

        def query(connection: sqlite3.Connection) -> Mapping[RepoKey, frozenset[str]]:
            rows = connection.execute(
                "SELECT forge, repo_id, digest FROM acknowledged WHERE root = ?", (str(root),)
            )
            found: defaultdict[RepoKey, set[str]] = defaultdict(set)
            for forge, repo_id, digest in rows:
                found[RepoKey(forge, repo_id)].add(digest)
            return {key: frozenset(digests) for key, digests in found.items()}

        return self._database.read(query, {})


def _encoded(loss: RefLoss) -> bytes:
    refs = [[one.name, one.before, one.after] for one in loss.refs]
    return zlib.compress(json.dumps({"reason": loss.reason.value, "refs": refs}).encode(), 1)


def _decoded(body: bytes) -> RefLoss:
    told = json.loads(zlib.decompress(body))
    return loss_of(Reason(told["reason"]), (LostRef(*one) for one in told["refs"]))
