"""The loop: a pass over the sources that are due, a pause, a pass.

It gives a sign of life several times a second.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Collection
from pathlib import Path

from mgit.config.settings import Settings, SourceSettings
from mgit.daemon.figures import Figures
from mgit.daemon.health import Health
from mgit.daemon.idle import Idle
from mgit.daemon.orphans import Orphanage
from mgit.daemon.schedule import KeptTurn, Timetable
from mgit.errors import ExitCode, MgitError, StateError
from mgit.fleet import Stop, SyncRequest
from mgit.fleet.kit import remembered_under
from mgit.fleet.wiring import Parts, log_events, open_fleet
from mgit.git.lock import RootLock
from mgit.git.runner import Interrupted
from mgit.plan.select import Selection
from mgit.state import StoredTurn

_SLICE_SECONDS = 0.25


class Loop:
    """Drives one fleet after the other.

    Args:
        settings: what to sync and how often.
        parts: state, log and audit, kept from run to run.
        health: told how things are.
        figures: observes every run, and publishes what it counts.
        stop: ends the loop.
        lock: the root lock, held for the life of the service.
        clock: monotonic seconds; a jump of the wall clock leaves the schedule alone.
        wall: seconds since 1970.
        wait: sleeps so many seconds.
        chance: a number from 0 to 1.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        health: Health,
        figures: Figures,
        stop: Stop,
        lock: RootLock,
        *,
        chance: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._health = health
        self._figures = figures
        self._stop = stop
        self._lock = lock
        self._clock = clock
        self._wall = wall
        self._wait = wait
        self._chance = chance
        self._orphanage = Orphanage(parts.children)
        self._idle = Idle(settings, parts, figures)

    def run(self, *, once: bool = False) -> int:
        """Run until told to stop; with `once` a single time.

        Returns:
            0, or with `once` the exit code of the run.
        """
        table = self._resumed()
        while not self._stop.requested:
            started = self._clock()
            self._look()
            sources = tuple(table.intervals) if once else table.due(started)
            if sources:
                code, failed = self._sync(sources)
                self._look()
                if once:
                    return int(code)
                table = self._settled(table, sources, failed, started)
            damaged = self._pause_until(table.next)
            table = table.hastened(damaged, now=self._clock())
        self._idle.close()
        return int(ExitCode.OK)

    def _resumed(self) -> Timetable:
        """The turns where an earlier service left them; one that was changed is due at once."""
        digests = {one.name: _digest(one) for one in self._settings.sources}
        stored = self._parts.state.turns.load(remembered_under(self._settings))
        return Timetable.resume(
            {
                one.name: self._settings.serve.interval if one.interval is None else one.interval
                for one in self._settings.sources
            },
            {
                one.source: KeptTurn(one.due_at, one.failures)
                for one in stored
                if digests.get(one.source) == one.settings
            },
            now=self._clock(),
            wall=self._wall(),
        )

    def _settled(
        self, table: Timetable, sources: Collection[str], failed: Collection[str], started: float
    ) -> Timetable:
        """The turns after a pass, also kept for another life of the service."""
        if self._stop.requested:  # what was interrupted is still due
            return table
        now, chance = self._clock(), self._chance()
        table = table.after(sources, failed, started=started, now=now, chance=chance)
        self._keep(table)
        return table

    def _keep(self, table: Timetable) -> None:
        digests = {one.name: _digest(one) for one in self._settings.sources}
        self._parts.state.turns.store(
            remembered_under(self._settings),
            [
                StoredTurn(source, turn.due_at, turn.failures, digests[source])
                for source, turn in table.kept(now=self._clock(), wall=self._wall())
            ],
        )

    def _sync(self, sources: Collection[str]) -> tuple[ExitCode, frozenset[str]]:
        """One pass over some sources; the exit code, and those that were not reached."""
        resting = frozenset(one.name for one in self._settings.sources if one.name not in sources)
        try:
            with open_fleet(
                self._settings,
                parts=self._parts,
                observers=(self._figures, log_events(self._parts)),
                lock=self._lock,
                stop=self._stop,
                tick=self._beat,
            ) as fleet:
                plan = fleet.plan(Selection.parse(()), request=SyncRequest(resting=resting))
                for _ in fleet.apply(plan):
                    pass
                unreached = (
                    name for name in sources if fleet.code_of(name) is ExitCode.UNREACHABLE
                )
                return fleet.code, frozenset(unreached)
        except Interrupted:
            # Told to stop before there was a plan: nothing was begun.
            return ExitCode.OK, frozenset()
        except MgitError as error:
            # One run went wrong as a whole (no git, folder gone); the next one may not.
            self._parts.events.error("run.failed", error.message, advice=error.advice)
            nobody = error.exit_code is ExitCode.UNREACHABLE
            return error.exit_code, frozenset(sources if nobody else ())

    def _look(self) -> None:
        """See whether state and storage can be written, and how much room there is."""
        self._beat()
        self._health.looked(state=self._state_answers(), storage=self._storage_writable())

    def _beat(self) -> None:
        self._health.beat(stopping=self._stop.requested)
        self._figures.refresh()
        self._orphanage.look()

    def _state_answers(self) -> bool:
        try:
            self._parts.state.check()
        except StateError as error:
            self._parts.events.warning("state.unusable", error.message, advice=error.advice)
            return False
        return True

    def _storage_writable(self) -> bool:
        root = self._settings.root
        try:
            self._figures.storage(shutil.disk_usage(root).free)
            _write_something(root / ".mgit")
        except OSError as error:
            self._parts.events.error(
                "storage.unwritable",
                f"cannot write below {root}: {error.strerror}",
                advice="check the folder's rights and free space",
            )
            return False
        return True

    def _pause_until(self, moment: float) -> frozenset[str]:
        """Wait; meanwhile look for bit rot. Ends early for it, and tells the sources."""
        self._figures.next_run(self._wall() + max(0.0, moment - self._clock()))
        while not self._stop.requested:
            left = moment - self._clock()
            if left <= 0:
                break
            self._beat()
            pause = min(_SLICE_SECONDS, left)
            if damaged := self._idle.work(pause):
                return damaged
            self._wait(pause)
        return frozenset()


def _digest(source: SourceSettings) -> int:
    """Differs where a source is configured in another way; there is no secret in it."""
    return zlib.crc32(repr(source).encode("utf-8", "surrogatepass"))


def _write_something(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"mgit")
        file.flush()
