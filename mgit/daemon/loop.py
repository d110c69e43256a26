"""The loop: a run, a pause, a run. It gives a sign of life several times a second."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mgit.config.settings import Settings
from mgit.daemon.figures import Figures
from mgit.daemon.health import Health
from mgit.daemon.schedule import next_start
from mgit.errors import ExitCode, MgitError, StateError
from mgit.fleet import Stop
from mgit.fleet.wiring import Parts, log_events, open_fleet
from mgit.git.lock import RootLock
from mgit.git.runner import Interrupted
from mgit.plan.select import Selection

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
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._health = health
        self._figures = figures
        self._stop = stop
        self._lock = lock
        self._clock = clock
        self._wait = wait
        self._chance = chance

    def run(self, *, once: bool = False) -> int:
        """Run until told to stop; with `once` a single time.

        Returns:
            0, or with `once` the exit code of the run.
        """
        failures = 0
        while not self._stop.requested:
            started = self._clock()
            self._look()
            code = self._sync()
            self._look()
            if once:
                return int(code)
            failures = failures + 1 if code is ExitCode.UNREACHABLE else 0
            self._pause_until(
                next_start(
                    started=started,
                    now=self._clock(),
                    interval=self._settings.serve.interval,
                    failures=failures,
                    chance=self._chance(),
                )
            )
        return int(ExitCode.OK)

    def _sync(self) -> ExitCode:
        """One run over all sources."""
        try:
            with open_fleet(
                self._settings,
                parts=self._parts,
                observers=(self._figures, log_events(self._parts)),
                lock=self._lock,
                stop=self._stop,
                tick=self._beat,
            ) as fleet:
                for _ in fleet.apply(fleet.plan(Selection.parse(()))):
                    pass
                return fleet.code
        except Interrupted:
            return ExitCode.OK  # told to stop before there was a plan: nothing was begun
        except MgitError as error:
            # One run went wrong as a whole (no git, folder gone); the next one may not.
            self._parts.events.error("run.failed", error.message, advice=error.advice)
            return error.exit_code

    def _look(self) -> None:
        """See whether state and storage can be written, and how much room there is."""
        self._beat()
        self._health.looked(state=self._state_answers(), storage=self._storage_writable())

    def _beat(self) -> None:
        self._health.beat(stopping=self._stop.requested)
        self._figures.refresh()

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

    def _pause_until(self, moment: float) -> None:
        self._figures.next_run(time.time() + max(0.0, moment - self._clock()))
        while not self._stop.requested:
            left = moment - self._clock()
            if left <= 0:
                return
            self._beat()
            self._wait(min(_SLICE_SECONDS, left))


def _write_something(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"mgit")
        file.flush()
