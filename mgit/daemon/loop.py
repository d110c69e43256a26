"""The loop: a pass over what is due, a pause that a hint ends, a pass.

It gives a sign of life several times a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mgit.config.settings import Settings
from mgit.daemon.agenda import Agenda, Errand, Told, sources_of
from mgit.daemon.callers import Callers
from mgit.daemon.figures import Figures
from mgit.daemon.health import Health
from mgit.daemon.idle import Idle
from mgit.daemon.onlooker import Onlooker
from mgit.daemon.orphans import Orphanage
from mgit.daemon.schedule import Timetable
from mgit.daemon.shelf import Shelf
from mgit.daemon.waiting import Waiting
from mgit.daemon.watch import Watch
from mgit.daemon.web.channel import Inbox
from mgit.daemon.writable import Writable
from mgit.errors import ExitCode, MgitError
from mgit.fleet import Stop, SyncRequest
from mgit.fleet.wiring import Parts, log_events, open_fleet
from mgit.git.lock import RootLock
from mgit.git.quarantine import count_quarantined
from mgit.git.runner import Interrupted
from mgit.plan.select import Selection
from mgit.state import FLOOD

_SLICE_SECONDS = 0.25
_LEAST_PAUSE = 0.5
_LOOK_SECONDS = 5.0  # a disk fills, and gets room again, in the middle of a long pass or pause


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
        onlookers: follow what goes on.
        inbox: hints of forges that wait, None where no webhook is taken.
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
        onlookers: Sequence[Onlooker] = (),
        inbox: Inbox | None = None,
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
        self._callers = Callers(parts.tracer)
        self._waiting = Waiting(parts.state.deliveries)
        self._onlookers = onlookers
        self._inbox = inbox
        self._writable = Writable(settings.root, parts, health, figures)
        self._looked = clock()
        self._shelf = Shelf(settings, parts.state, clock=clock, wall=wall)

    def run(self, *, once: bool = False) -> int:
        """Run until told to stop; with `once` a single time.

        Returns:
            0, or with `once` the exit code of the run.
        """
        try:
            return self._drive(once=once)
        finally:
            self._idle.close()

    def _drive(self, *, once: bool) -> int:
        agenda = self._shelf.load()
        self._tell_turns(agenda.table)
        self._figures.intervals(agenda.table.intervals)
        rhythms = agenda.book.rhythms
        self._figures.rests({name: one.longest - one.interval for name, one in rhythms.items()})
        while not self._stop.requested:
            self._look()
            agenda = self._heard(agenda)
            if once:
                code, _, _ = self._sync(agenda.everything(), agenda, Watch(0.0))
                self._look()
                return int(code)
            errand = agenda.pick(self._clock())
            if errand is None:
                moment = max(agenda.next(self._clock()), self._clock() + _LEAST_PAUSE)
                agenda = agenda.hear(self._pause_until(moment), self._clock())
                continue
            agenda = self._run(errand, agenda)
        return int(ExitCode.OK)

    def _heard(self, agenda: Agenda) -> Agenda:
        """The agenda with the hints that have come in."""
        if self._inbox is None or not self._inbox.ripe:
            return agenda
        hints = self._inbox.take()
        for hint in hints:
            self._callers.note(hint)
        self._waiting.note(hints)
        told = (Told(one.source, one.repo_id, one.request_id, one.event == FLOOD) for one in hints)
        return agenda.hear(told, self._clock())

    def _run(self, errand: Errand, agenda: Agenda) -> Agenda:
        """One errand; the agenda after it, also kept for another life of the service."""
        started = self._clock()
        watch = Watch(self._clock() - self._wall())
        agenda = agenda.begun(errand, started)
        self._callers.begin(errand)
        _, failed, ended = self._sync(errand, agenda, watch)
        self._look()
        if self._stop.requested:  # what was interrupted is still due
            return agenda
        done = watch.seen(started, ended=ended)
        before, now = agenda.book, self._clock()
        agenda = agenda.after(errand, done, now=now)
        self._shelf.store_visits(before, agenda.book, done.seen)
        self._waiting.after(errand, agenda)
        if errand.turn:
            table = agenda.table.after(
                errand.sources, failed, started=started, now=now, chance=self._chance()
            )
            agenda = replace(agenda, table=table)
            self._shelf.store_turns(table)
            self._tell_turns(table)
        return agenda

    def _tell_turns(self, table: Timetable) -> None:
        turns = dict(table.kept(now=self._clock(), wall=self._wall()))
        for onlooker in self._onlookers:
            if onlooker.turns is not None:
                onlooker.turns(turns)

    def _sync(
        self, errand: Errand, agenda: Agenda, watch: Watch
    ) -> tuple[ExitCode, frozenset[str], bool]:
        """One pass: exit code, the sources that were not reached, whether it ended by itself."""
        sources = tuple(sources_of(errand))
        try:
            with open_fleet(
                self._settings,
                parts=self._parts,
                observers=(
                    watch,
                    self._figures,
                    *(one.observe for one in self._onlookers if one.observe is not None),
                    log_events(self._parts),
                ),
                lock=self._lock,
                stop=self._stop,
                tick=self._beat,
            ) as fleet:
                plan = fleet.plan(Selection.parse(()), request=self._request(errand, agenda))
                for _ in fleet.apply(plan):
                    pass
                unreached = (
                    name for name in sources if fleet.code_of(name) is ExitCode.UNREACHABLE
                )
                return fleet.code, frozenset(unreached), True
        except Interrupted:
            # Told to stop before there was a plan: nothing was begun.
            return ExitCode.OK, frozenset(), False
        except MgitError as error:
            # One run went wrong as a whole (no git, folder gone); the next one may not.
            self._parts.events.error("run.failed", error.message, advice=error.advice)
            nobody = error.exit_code is ExitCode.UNREACHABLE
            return error.exit_code, frozenset(sources if nobody else ()), False

    def _request(self, errand: Errand, agenda: Agenda) -> SyncRequest:
        visits, ahead = agenda.book.visits, self._wall() - self._clock()
        about = frozenset(sources_of(errand))
        return SyncRequest(
            resting=frozenset(one.name for one in self._settings.sources if one.name not in about),
            only={
                source: {key: visits[key].folder for key in keys}
                for source, keys in errand.only.items()
            },
            asleep={key: visits[key].asked + ahead for key in errand.asleep},
            causes=errand.causes,
            asked=errand.asked,
        )

    def _look(self) -> None:
        """See whether state and storage can be written, and what is set aside."""
        self._beat()
        self._figures.quarantine(count_quarantined(self._settings.root))
        self._see()

    def _see(self) -> None:
        self._looked = self._clock()
        self._writable.look()

    def _beat(self) -> None:
        self._health.beat(stopping=self._stop.requested)
        self._figures.refresh()
        self._orphanage.look()
        for onlooker in self._onlookers:
            if onlooker.tick is not None:
                onlooker.tick()
        if self._clock() - self._looked >= _LOOK_SECONDS:
            self._see()

    def _pause_until(self, moment: float) -> tuple[Told, ...]:
        """Wait, and look for bit rot meanwhile. Ends early for hints, and for what is damaged.

        Returns:
            What is damaged.
        """
        self._figures.next_run(self._wall() + max(0.0, moment - self._clock()))
        while not self._stop.requested:
            left = moment - self._clock()
            if left <= 0:
                break
            if self._inbox is not None and self._inbox.ripe:
                break
            self._beat()
            pause = min(_SLICE_SECONDS, left)
            if damaged := self._idle.work(pause):
                return damaged
            self._wait(pause)
        return ()
