"""Logs: one event per line on standard error, JSON for machines or plain for people.

Every text goes through `clean` (secrets out, control characters escaped) on its way out, so that
neither a token nor a hostile branch name can reach a terminal or a log store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO, assert_never

import msgspec

from mgit.credentials.find import how_to_renew
from mgit.model import Outcome, Result, SourceProblem, action_key, action_name
from mgit.telemetry.events import (
    CredentialFound,
    CredentialRejected,
    Ended,
    Event,
    Listed,
    Observer,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)
from mgit.telemetry.tracing import SpanIds

Value = str | int | float | bool | None
Clean = Callable[[str], str]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_NAMES = {level: name for name, level in _LEVELS.items()}
_CAUSES = 20
"""So many requests are named where a run answers many."""
_FIRST = ("ts", "level", "event", "run_id", "repo", "message")


class EventLog:
    """Writes events with their fields.

    Args:
        logger: where lines go.
        fields: stand on every line, for example `run_id`.
    """

    def __init__(self, logger: logging.Logger, fields: Mapping[str, Value] | None = None) -> None:
        self._logger = logger
        self._fields = dict(fields or {})

    def bind(self, **fields: Value) -> EventLog:
        """The same log with more fields on every line."""
        return EventLog(self._logger, {**self._fields, **fields})

    def debug(self, event: str, message: str, **fields: Value) -> None:
        self._write(logging.DEBUG, event, message, fields)

    def info(self, event: str, message: str, **fields: Value) -> None:
        self._write(logging.INFO, event, message, fields)

    def warning(self, event: str, message: str, **fields: Value) -> None:
        self._write(logging.WARNING, event, message, fields)

    def error(self, event: str, message: str, **fields: Value) -> None:
        self._write(logging.ERROR, event, message, fields)

    def _write(self, level: int, event: str, message: str, fields: Mapping[str, Value]) -> None:
        if self._logger.isEnabledFor(level):
            extra = {"mgit_event": event, "mgit_fields": {**self._fields, **fields}}
            # The message is an argument, so that a % in a name is a % and nothing more.
            self._logger.log(level, "%s", message, extra=extra)


def open_log(
    format_: str,
    level: str,
    clean: Clean,
    stream: TextIO,
    *,
    ids: Callable[[], SpanIds] | None = None,
) -> EventLog:
    """A log of its own, outside the registry of `logging`, so that two never share a handler.

    Args:
        format_: `json` or `console`.
        level: `debug`, `info`, `warning` or `error`.
        clean: takes secrets and control characters out of a text.
        stream: usually standard error.
        ids: of the span that the thread is in; None where nobody traces.
    """
    logger = _OwnLogger("mgit", _LEVELS[level])
    line = _json_line if format_ == "json" else _console_line
    logger.addHandler(_Lines(stream, line, clean, ids))
    return EventLog(logger)


class _OwnLogger(logging.Logger):
    """Not known to `logging.getLogger`: nobody else's handler sees it, and none of ours stays."""


