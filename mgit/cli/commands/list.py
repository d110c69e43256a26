"""`mgit list`: what the forges have."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mgit.cli.app import settings_for
from mgit.cli.console import Console
from mgit.cli.documents import (
    line_of,
    listing_document,
    problem_record,
    problems_of,
    remote_record,
)
from mgit.cli.output import write_document, write_line
from mgit.cli.patterns import nothing_found, only_sources, refuse_expanded, tell_unmatched
from mgit.cli.progress import watch
from mgit.cli.report import tell_problems
from mgit.cli.tables import make_table
from mgit.cli.words import count
from mgit.model import Listing, RemoteRepo


def run(options: argparse.Namespace, console: Console) -> int:
    """List, print, and judge by what could not be listed."""
    refuse_expanded("list", options.patterns, Path.cwd())
    settings = only_sources(settings_for(options), options.source)
    from mgit.fleet import exit_code, open_fleet
    from mgit.plan.select import Selection

    selection = Selection.parse(options.patterns)
    with open_fleet(settings) as fleet, watch(console) as watcher:
        listings = fleet.list(selection, progress=watcher.step)
        if not any(listing.repos or listing.problem for listing in listings):
            everything = fleet.list()
            raise nothing_found(
                options.patterns, (str(r.path) for one in everything for r in one.repos)
            )
    repos = sorted(
        (repo for listing in listings for repo in listing.repos),
        key=lambda repo: (repo.source, str(repo.path).lower()),
    )
    problems = problems_of(listings)
    _print(options.format, console, listings, repos)
    code = exit_code(problems)
    if not problems:
        tell_unmatched(console, selection, (str(repo.path) for repo in repos))
    tell_problems(console, problems)
    return int(code)


def _print(
    form: str, console: Console, listings: Sequence[Listing], repos: Sequence[RemoteRepo]
) -> None:
    match form:
        case "json":
            write_document(console, listing_document(listings, repos))
        case "jsonl":
            for repo in repos:
                write_line(console, line_of("mgit.list.repository/1", remote_record(repo)))
            for problem in problems_of(listings):
                write_line(console, line_of("mgit.problem/1", problem_record(problem)))
        case _:
            several = len({repo.source for repo in repos}) > 1
            head: tuple[str, ...] = (
                "repository",
                "branch",
                "visibility",
                "notes",
                "size",
                "pushed",
            )
            rows = [_row(repo) for repo in repos]
            if several:
                head = ("source", *head)
                rows = [(repo.source, *row) for repo, row in zip(repos, rows, strict=True)]
            console.table(make_table(head, rows, right=("size",)))
            whole = f"{count(len(repos), 'repository')} in {count(len(listings), 'source')}"
            console.note(whole)


def _row(repo: RemoteRepo) -> tuple[object, ...]:
    notes = {
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
    )


def _size(kib: int | None) -> str:
    if kib is None:
        return ""
    if kib < 1024:
        return f"{kib} KiB"
    return f"{kib / 1024:.1f} MiB" if kib < 1024 * 1024 else f"{kib / 1024 / 1024:.1f} GiB"
