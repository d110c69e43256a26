"""`mgit sync`: observe, plan, apply."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from mgit.cli.choosing import choose
from mgit.cli.console import Console
from mgit.cli.documents import line_of, plan_document, sync_document, sync_summary
from mgit.cli.output import write_document, write_line
from mgit.cli.patterns import nothing_found, tell_unmatched
from mgit.cli.places import below, refuse_bare_folder, split_places
from mgit.cli.progress import Watcher, watched_fleet
from mgit.cli.records import action_record, outcome_record, problem_record
from mgit.cli.report import last_word, plan_tables, sync_report, tell_problems
from mgit.cli.sentences import plan_sentence, sync_sentence
from mgit.config import Settings
from mgit.errors import ExitCode, InvalidInput
from mgit.model import Clone, Outcome, Plan, Skip, SourceProblem, action_name

if TYPE_CHECKING:
    from mgit.fleet import Fleet


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to work.

    Args:
        root: in place of the configured one, None for that.
        within: only the clones that are there already and lie here; None for everything.
    """

    root: str | None
    within: Path | None = None


def run(options: argparse.Namespace, console: Console) -> int:
    """Plan, then apply the very plan; with `--dry-run` print it instead."""
    place, patterns = split_places(options.patterns)
    where = _place(options.root, place, patterns)
    options.root = where.root
    settings, selection = choose(options, patterns)
    prefix = PurePath()
    if where.within is not None:
        settings, prefix = _inside(settings, where.within)
    from mgit.fleet import SyncRequest

    request = SyncRequest(acknowledge_gone=options.acknowledge_gone, recent=options.recent)
    outcomes: list[Outcome] = []
    with watched_fleet(settings, console, hidden=options.no_progress) as (fleet, watcher):
        plan = fleet.plan(selection, progress=watcher.step, request=request)
        if where.within is not None:
            plan = _only_there(plan, prefix, where.within)
        elif not plan.actions and not plan.problems and settings.serve.shard is None:
            everything = fleet.list()
            raise nothing_found(patterns, (str(r.path) for one in everything for r in one.repos))
        names = [action_name(action) for action in plan.actions]
        if not plan.problems and settings.serve.shard is None:
            refuse_bare_folder(patterns, names)
        if not options.dry_run:
            outcomes = _apply(options.format, console, fleet, watcher, plan)
        notices = fleet.notices
    for notice in notices:
        console.note(notice)
    if not plan.problems and settings.serve.shard is None:
        tell_unmatched(console, selection, names)
    if options.dry_run:
        return _end_dry(options.format, console, plan)
    return _end(options.format, console, plan, outcomes)


def _apply(
    form: str, console: Console, fleet: Fleet, watcher: Watcher, plan: Plan
) -> list[Outcome]:
    outcomes = []
    for outcome in fleet.apply(plan, progress=watcher.step):
        watcher.outcome(outcome)
        if form == "jsonl":
            write_line(console, line_of("mgit.sync.outcome/1", outcome_record(outcome)))
        outcomes.append(outcome)
    return outcomes


def _end_dry(form: str, console: Console, plan: Plan) -> int:
    from mgit.fleet import exit_code
    from mgit.fleet.values import skipped

    _print_plan(form, console, plan)
    judged = [skipped(action) for action in plan.actions if isinstance(action, Skip)]
    tell_problems(console, plan.problems)
    return int(exit_code(plan.problems, judged))


def _end(form: str, console: Console, plan: Plan, outcomes: Sequence[Outcome]) -> int:
    from mgit.fleet import exit_code

    code = exit_code(plan.problems, outcomes)
    _print_outcomes(form, console, plan, outcomes, code)
    last_word(console, outcomes)
    tell_problems(console, plan.problems)
    return int(code)


def _place(root: str | None, place: Path | None, patterns: Sequence[str]) -> _Place:
    """What a folder among the patterns means: `sync PATTERN DIR` is a root, `sync DIR` is not."""
    if place is None:
        return _Place(root)
    if root is not None:
        raise InvalidInput(
            "a folder and --root are given; one is possible", advice="leave one of them out"
        )
    return _Place(str(place)) if patterns else _Place(None, place)


def _inside(settings: Settings, folder: Path) -> tuple[Settings, PurePath]:
    """The settings for the clones below a folder, and where it is below the root."""
    if not folder.is_dir():
        raise InvalidInput(
            f"there is no folder {folder}",
            advice="to clone into a new folder, name it with --root",
        )
    if folder.is_relative_to(settings.root):
        return settings, folder.relative_to(settings.root)
    return replace(settings, root=folder), PurePath()


def _only_there(plan: Plan, prefix: PurePath, folder: Path) -> Plan:
    """The part of a plan that is about clones that are there."""
    kept = tuple(
        action
        for action in plan.actions
        if not isinstance(action, Clone) and below(action.folder, prefix)
    )
    if not kept and not plan.problems:
        raise InvalidInput(
            f"there is no clone in {folder}",
            advice=f"to clone there, say what: mgit sync 'OWNER/*' --root {folder}",
        )
    return replace(plan, actions=kept)


def _print_plan(form: str, console: Console, plan: Plan) -> None:
    match form:
        case "json":
            write_document(console, plan_document(plan))
        case "jsonl":
            for action in plan.actions:
                write_line(console, line_of("mgit.plan.action/1", action_record(action)))
            _write_problems(console, plan.problems)
        case _:
            console.parts(plan_tables(plan, verbose=console.verbose))
            console.note(plan_sentence(plan))
            if any(not isinstance(action, Skip) for action in plan.actions):
                console.note("next: the same command without --dry-run does it")


def _print_outcomes(
    form: str, console: Console, plan: Plan, outcomes: Sequence[Outcome], code: ExitCode
) -> None:
    match form:
        case "json":
            write_document(console, sync_document(plan, outcomes, code))
        case "jsonl":
            _write_problems(console, plan.problems)
            write_line(
                console,
                {
                    "schema": "mgit.sync.end/1",
                    "summary": sync_summary(outcomes),
                    "exit_code": int(code),
                },
            )
        case _:
            console.parts(sync_report(outcomes, verbose=console.verbose))
            if outcomes or not plan.problems:
                console.note(sync_sentence(outcomes))


def _write_problems(console: Console, problems: Iterable[SourceProblem]) -> None:
    for problem in problems:
        write_line(console, line_of("mgit.problem/1", problem_record(problem)))