class _Lines(logging.Handler):
    """Writes one line per record. A closed or full stderr must not end a sync: it is ignored."""

    def __init__(
        self,
        stream: TextIO,
        line: Callable[[Mapping[str, Value]], str],
        clean: Clean,
        ids: Callable[[], SpanIds] | None,
    ) -> None:
        super().__init__()
        self._ids = ids
        self._stream = stream
        self._line = line
        self._clean = clean

    def emit(self, record: logging.LogRecord) -> None:
        fields: Mapping[str, Value] = getattr(record, "mgit_fields", {})
        moment = datetime.fromtimestamp(record.created, UTC)
        values: dict[str, Value] = {
            "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": _NAMES.get(record.levelno, "info"),
            "event": getattr(record, "mgit_event", "log"),
            "run_id": None,
            "repo": None,
            "message": record.getMessage(),
        }
        if self._ids is not None and (ids := self._ids()).trace_id:
            values |= {"trace_id": ids.trace_id, "span_id": ids.span_id}
        values.update(fields)
        cleaned = {name: self._cleaned(value) for name, value in values.items()}
        try:
            self._stream.write(self._line(cleaned) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    def _cleaned(self, value: Value) -> Value:
        if isinstance(value, str):
            return self._clean(value)
        return round(value, 6) if isinstance(value, float) else value


def _moment(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _json_line(values: Mapping[str, Value]) -> str:
    return msgspec.json.encode(values).decode()


def _console_line(values: Mapping[str, Value]) -> str:
    rest = " ".join(
        f"{name}={value}"
        for name, value in values.items()
        if (name not in _FIRST or name == "run_id") and value not in (None, "")
    )
    line = f"{values['ts']} {values['level']!s:<7} {values['message']}"
    return f"{line}  {rest}" if rest else line


def log_observer(events: EventLog) -> Observer:
    """Writes the stream of events to a log."""
    routine = False

    def observe(event: Event) -> None:
        nonlocal routine
        bound = events.bind(run_id=event.run_id)
        match event:
            case RunStarted(sources=sources, root=root, causes=causes):
                routine = event.routine
                names, cause = ", ".join(sources), ", ".join(causes[:_CAUSES])
                write = bound.debug if routine else bound.info
                write("run.started", f"run began: {names}", sources=names, root=root, **_why(cause))
            case CredentialFound():
                _credential(bound, event)
            case CredentialRejected(source=source, origin=origin, found_in=found_in):
                bound.warning(
                    "credential.refused",
                    f"{event.message}; it is left alone, other sources go on",
                    source=source,
                    origin=origin,
                    found_in=found_in,
                    advice=event.advice,
                )
            case Listed():
                _listed(bound, event)
            case Planned(plan=plan, seconds=seconds, asleep=asleep):
                count = len(plan.actions)
                words = f"compared {count}" + (f", {asleep} rest" if asleep else "")
                write = bound.debug if routine else bound.info
                write("run.planned", words, actions=count, seconds=seconds, resting=asleep)
            case Ended(outcome=outcome, source=source, cause=cause):
                _outcome(bound.bind(**_why(cause)), outcome, source)
            case RunEnded():
                _end(bound, event, routine=routine)
            case Scrubbed():
                _scrubbed(bound, event)
            case _:
                assert_never(event)

    return observe


def _why(cause: str) -> dict[str, Value]:
    """The field that tells which request asked for something; nothing where none did."""
    return {"cause": cause} if cause else {}


def _credential(events: EventLog, event: CredentialFound) -> None:
    bound = events.bind(source=event.source, origin=event.origin, found_in=event.found_in)
    if event.rotated:
        bound.info("credential.rotated", f"a newer credential for {event.origin} is used")
        return
    bound.debug(
        "credential.found",
        f"credential for {event.origin} found in {event.found_in}",
        expires_at=event.expires_at,
    )
    if event.expiring and event.expires_at is not None:
        bound.warning(
            "credential.expiring",
            f"the token of source {event.source} ends at {_moment(event.expires_at)}",
            expires_at=event.expires_at,
            advice=how_to_renew(event.source, event.found_in),
        )


def _problem(events: EventLog, problem: SourceProblem) -> None:
    events.warning(
        "source.problem",
        problem.message,
        source=problem.source,
        advice=problem.advice,
        exit_code=problem.exit_code,
    )


def _outcome(events: EventLog, outcome: Outcome, source: str) -> None:
    name = action_name(outcome.action)
    key = action_key(outcome.action)
    write = {
        Result.FAILED: events.warning,
        Result.CURRENT: events.debug,
        Result.SKIPPED: events.debug,
    }.get(outcome.result, events.info)
    message = f"{outcome.result} {name}"
    more = {"span_id": outcome.span_id} if outcome.span_id else {}
    write(
        f"repo.{outcome.result}",
        f"{message}: {outcome.message}" if outcome.message else message,
        repo=name,
        repo_key=str(key) if key else None,
        source=source,
        reason=outcome.reason.value if outcome.reason else None,
        advice=outcome.advice,
        seconds=outcome.seconds,
        refs_changed=outcome.refs_changed,
        **more,
    )


def _listed(events: EventLog, event: Listed) -> None:
    listing = event.listing
    if (problem := listing.failure) is not None:
        _problem(events, problem)
    others = len(event.elsewhere)
    count = len(listing.repos) - others
    more = f", and {others} of other shards" if others else ""
    events.info(
        "source.listed",
        f"{listing.source} lists {count} repositories{more}",
        source=listing.source,
        repos=count,
        complete=listing.complete,
        seconds=event.seconds,
    )


def _scrubbed(events: EventLog, event: Scrubbed) -> None:
    bound = events.bind(
        repo=event.name,
        repo_key=str(event.key),
        source=event.source,
        folder=event.folder,
        bytes=event.bytes,
    )
    if event.damage:
        bound.error("scrub.damaged", f"{event.name} is damaged: {event.damage}")
    else:
        bound.debug("scrub.sound", f"{event.name} is sound")


def _end(events: EventLog, event: RunEnded, *, routine: bool) -> None:
    well = event.code == 0 or event.interrupted
    fine = events.debug if routine and not event.git_processes else events.info
    write = fine if well else events.warning
    write(
        "run.ended",
        f"run {'was interrupted' if event.interrupted else 'ended'} with code {int(event.code)}",
        exit_code=int(event.code),
        seconds=event.seconds,
        git_processes=event.git_processes,
    )
