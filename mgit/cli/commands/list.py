"""`mgit list`: what the forges have."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mgit.cli.choosing import choose
from mgit.cli.console import Console
from mgit.cli.documents import line_of, listing_document, problems_of
from mgit.cli.flags import read_limit
from mgit.cli.output import write_document, write_line
from mgit.cli.patterns import nothing_found, tell_unmatched
from mgit.cli.progress import watched_fleet
from mgit.cli.records import problem_record, remote_record
from mgit.cli.report import tell_problems
from mgit.cli.tables import Table, fit, make_table, without
from mgit.cli.words import count
from mgit.model import Listing, RemoteRepo, RepoKey

if TYPE_CHECKING:
    from mgit.state import HeldRepo

_HEAD = (
    "source",
    "repository",
    "branch",
    "visibility",
    "notes",
    "size",
    "pushed",
    "language",
    "topics",
)
_EXPENDABLE = ("topics", "language", "branch", "size", "visibility", "pushed", "source")
_OFF_A_TERMINAL = 120


def run(options: argparse.Namespace, console: Console) -> int:
    """List, print, and judge by what could not be listed."""
    limit = read_limit(options.limit)
    settings, selection = choose(options, options.patterns)
    from mgit.fleet import exit_code

    with watched_fleet(settings, console, hidden=options.no_progress) as (fleet, watcher):
        listings = fleet.list(selection, progress=watcher.step)
        notices, held = fleet.notices, fleet.held
        found = any(listing.repos or listing.problem for listing in listings)
        if not found and settings.serve.shard is None:  # a shard may well have nothing
            everything = fleet.list()
            raise nothing_found(
                options.patterns, (str(r.path) for one in everything for r in one.repos)
            )
    repos = sorted(
        (repo for listing in listings for repo in listing.repos),
        key=lambda repo: (repo.source, str(repo.path).lower()),
    )
    problems = problems_of(listings)
    _print(options, console, listings, repos[:limit], held)
    if options.format == "table":
        console.note(_sentence(len(repos), len(listings), limit))
    code = exit_code(problems)
    if not problems and settings.serve.shard is None:
        tell_unmatched(console, selection, (str(repo.path) for repo in repos))
    for notice in notices:
        console.note(notice)
    tell_problems(console, problems)
    return int(code)


def _sentence(repos: int, sources: int, limit: int | None) -> str:
    whole = f"{count(repos, 'repository')} in {count(sources, 'source')}"
    return f"{whole}; {limit} shown" if limit is not None and limit < repos else whole


def _print(
    options: argparse.Namespace,
    console: Console,
    listings: Sequence[Listing],
    repos: Sequence[RemoteRepo],
    held: Mapping[RepoKey, HeldRepo],
) -> None:
    match options.format:
        case "json":
            write_document(console, listing_document(listings, repos, held))
        case "jsonl":
            for repo in repos:
                record = remote_record(repo, held.get(repo.key))
                write_line(console, line_of("mgit.list.repository/1", record))
            for problem in problems_of(listings):
                write_line(console, line_of("mgit.problem/1", problem_record(problem)))
        case _:
            if repos:
                columns = console.columns(console.out) if console.rich_out else _OFF_A_TERMINAL
                console.table(listing_table(repos, columns, wide=options.wide, held=held))


def listing_table(
    repos: Sequence[RemoteRepo],
    columns: int,
    *,
    wide: bool,
    held: Mapping[RepoKey, HeldRepo] | None = None,
) -> Table:
    """The columns that say something and for which there is room.

    Args:
        repos: what to show.
        columns: of the terminal.
        wide: all that say something, whatever the room.
        held: whose clone is held.
    """
    held = held or {}
    rows = [(repo.source, *_row(repo, held=repo.key in held)) for repo in repos]
    table = make_table(_HEAD, rows, right=("size",))
    if len({repo.source for repo in repos}) < 2 and not wide:
        table = without(table, "source")
    for title in ("topics", "language"):
        at = table.head.index(title)
        if not any(row[at] for row in table.rows):
            table = without(table, title)
    return table if wide else fit(table, columns, _EXPENDABLE)


def _row(repo: RemoteRepo, *, held: bool) -> tuple[object, ...]:
    notes = {
        "held": held,
        "archived": repo.archived,
        "fork": repo.fork,
        "empty": repo.empty,
        repo.unavailable or "": repo.unavailable,
    }
    return (
        repo.path,
        repo.default_branch,
        repo.visibility,
        ", ".join(note for note, holds in notes.items() if holds),
        _size(repo.size_kib),
        repo.pushed_at.date().isoformat() if repo.pushed_at else None,
        repo.language,
        ", ".join(repo.topics),
    )


def _size(kib: int | None) -> str:
    if kib is None:
        return ""
    if kib < 1024:
        return f"{kib} KiB"
    return f"{kib / 1024:.1f} MiB" if kib < 1024 * 1024 else f"{kib / 1024 / 1024:.1f} GiB"
