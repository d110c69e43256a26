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

from mgit.model import Outcome, Result, SourceProblem, action_key, action_name
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

Value = str | int | float | bool | None
Clean = Callable[[str], str]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_NAMES = {level: name for name, level in _LEVELS.items()}
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


def open_log(format_: str, level: str, clean: Clean, stream: TextIO) -> EventLog:
    """A log of its own, outside the registry of `logging`, so that two never share a handler.

    Args:
        format_: `json` or `console`.
        level: `debug`, `info`, `warning` or `error`.
        clean: takes secrets and control characters out of a text.
        stream: usually standard error.
    """
    logger = _OwnLogger("mgit", _LEVELS[level])
    logger.addHandler(_Lines(stream, _json_line if format_ == "json" else _console_line, clean))
    return EventLog(logger)


class _OwnLogger(logging.Logger):
    """Not known to `logging.getLogger`: nobody else's handler sees it, and none of ours stays."""


class _Lines(logging.Handler):
    """Writes one line per record. A closed or full stderr must not end a sync: it is ignored."""

    def __init__(
        self, stream: TextIO, line: Callable[[Mapping[str, Value]], str], clean: Clean
    ) -> None:
        super().__init__()
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

    def observe(event: Event) -> None:
        bound = events.bind(run_id=event.run_id)
        match event:
            case RunStarted(sources=sources, root=root):
                names = ", ".join(sources)
                bound.info("run.started", f"run began: {names}", sources=names, root=root)
            case CredentialFound(source=source, origin=origin, found_in=found_in):
                bound.debug(
                    "credential.found",
                    f"credential for {origin} found in {found_in}",
                    source=source,
                    origin=origin,
                    found_in=found_in,
                )
            case Listed(listing=listing, seconds=seconds, elsewhere=elsewhere):
                if (problem := listing.failure) is not None:
                    _problem(bound, problem)
                count = len(listing.repos) - len(elsewhere)
                more = f", and {len(elsewhere)} of other shards" if elsewhere else ""
                bound.info(
                    "source.listed",
                    f"{listing.source} lists {count} repositories{more}",
                    source=listing.source,
                    repos=count,
                    complete=listing.complete,
                    seconds=seconds,
                )
            case Planned(plan=plan, seconds=seconds):
                count = len(plan.actions)
                bound.info("run.planned", f"compared {count}", actions=count, seconds=seconds)
            case Ended(outcome=outcome, source=source):
                _outcome(bound, outcome, source)
            case RunEnded():
                _end(bound, event)
            case Scrubbed():
                _scrubbed(bound, event)
            case _:
                assert_never(event)

    return observe


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


def _end(events: EventLog, event: RunEnded) -> None:
    well = event.code == 0 or event.interrupted
    write = events.info if well else events.warning
    write(
        "run.ended",
        f"run {'was interrupted' if event.interrupted else 'ended'} with code {int(event.code)}",
        exit_code=int(event.code),
        seconds=event.seconds,
        git_processes=event.git_processes,
    )
