"""The search for bit rot: reads one clone after the other, a little at a time.

What is damaged is noted in the clone, and the next plan heals it as anything else that is damaged:
cloned anew beside, swapped, the old one in quarantine.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mgit.fleet.kit import Kit
from mgit.fleet.meaning import meant_clones
from mgit.git.damage import note
from mgit.git.inspect import find_folders, git_dir_of, read_local
from mgit.git.reading import Reading, read_objects
from mgit.model import LocalRepo, RepoKey
from mgit.plan.rot import LastRead, in_turn
from mgit.plan.select import Selection
from mgit.state import State, StoredScrub
from mgit.telemetry.events import Scrubbed

LOOK_AGAIN_SECONDS = 600.0
"""How often the root is looked through for clones that are due."""

_STORE_EVERY = 64 * 1024 * 1024
"""Bytes after which the place is kept: what a killed service reads again is less."""


@dataclass(slots=True)
class _Open:
    """A clone that is being read."""

    local: LocalRepo
    key: RepoKey
    reading: Reading
    scrub: StoredScrub
    bytes: int = 0
    unstored: int = 0


class Scrubber:
    """Reads clones; one thread.

    Args:
        root: folder of the clones.
        state: remembers what was read.
        every: seconds within which each clone is to be read.
        only: folders of the clones that are meant, None for all below the root.
        clock: seconds since 1970.
        monotonic: steady seconds.
    """

    def __init__(
        self,
        root: Path,
        state: State,
        *,
        every: float,
        only: Collection[str] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._state = state
        self._every = every
        self._only = only
        self._clock = clock
        self._monotonic = monotonic
        self._todo: deque[str] = deque()
        self._known: dict[str, StoredScrub] = {}
        self._open: _Open | None = None
        self._look_at: float | None = None

    @property
    def oldest(self) -> float | None:
        """When the clone that waits longest was last read whole; 0.0 if one never was."""
        ended = [one.ended_at or 0.0 for one in self._known.values()]
        return min(ended, default=None)

    def work(self, budget: int) -> Iterator[Scrubbed | int]:
        """Read about so many bytes, or until nothing is due.

        Yields:
            How many bytes were read; and each clone that has been read whole.
        """
        while budget > 0:
            if self._open is None and not self._begin():
                return
            done, count = self._step()
            budget -= max(count, 1)
            yield count
            if done is not None:
                yield done

    def close(self) -> None:
        """Keep where the reading stands."""
        if self._open is not None:
            self._state.scrubs.store(self._root, self._open.scrub)

    def _begin(self) -> bool:
        """Open the next clone that is due; False when there is none."""
        if not self._todo and not self._look():
            return False
        while self._todo:
            folder = self._todo.popleft()
            local = read_local(self._root, folder)
            if local.key is None or local.broken:
                continue  # not ours, or known to be damaged
            kept = self._known.get(folder) or StoredScrub(folder, self._clock())
            git_dir = git_dir_of(self._root / folder, local.kind)
            reading = read_objects(git_dir, kept.place)
            self._open = _Open(local, local.key, reading, kept)
            return True
        return False

    def _look(self) -> bool:
        """See which clones are due, now and then."""
        now = self._monotonic()
        if self._look_at is not None and now < self._look_at:
            return False
        self._look_at = now + LOOK_AGAIN_SECONDS
        there = list(find_folders(self._root))
        known = self._state.scrubs.load(self._root)
        self._state.scrubs.forget(self._root, known.keys() - set(there))
        self._known = {folder: known.get(folder, StoredScrub(folder, 0.0)) for folder in there}
        clones = [
            LastRead(folder, one.ended_at, bool(one.place))
            for folder, one in self._known.items()
            if self._only is None or folder in self._only
        ]
        self._todo.extend(in_turn(clones, now=self._clock(), every=self._every))
        return bool(self._todo)

    def _step(self) -> tuple[Scrubbed | None, int]:
        assert self._open is not None  # noqa: S101 - for the type checker: the caller opened it
        one = self._open
        try:
            read = next(one.reading)
        except StopIteration as end:
            return self._end(one, str(end.value or "")), 0
        one.bytes += read.bytes
        one.unstored += read.bytes
        one.scrub = replace(one.scrub, place=read.place)
        if one.unstored >= _STORE_EVERY:
            one.unstored = 0
            self._state.scrubs.store(self._root, one.scrub)
        return None, read.bytes

    def _end(self, one: _Open, damage: str) -> Scrubbed | None:
        self._open = None
        git_dir = git_dir_of(self._root / one.local.folder, one.local.kind)
        if not git_dir.is_dir():
            return None  # moved away meanwhile: it is read at its new place
        now = self._clock()
        if damage:
            with suppress(OSError):
                note(git_dir, damage)
        kept = replace(one.scrub, ended_at=now, place="", damage=damage)
        self._known[one.local.folder] = kept
        self._state.scrubs.store(self._root, kept)
        local = one.local
        name = str(local.path) if local.path else local.folder
        return Scrubbed("", name, local.folder, local.source, one.key, one.bytes, damage, now)


def scrub_meant(
    kit: Kit, selection: Selection, *, everything: bool, rate: int
) -> Iterator[Scrubbed]:
    """Read the clones that a selection means; asks no forge and takes no lock.

    Args:
        kit: what the fleet works with.
        selection: which clones.
        everything: also those that are not due yet.
        rate: bytes a second, 0 for as many as there are.
    """
    meant = meant_clones(kit, kit.settings.root, selection)
    for clone in meant:
        if clone.key is not None and clone.broken:  # that is known already, and not read again
            name = str(clone.path or clone.folder)
            yield Scrubbed(
                "", name, clone.folder, clone.source, clone.key, 0, clone.broken, time.time()
            )
    scrubber = Scrubber(
        kit.settings.root,
        kit.state,
        every=0.0 if everything else kit.settings.serve.scrub_every,
        only=frozenset(clone.folder for clone in meant if clone.key is not None),
    )
    began, count = time.monotonic(), 0
    try:
        for found in scrubber.work(sys.maxsize):
            kit.driver.tick()
            if isinstance(found, Scrubbed):
                yield found
            elif rate:
                count += found
                ahead = count / rate - (time.monotonic() - began)
                time.sleep(max(0.0, ahead))
            if kit.driver.stop.requested:
                return
    finally:
        scrubber.close()
