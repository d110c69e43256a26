"""`mgit sync`: observe, plan, apply."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from mgit.cli.app import settings_for
from mgit.cli.console import Console
from mgit.cli.documents import (
    action_record,
    line_of,
    outcome_record,
    plan_document,
    problem_record,
    sync_document,
    sync_summary,
)
from mgit.cli.output import write_document, write_line
from mgit.cli.patterns import nothing_found, only_sources, refuse_expanded, tell_unmatched
from mgit.cli.progress import watch
from mgit.cli.report import (
    last_word,
    plan_sentence,
    plan_tables,
    sync_sentence,
    sync_tables,
    tell_problems,
)
from mgit.errors import ExitCode
from mgit.model import Outcome, Plan, Skip, SourceProblem, action_name


def run(options: argparse.Namespace, console: Console) -> int:
    """Plan, then apply the very plan; with `--dry-run` print it instead."""
    refuse_expanded("sync", options.patterns, Path.cwd())
    settings = only_sources(settings_for(options), options.source)
    from mgit.fleet import exit_code, open_fleet
    from mgit.fleet.values import skipped
    from mgit.plan.select import Selection

    selection = Selection.parse(options.patterns)
    outcomes: list[Outcome] = []
    with open_fleet(settings) as fleet, watch(console) as watcher:
        plan = fleet.plan(selection, progress=watcher.step)
        if not plan.actions and not plan.problems:
            everything = fleet.list()
            raise nothing_found(
                options.patterns, (str(r.path) for one in everything for r in one.repos)
            )
        if not options.dry_run:
            for outcome in fleet.apply(plan, progress=watcher.step):
                watcher.outcome(outcome)
                if options.format == "jsonl":
                    record = outcome_record(outcome)
                    write_line(console, line_of("mgit.sync.outcome/1", record))
                outcomes.append(outcome)
    if not plan.problems:
        names = (action_name(action) for action in plan.actions)
        tell_unmatched(console, selection, names)
    if options.dry_run:
        _print_plan(options.format, console, plan)
        judged = [skipped(action) for action in plan.actions if isinstance(action, Skip)]
        tell_problems(console, plan.problems)
        return int(exit_code(plan.problems, judged))
    code = exit_code(plan.problems, outcomes)
    _print_outcomes(options.format, console, plan, outcomes, code)
    last_word(console, outcomes)
    tell_problems(console, plan.problems)
    return int(code)


def _print_plan(form: str, console: Console, plan: Plan) -> None:
    match form:
        case "json":
            write_document(console, plan_document(plan))
        case "jsonl":
            for action in plan.actions:
                write_line(console, line_of("mgit.plan.action/1", action_record(action)))
            _write_problems(console, plan.problems)
        case _:
            console.tables(plan_tables(plan, verbose=console.verbose))
            console.note(plan_sentence(plan))


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
            console.tables(sync_tables(outcomes, verbose=console.verbose))
            console.note(sync_sentence(outcomes))


def _write_problems(console: Console, problems: Iterable[SourceProblem]) -> None:
    for problem in problems:
        write_line(console, line_of("mgit.problem/1", problem_record(problem)))
