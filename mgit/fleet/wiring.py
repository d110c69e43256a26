"""Puts the real parts together."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from mgit.config.settings import LogFormat, LogLevel, Settings
from mgit.fleet.fleet import Fleet
from mgit.fleet.kit import Kit
from mgit.fleet.measuring import Meter, Spent
from mgit.fleet.network import open_transport
from mgit.fleet.pacing import Budgets
from mgit.fleet.pool import Driver, Stop
from mgit.fleet.remembering import StateObserver, loss_known
from mgit.fleet.sources import Sources
from mgit.fleet.tools import GitTools
from mgit.forges.budget import Pause
from mgit.git.children import Children
from mgit.git.lock import RootLock
from mgit.git.session import Session
from mgit.state import State
from mgit.telemetry.audit import AuditTrail, Head
from mgit.telemetry.audited import audit_observer
from mgit.telemetry.clean import Cleaner
from mgit.telemetry.events import Observer
from mgit.telemetry.keeping import open_trail
from mgit.telemetry.logs import EventLog, log_observer, open_log
from mgit.telemetry.traces import open_tracer
from mgit.telemetry.tracing import UNTRACED, Tracer
from mgit.transport import Transport

STATE_FILE = "state.db"


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
        tracer: makes spans, where they are wanted.
    """

    state: State
    events: EventLog
    audit: AuditTrail
    clean: Cleaner
    budgets: Budgets
    children: Children
    tracer: Tracer = UNTRACED


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

    Raises:
        ConfigurationError: traces are wanted, and what sends them is not installed.
    """
    clean = Cleaner()
    telemetry = settings.telemetry
    tracer = open_tracer(
        telemetry.endpoint,
        telemetry.traceparent,
        clean,
        lambda words: events.warning("traces.problem", words),
    )
    events = open_log(
        log_format or settings.log.format,
        log_level or settings.log.level,
        clean,
        stream or sys.stderr,
        ids=None if tracer is UNTRACED else lambda: tracer.ids,
    )
    folder = settings.paths.state_dir
    state = State(folder / STATE_FILE, warn=lambda words: events.warning("state.problem", words))
    try:
        audit = open_trail(settings, clean, _head_teller(events))
        budgets = Budgets(state, tell=_pause_teller(events))
        children = Children(settings.max_pack_bytes)
        yield Parts(state, events, audit, clean, budgets, children, tracer)
    finally:
        tracer.close()
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
        meter = Meter()
        run_id = secrets.token_hex(8)
        session = Session(run_id)
        tools = GitTools(settings, transport, parts.budgets, parts.children, parts.tracer, session)
        if tools.proxy is not None:
            parts.clean.add(tools.proxy)
        stack.callback(tools.close)
        driver = Driver(
            stop=stop or Stop(),
            tick=tick or _nothing,
            abort=lambda: _abort(tools, transport),
            paused=lambda seconds: meter.add(Spent.PAUSED, seconds),
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
                meter=meter,
            ),
            tools=tools,
            driver=driver,
            observers=(
                # The audit first: it tells of a loss once, when the state does not know it yet.
                audit_observer(parts.audit, warn, loss_known(parts.state, settings.root)),
                StateObserver(parts.state, settings.root),
                *observers,
            ),
            clean=parts.clean,
            state=parts.state,
            meter=meter,
            tracer=parts.tracer,
            lock=lock,
        )
        span = stack.enter_context(parts.tracer.run(run_id))
        fleet = Fleet(run_id, kit)
        try:
            yield fleet
        except BaseException:
            driver.abort()
            fleet.close(interrupted=True)
            raise
        fleet.close()
        span.set({"mgit.exit_code": int(fleet.code)})


def log_events(parts: Parts) -> Observer:
    """The observer that writes every event to the log of these parts."""
    return log_observer(parts.events)


def _warner(events: EventLog) -> Callable[[str], None]:
    return lambda words: events.warning("audit.problem", words)


def _head_teller(events: EventLog) -> Callable[[Head], None]:
    def tell(head: Head) -> None:
        events.info(
            "audit.head",
            f"the audit log ends with record {head.seq}",
            seq=head.seq,
            head=head.hash,
        )

    return tell


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
