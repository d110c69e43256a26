"""`mgit perf`: where the time of a run went. Reads what is remembered; talks to nobody."""

from __future__ import annotations

import argparse
import re

from mgit.cli.app import settings_for
from mgit.cli.console import Console
from mgit.cli.flags import read_limit
from mgit.cli.knowledge import STATE_FILE
from mgit.cli.output import write_document, write_line
from mgit.cli.timing import Report, perf_document, perf_lines
from mgit.errors import ExitCode, InvalidInput
from mgit.plan.limiting import judge
from mgit.state import State
from mgit.state.past import MeasuredRun

_SLOWEST = 10
_RUN = re.compile(r"[0-9a-f]{4,16}")


def run(options: argparse.Namespace, console: Console) -> int:
    """Tell of the last run that ended, or of the one that is named."""
    limit = read_limit(options.limit) or _SLOWEST
    file = settings_for(options).paths.state_dir / STATE_FILE
    if not file.exists():
        raise _nothing()
    state = State(file, warn=console.warn)
    try:
        found = _chosen(state, options.run)
        report = _report(state, found, limit)
    finally:
        state.close()
    match options.format:
        case "json":
            write_document(console, perf_document(report))
        case "jsonl":
            write_line(console, perf_document(report))
        case _:
            drawn = "utf" in (console.out.encoding or "").lower() and not console.dumb
            columns = console.columns(console.out) if console.rich_out else 100
            for line in perf_lines(report, columns, drawn=drawn):
                console.write(line)
    return ExitCode.OK


def _chosen(state: State, beginning: str | None) -> MeasuredRun:
    """The run that is meant.

    Raises:
        InvalidInput: there is none, or more than one.
    """
    if beginning is None:
        last = state.past.last()
        if last is None:
            raise _nothing()
        return last
    if not _RUN.fullmatch(beginning):
        raise InvalidInput(
            "--run must be the id of a run, or its first 4 digits at least",
            advice="it is the `run_id` of the log and `trace.id` of the audit log",
        )
    found = state.past.named(beginning)
    if len(found) != 1:
        several = f"several runs begin with {beginning}"
        raise InvalidInput(
            several if found else f"no run that ended and is remembered is called {beginning}",
            advice="give more of it" if found else "without --run it is about the last one",
        )
    return found[0]


def _report(state: State, found: MeasuredRun, limit: int) -> Report:
    """All that is known of a run.

    Raises:
        InvalidInput: nothing was measured in it.
    """
    if found.measures is None:
        raise InvalidInput(
            f"run {found.run_id} was made by an mgit that measured nothing",
            advice="run `mgit sync` again, then `mgit perf`",
        )
    slowest = state.past.slowest(found.run_id, limit)
    worked = state.past.worked(found.run_id)
    longest = slowest[0].seconds if slowest else 0.0
    judgement = judge(found.measures, worked=worked[0], seconds=worked[1], longest=longest)
    return Report(found, found.measures, worked, slowest, judgement)


def _nothing() -> InvalidInput:
    return InvalidInput("no run is remembered here", advice="run `mgit sync`, then `mgit perf`")
