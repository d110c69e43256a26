"""`mgit changes`: what is different since last time, on the forges and in the clones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from mgit.cli.choosing import choose
from mgit.cli.console import Console
from mgit.cli.documents import changes_document, line_of
from mgit.cli.flags import read_since
from mgit.cli.output import write_document, write_line
from mgit.cli.places import split_places
from mgit.cli.progress import watched_fleet
from mgit.cli.records import change_record, problem_record
from mgit.cli.report import tell_problems
from mgit.cli.sentences import changes_sentence
from mgit.cli.tables import make_table
from mgit.model import SourceProblem

if TYPE_CHECKING:
    from mgit.fleet.values import Change

_OID = 10


def run(options: argparse.Namespace, console: Console) -> int:
    """Print each difference; the next time shows what came after this one."""
    since = read_since(options.since)
    place, patterns = split_places(options.patterns)
    if place is not None and options.root is None:
        options.root = str(place)
    settings, selection = choose(options, patterns, sources=not options.local)
    where: Literal["remote", "local"] | None = (
        "local" if options.local else "remote" if options.remote else None
    )
    found: list[Change] = []
    with watched_fleet(settings, console, hidden=options.no_progress) as (fleet, watcher):
        changes = fleet.changes(
            selection,
            since=since,
            progress=watcher.step,
            remember=not options.peek,
            where=where,
        )
        for change in changes:
            found.append(change)
            if options.format == "jsonl":
                write_line(console, line_of("mgit.changes.change/1", change_record(change)))
        problems, notices, code = fleet.problems, fleet.notices, fleet.code
    _print(options.format, console, found, problems)
    for notice in notices:
        console.note(notice)
    if options.format == "table" and (found or not (notices or problems)):
        console.note(changes_sentence(found))
    tell_problems(console, problems)
    return int(code)


def _print(
    form: str,
    console: Console,
    changes: Sequence[Change],
    problems: Sequence[SourceProblem],
) -> None:
    match form:
        case "json":
            write_document(console, changes_document(changes, problems))
        case "jsonl":
            for problem in problems:
                write_line(console, line_of("mgit.problem/1", problem_record(problem)))
        case _:
            if changes:
                head = ("repository", "where", "what", "ref", "before", "after", "when")
                console.table(make_table(head, [_cells(change) for change in changes]))


def _cells(change: Change) -> tuple[object, ...]:
    return (
        change.name,
        change.where,
        change.what,
        change.ref.removeprefix("refs/heads/").removeprefix("refs/"),
        _short(change.before, change),
        _short(change.after, change),
        None
        if change.at is None
        else datetime.fromtimestamp(change.at, UTC).isoformat(" ", "minutes")[:16],
    )


def _short(state: str, change: Change) -> str:
    return state[:_OID] if change.ref else state
