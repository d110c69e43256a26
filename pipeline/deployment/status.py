"""What runs where, since when, by whom: `invoke deploy --status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from pipeline.deployment.environments import Environment
from pipeline.deployment.ledger import (
    Record,
    last_good,
    ledger_folder,
    ledger_path,
    read_ledger,
    unfinished,
)
from pipeline.deployment.lock import lock_path, look
from pipeline.deployment.target import Running, Target, shortened
from pipeline.project import Project
from pipeline.step import Exit, PipelineError
from pipeline.table import table

_HEAD = (
    *("environment", "kind", "version", "digest", "healthy", "since", "by", "lock"),
    "predecessor",
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One environment as it is; the line of `--json`.

    Args:
        environment: its name.
        kind: `compose`, `swarm` or `kubernetes`.
        reference: what runs, by digest; empty for nothing.
        version: what its image's label says.
        healthy: whether the platform calls it healthy; null where nothing runs or nobody can tell.
        since: RFC 3339, since when it is live: of the ledger, else of the platform.
        by: who put it there; empty where the ledger does not know.
        approved: who agreed.
        lock: `free`, or by whom it is held or was left.
        predecessor: what `invoke rollback` goes back to, by digest; empty for nothing.
        notes: what a person should know: a change that was cut off, a place that does not answer.
        error: why it cannot be looked at.
    """

    environment: str
    kind: str
    reference: str = ""
    version: str = ""
    healthy: bool | None = None
    since: str = ""
    by: str = ""
    approved: str = ""
    lock: str = "free"
    predecessor: str = ""
    notes: tuple[str, ...] = ()
    error: str = ""


def look_at(
    project: Project, place: Environment, open_: Callable[[Project, Environment], Target]
) -> Row:
    """Look at one environment; that it cannot be looked at is a row too."""
    lock = str(look(lock_path(ledger_folder(project, place), place.name)))
    row = Row(environment=place.name, kind=place.kind, lock=lock)
    try:
        records = read_ledger(ledger_path(project, place))
        running = open_(project, place).observe()
    except PipelineError as error:
        return msgspec.structs.replace(row, error=error.message)
    notes = tuple(_notes(records, held=lock.startswith("held")))
    row = msgspec.structs.replace(row, notes=notes)
    return _with(row, running, records) if running is not None else row


def as_table(rows: Sequence[Row]) -> str:
    """Aligned columns, and below them what a person should know."""
    text = table(_HEAD, [_cells(row) for row in rows]) + "\n"
    notes = [
        f"{row.environment}: {note.removeprefix(f'{row.environment}: ')}"
        for row in rows
        for note in (*row.notes, *((row.error,) if row.error else ()))
    ]
    return text + ("\n" + "".join(f"{note}\n" for note in notes) if notes else "")


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects, see `Row`."""
    return msgspec.json.format(msgspec.json.encode(list(rows)), indent=2).decode() + "\n"


def verdict(rows: Sequence[Row]) -> Exit:
    """What the command ends with: what cannot be looked at weighs more than what is not healthy."""
    if any(row.error for row in rows):
        return Exit.ENVIRONMENT
    return Exit.GATE if any(row.healthy is False for row in rows) else Exit.DONE


def _with(row: Row, running: Running, records: Sequence[Record]) -> Row:
    good = last_good(records)
    known = good if good is not None and good.deed.live == running.reference else None
    version = running.version
    if known and known.deed.reference == running.reference:
        version = version or known.deed.version
    return msgspec.structs.replace(
        row,
        reference=running.reference,
        version=version,
        healthy=running.healthy,
        since=_utc(known.time if known else running.since),
        by=known.deed.who if known else "",
        approved=known.deed.approved if known else "",
        predecessor=running.previous,
    )


def _notes(records: Sequence[Record], *, held: bool) -> list[str]:
    cut_off = unfinished(records)
    if cut_off is not None and not held:
        deed = cut_off.deed
        told = f"a {cut_off.action} of {_short(deed.reference)} by {deed.who or 'somebody'}"
        advice = "run it again, or invoke rollback"
        return [f"{told}, begun {_utc(cut_off.time)}, did not end: {advice}"]
    last = records[-1] if records else None
    if last is not None and last.event != "done" and last.deed.why and last is not cut_off:
        why = shortened(last.deed.why)
        return [f"the last {last.action}, {_utc(last.time)}, by {last.deed.who}: {why}"]
    return []


def _cells(row: Row) -> tuple[str, ...]:
    healthy = {True: "yes", False: "no", None: "?" if row.error else "-"}[row.healthy]
    by = f"{row.by}, agreed {row.approved}" if row.approved else row.by
    digest = _short(row.reference) if row.reference else ("?" if row.error else "nothing runs")
    before = _short(row.predecessor) if row.predecessor else "-"
    return (
        *(row.environment, row.kind, row.version or "-", digest, healthy),
        *(row.since or "-", by or "-", row.lock, before),
    )


def _short(reference: str) -> str:
    return shortened(reference) or "an unknown image"


def _utc(time: str) -> str:
    """A time to the second; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return time
