"""`mgit ack`: what is held since its upstream took it away, and a person's yes to exactly that.

Nothing is asked of any forge, and no clone is touched: the next sync does what was accepted, if
upstream is still as it was seen then.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mgit.cli.choosing import choose
from mgit.cli.console import Console
from mgit.cli.documents import ack_document, line_of
from mgit.cli.output import write_document, write_line
from mgit.cli.records import held_record
from mgit.cli.tables import make_findings
from mgit.cli.words import count
from mgit.config import Settings
from mgit.errors import ExitCode, InvalidInput, StateError
from mgit.model import RepoKey, RepoPath

if TYPE_CHECKING:
    from mgit.fleet.wiring import Parts
    from mgit.plan.select import Selection
    from mgit.state import HeldRepo

_MANY = 40
_OID = 12


def run(options: argparse.Namespace, console: Console) -> int:
    """Show what would be lost; accept it where repositories are named."""
    settings, selection = choose(options, options.patterns, sources=False)
    from mgit.fleet.wiring import open_parts

    with open_parts(settings, log_format="console", log_level="warning") as parts:
        meant = [
            one
            for one in parts.state.held.all(settings.root).values()
            if _means(settings, selection, one)
        ]
        accepts = bool(options.patterns or options.source) and not options.dry_run
        if options.patterns and not meant:
            raise InvalidInput(
                f"nothing that is held is meant by {' '.join(options.patterns)[:80]!a}",
                advice="`mgit ack` shows all that is held, as of the last sync",
            )
        if accepts:
            for one in meant:
                _accept(parts, settings, one)
        known = parts.state.held.acknowledged(settings.root)
        accepted = {one.key for one in meant if one.loss.digest in known.get(one.key, ())}
    _print(options.format, console, meant, accepted)
    if options.format == "table":
        console.note(_sentence(meant, accepted))
    return int(ExitCode.OK)


def _means(settings: Settings, selection: Selection, held: HeldRepo) -> bool:
    from mgit.plan.select import Subject

    forge = next((one.forge for one in settings.sources if one.name == held.source), "")
    owner, _, rest = held.name.partition("/")
    project, _, name = rest.rpartition("/")
    path = RepoPath(owner, name, project or None)
    return selection.selects(Subject.of(path, source=held.source, kind=forge, key=held.key), None)


def _accept(parts: Parts, settings: Settings, held: HeldRepo) -> None:
    """Write it down, then let it count: what cannot be written down is not accepted.

    Raises:
        StateError: the audit log or the state cannot be written.
    """
    from mgit.cli.recording import record_acknowledged

    record_acknowledged(parts.audit, held)
    if not parts.state.held.acknowledge(settings.root, held.key, held.loss):
        raise StateError(
            f"that {held.name} may lose its refs could not be kept",
            advice="check the rights and the free space of the state folder",
        )


def _print(
    form: str, console: Console, held: Sequence[HeldRepo], accepted: Collection[RepoKey]
) -> None:
    match form:
        case "json":
            write_document(console, ack_document(held, accepted))
        case "jsonl":
            for one in held:
                record = held_record(one, acknowledged=one.key in accepted)
                write_line(console, line_of("mgit.ack.repository/1", record))
        case _:
            if held:
                items = [(one.name, _lines(one)) for one in held]
                console.parts([make_findings("would be lost:", items)])


def _lines(held: HeldRepo) -> list[str]:
    lines = [f"{held.loss.reason}: {held.loss.sentence}"]
    lines += [
        f"{one.name}  {one.before[:_OID]} -> {one.after[:_OID] or 'gone'}"
        for one in held.loss.refs[:_MANY]
    ]
    if (more := len(held.loss.refs) - _MANY) > 0:
        lines.append(f"and {more} more; --format json has them all")
    return lines


def _sentence(held: Sequence[HeldRepo], accepted: Collection[RepoKey]) -> str:
    if not held:
        return "nothing is held, as of the last sync"
    if not accepted:
        it = count(len(held), "repository")
        return f"{it} held; `mgit ack REPO` accepts exactly what is shown for it"
    return (
        f"{len(accepted)} of {len(held)} accepted: the next sync lets that go, if upstream is "
        "still as it was seen; a mirror keeps the old tips under refs/mgit/kept for 90 days"
    )
