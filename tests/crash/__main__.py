"""The crash matrix as a command: `python -m tests.crash [--short] [--jobs N]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from pipeline.step import Exit
from sandbox.registry import RegistryMissing
from tests.crash.matrix import (
    KILLED,
    Case,
    Outcome,
    cases_of,
    play_all,
    rehearse_whole,
    sample_of,
)
from tests.crash.page import PAGE, write
from tests.crash.world import open_services

_SHORT = 24


def main() -> int:
    """Play the matrix; write the page after a whole one. 6 where the world differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=main.__doc__)
    parser.add_argument("--short", action="store_true", help=f"{_SHORT} cases of it, and no page")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default 2)")
    given = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mgit-crash-") as folder:
        try:
            with open_services(Path(folder), given.jobs) as services:
                starts = rehearse_whole(services[0])
                cases = cases_of(starts)
                chosen = sample_of(cases, _SHORT) if given.short else cases
                outcomes = list(play_all(services, starts, chosen, _tell))
        except RegistryMissing as error:
            sys.stderr.write(f"error: {error}\n       run `nox -s rehearse -- --provision`\n")
            return Exit.ENVIRONMENT
    bad = [case for case, outcome in outcomes if not outcome.good]
    if not given.short:
        PAGE.write_text(write(outcomes, starts, KILLED), encoding="utf-8")
        sys.stdout.write(f"wrote {PAGE}\n")
    seconds = time.monotonic() - start
    sys.stdout.write(f"{len(outcomes)} of {len(cases)} cases, {len(bad)} bad, {seconds:.0f} s\n")
    return Exit.CONFLICT if bad else Exit.DONE


def _tell(case: Case, outcome: Outcome) -> None:
    words = f"{case.half} killed {case.side} {case.effect}, {case.memory}: "
    if outcome.good:
        words += f"{outcome.resumed}, same\n"
    else:
        last = " | ".join(outcome.words.splitlines()[-3:])
        words += f"{outcome.killed} then {outcome.resumed}, "
        words += f"differs: {outcome.difference or '-'}, twice: {outcome.twice or '-'}; {last}\n"
    sys.stderr.write(words)


if __name__ == "__main__":
    sys.exit(main())
