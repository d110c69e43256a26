"""Puts the real parts together."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, assert_never

from mgit.config.settings import LogFormat, LogLevel, Settings
from mgit.fleet.fleet import Fleet
from mgit.fleet.kit import Kit
from mgit.fleet.network import open_transport
from mgit.fleet.pacing import Budgets
from mgit.fleet.pool import Driver, Stop
from mgit.fleet.sources import Sources
from mgit.fleet.tools import GitTools
from mgit.forges.budget import Pause
from mgit.git.children import Children
from mgit.git.lock import RootLock
from mgit.model import (
    Outcome,
    RefLoss,
    RepoKey,
    Result,
    action_key,
    action_name,
    holds_upstream,
)
from mgit.state import State
from mgit.telemetry.audit import AUDIT_FILE, AuditTrail
from mgit.telemetry.audited import audit_observer
from mgit.telemetry.clean import Cleaner
from mgit.telemetry.events import (
    CredentialFound,
    Ended,
    Event,
    Listed,
    Observer,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)
from mgit.telemetry.logs import EventLog, log_observer, open_log
from mgit.transport import Transport

STATE_FILE = "state.db"
_BATCH = 200
_AWAY = (Result.ARCHIVED, Result.REMOVED)


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives a run; `mgit serve` keeps one set for all of its runs.

    Args:
        state: the memory between runs.
        events: the log.
        audit: the audit trail.
        clean: hides every secret met so far.
        budgets: what each host allows each credential.
        children: all processes that this mgit has started.
    """

    state: State
    events: EventLog
    audit: AuditTrail
    clean: Cleaner
    budgets: Budgets
    children: Children


@contextlib.contextmanager
def open_parts(
    settings: Settings,
    *,
    stream: TextIO | None = None,
    log_format: LogFormat | None = None,
    log_level: LogLevel | None = None,
) -> Iterator[Parts]:
    """State, log and audit of these settings. Nothing is opened before it is needed.

    Args:
        settings: say where.
        stream: where the log goes; standard error if None.
        log_format: in place of the settings'.
        log_level: in place of the settings'.
    """
    clean = Cleaner()
    events = open_log(
        log_format or settings.log.format,
        log_level or settings.log.level,
        clean,
        stream or sys.stderr,
    )
    folder = settings.paths.state_dir
    state = State(folder / STATE_FILE, warn=lambda words: events.warning("state.problem", words))
    try:
        audit = AuditTrail(folder / AUDIT_FILE, clean=clean)
        budgets = Budgets(state, tell=_pause_teller(events))
        yield Parts(state, events, audit, clean, budgets, Children(settings.max_pack_bytes))
    finally:
        state.close()


@contextlib.contextmanager
def open_fleet(
    settings: Settings,
    *,
    parts: Parts | None = None,
    observers: tuple[Observer, ...] = (),
    lock: RootLock | None = None,
    stop: Stop | None = None,
    tick: Callable[[], None] | None = None,
) -> Iterator[Fleet]:
    """A fleet of real parts, for one run.

    Args:
        settings: what is wanted.
        parts: what outlives the run; without it the run has its own, and logs only warnings.
        observers: told of every event, beside state and audit.
        lock: the root lock, when the caller holds it.
        stop: ends the run early and in good order.
        tick: called several times a second while the run waits.

    Raises:
        ConfigurationError: a proxy or certificate file that cannot be used.
    """
    with contextlib.ExitStack() as stack:
        if parts is None:
            parts = stack.enter_context(
                open_parts(settings, log_format="console", log_level="warning")
            )
        transport = stack.enter_context(open_transport(settings.network))
        parts.budgets.begin_run()
        tools = GitTools(settings, transport, parts.budgets, parts.children)
        if tools.proxy is not None:
            parts.clean.add(tools.proxy)
        stack.callback(tools.close)
        driver = Driver(
            stop=stop or Stop(),
            tick=tick or _nothing,
            abort=lambda: _abort(tools, transport),
        )
        warn = _warner(parts.events)
        kit = Kit(
            settings=settings,
            sources=Sources(
                settings,
                transport=transport,
                state=parts.state,
                clean=parts.clean,
                runner=tools.local,
                stop=driver.stop,
                budgets=parts.budgets,
            ),
            tools=tools,
            driver=driver,
            observers=(
                # The audit first: it tells of a loss once, when the state does not know it yet.
                audit_observer(parts.audit, warn, _knows_loss(parts.state, settings.root)),
                _StateObserver(parts.state, settings.root),
                *observers,
            ),
            clean=parts.clean,
            state=parts.state,
            lock=lock,
        )
        fleet = Fleet(secrets.token_hex(8), kit)
        try:
            yield fleet
        except BaseException:
            driver.abort()
            fleet.close(interrupted=True)
            raise
        fleet.close()


def log_events(parts: Parts) -> Observer:
    """The observer that writes every event to the log of these parts."""
    return log_observer(parts.events)


class _StateObserver:
    """Keeps listings, runs and outcomes; outcomes in batches, a transaction each."""

    def __init__(self, state: State, root: Path) -> None:
        self._state = state
        self._root = root
        self._run: str | None = None
        self._outcomes: list[Outcome] = []
        self._held: frozenset[RepoKey] = frozenset()

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted() | CredentialFound() | Scrubbed():
                pass
            case Listed(listing=listing):
                self._state.store_listing(listing)
            case Planned(run_id=run_id):
                self._run = run_id
                self._state.begin_run(run_id, self._root)
                self._held = frozenset(self._state.held.all(self._root))
            case Ended(run_id=run_id, outcome=outcome, source=source):
                self._outcomes.append(outcome)
                self._note_loss(outcome, source)
                if len(self._outcomes) >= _BATCH:
                    self._flush(run_id)
            case RunEnded(run_id=run_id, code=code):
                self._flush(run_id)
                if self._run is not None:
                    self._state.end_run(run_id, int(code))
            case _:
                assert_never(event)

    def _note_loss(self, outcome: Outcome, source: str) -> None:
        """Keep who is held; forget it where the clone follows its upstream again, or is gone."""
        key = action_key(outcome.action)
        if key is None:
            return
        if outcome.loss is not None:
            name, folder = action_name(outcome.action), outcome.action.folder
            self._state.held.note(
                self._root, key, name=name, folder=folder, source=source, loss=outcome.loss
            )
        elif key in self._held and (holds_upstream(outcome) or outcome.result in _AWAY):
            self._state.held.release(self._root, [key])

    def _flush(self, run_id: str) -> None:
        self._state.record(run_id, self._outcomes)
        self._outcomes.clear()


def _knows_loss(state: State, root: Path) -> Callable[[RepoKey, RefLoss], bool]:
    def knows(key: RepoKey, loss: RefLoss) -> bool:
        held = state.held.all(root).get(key)
        return held is not None and held.loss == loss

    return knows


def _warner(events: EventLog) -> Callable[[str], None]:
    return lambda words: events.warning("audit.problem", words)


def _pause_teller(events: EventLog) -> Callable[[Pause], None]:
    def tell(pause: Pause) -> None:
        wait = f"{pause.seconds:.0f} s"
        events.warning(
            "host.paused",
            f"{pause.why}: it is left alone for {wait}, the others go on",
            host=pause.host,
            seconds=pause.seconds,
        )

    return tell


def _abort(tools: GitTools, transport: Transport) -> None:
    tools.cancel()
    transport.close()


def _nothing() -> None:
    """Nobody waits for a heartbeat."""
