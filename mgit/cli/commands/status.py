"""`mgit status`: what needs attention in the clones on disk. Talks to no forge unless asked."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mgit.cli.choosing import choose
from mgit.cli.console import Console
from mgit.cli.documents import line_of, status_document
from mgit.cli.output import write_document, write_line
from mgit.cli.places import existing_folder, require_root, split_places
from mgit.cli.progress import watched_fleet
from mgit.cli.records import local_record
from mgit.cli.sentences import status_sentence
from mgit.cli.states import read_states, states_of
from mgit.cli.tables import make_table
from mgit.cli.words import count
from mgit.errors import ExitCode, InvalidInput
from mgit.model import LocalRepo, RepoKey, SourceProblem

if TYPE_CHECKING:
    from mgit.state import HeldRepo

_Row = tuple[LocalRepo, Sequence[str]]


def run(options: argparse.Namespace, console: Console) -> int:
    """Look at every clone that is meant."""
    fatal = read_states(options.fail_on)
    place, patterns = _split(options.patterns)
    settings, selection = choose(options, patterns, sources=options.fetch)
    root = place or settings.root
    require_root(root)
    with watched_fleet(settings, console, hidden=options.no_progress) as (fleet, watcher):
        looked = fleet.status(root, fetch=options.fetch, selection=selection, progress=watcher.step)
        held = fleet.held if root == settings.root else {}
        found: list[_Row] = [(one, states_of(one, held=one.key in held)) for one in looked]
        unreached, problems, notices = fleet.unfetched, fleet.problems, fleet.notices
    if patterns and not found:
        raise InvalidInput(
            f"no clone in {root} is meant by {' '.join(patterns)[:80]!a}, "
            "and there is no folder of that name",
            advice="`mgit status --all` shows all clones",
        )
    found.sort(key=lambda row: row[0].folder)
    shown = found if options.all else [row for row in found if row[1]]
    _print(options.format, console, root, shown, unreached, held)
    if options.format == "table":
        console.note(status_sentence(str(root), [states for _, states in found]))
    failing = [local.folder for local, states in found if fatal.intersection(states)]
    if failing:
        console.warn(
            f"{count(len(failing), 'clone')} in a state named by --fail-on, {failing[0]} first",
            "commit, push or clean up there, then run the command again",
        )
        return int(ExitCode.SOME_FAILED)
    return _reached(console, notices, problems)


def _reached(console: Console, notices: Sequence[str], problems: Sequence[SourceProblem]) -> int:
    """Tell once what kept `--fetch` from asking, however many clones it was about."""
    for notice in notices:
        console.note(notice)
    kinds = Counter((problem.message, problem.advice) for problem in problems)
    for (message, advice), number in kinds.items():
        of = f" ({count(number, 'clone')})" if number > 1 else ""
        console.warn(f"{message}{of}", advice or "run the command again; `mgit doctor` says more")
    from mgit.fleet import exit_code

    return int(exit_code(problems))


def _split(words: Sequence[str]) -> tuple[Path | None, tuple[str, ...]]:
    """The folder and the patterns; a bare word is a folder where there is one of that name."""
    if words and existing_folder(words[0]):
        place, patterns = split_places(words[1:])
        if place is None:
            return Path(words[0]).absolute(), patterns
    return split_places(words)


def _print(
    form: str,
    console: Console,
    root: Path,
    rows: Sequence[_Row],
    unreached: Mapping[str, str],
    held: Mapping[RepoKey, HeldRepo],
) -> None:
    match form:
        case "json":
            write_document(console, status_document(str(root), rows, unreached, held))
        case "jsonl":
            for local, states in rows:
                why = held.get(local.key) if local.key else None
                record = local_record(local, states, unreached.get(local.folder, ""), why)
                write_line(console, line_of("mgit.status.repository/1", record))
        case _:
            if rows:
                head = ("folder", "branch", "ahead", "behind", "state")
                console.table(
                    make_table(
                        head, [_cells(*row, held) for row in rows], right=("ahead", "behind")
                    )
                )


def _cells(
    local: LocalRepo, states: Sequence[str], held: Mapping[RepoKey, HeldRepo]
) -> tuple[object, ...]:
    tree = local.worktree
    words = [_counted(state, local) for state in states]
    if local.key is not None and local.key in held:
        words[states.index("held")] = f"held: {held[local.key].loss.reason}"
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
    if state == "locked":
        return f"locked: {local.locked}"
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
