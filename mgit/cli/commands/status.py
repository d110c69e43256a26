"""`mgit status`: what needs attention in the clones on disk. Talks to no forge."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mgit.cli.app import settings_for
from mgit.cli.console import Console
from mgit.cli.documents import line_of, local_record, status_document
from mgit.cli.output import write_document, write_line
from mgit.cli.states import read_states, states_of
from mgit.cli.tables import make_table
from mgit.cli.words import count
from mgit.errors import ExitCode, InvalidInput
from mgit.model import LocalRepo

_Row = tuple[LocalRepo, Sequence[str]]


def run(options: argparse.Namespace, console: Console) -> int:
    """Look at every clone below the folder."""
    fatal = read_states(options.fail_on)
    settings = settings_for(options)
    root = Path(options.path).absolute() if options.path else settings.root
    if not root.is_dir():
        raise InvalidInput(
            f"there is no folder {root}",
            advice="name the folder that holds the clones, or run `mgit sync` to make them",
        )
    from mgit.fleet import open_fleet

    with open_fleet(settings) as fleet:
        found: list[_Row] = [(local, states_of(local)) for local in fleet.status(root)]
    found.sort(key=lambda row: row[0].folder)
    shown = found if options.all else [row for row in found if row[1]]
    _print(options.format, console, root, shown)
    if options.format == "table":
        rest = len(found) - sum(bool(states) for _, states in found)
        console.note(f"{count(len(found), 'clone')} in {root}: {rest} need no attention")
    failing = [local.folder for local, states in found if fatal.intersection(states)]
    if failing:
        console.warn(
            f"{count(len(failing), 'clone')} in a state named by --fail-on, {failing[0]} first",
            "commit, push or clean up there, then run the command again",
        )
        return int(ExitCode.SOME_FAILED)
    return int(ExitCode.OK)


def _print(form: str, console: Console, root: Path, rows: Sequence[_Row]) -> None:
    match form:
        case "json":
            write_document(console, status_document(str(root), rows))
        case "jsonl":
            for local, states in rows:
                write_line(
                    console, line_of("mgit.status.repository/1", local_record(local, states))
                )
        case _:
            if rows:
                head = ("folder", "branch", "ahead", "behind", "state")
                console.table(
                    make_table(head, [_cells(*row) for row in rows], right=("ahead", "behind"))
                )


def _cells(local: LocalRepo, states: Sequence[str]) -> tuple[object, ...]:
    tree = local.worktree
    words = [_counted(state, local) for state in states]
    return (
        local.folder,
        local.head_branch or (local.head_oid or "")[:10],
        (tree.ahead or None) if tree else None,
        (tree.behind or None) if tree else None,
        ", ".join(words) or "clean",
    )


def _counted(state: str, local: LocalRepo) -> str:
    tree = local.worktree
    if state == "broken":
        return f"broken: {local.broken}"
    if tree is None:
        return state
    numbers = {
        "dirty": tree.changed,
        "untracked": tree.untracked,
        "conflicted": tree.conflicted,
        "stashed": tree.stashes,
    }
    if state == "operation" and tree.operation is not None:
        return f"{tree.operation} begun"
    return f"{state} {numbers[state]}" if state in numbers else state
