"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Bench, Scale
from bench.machine import describe
from bench.measuring import CommandFailed
from bench.reach import GOALS
from bench.reporting import markdown, write_report
from bench.world import SOURCE, WORKERS, build

MISSED = 3
BROKEN = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the report.

    Returns:
        0; 3 with `--check` where a figure does not hold; 4 where a measured command failed.
    """
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _end)  # so that the folder is removed
    scale = Scale.of(options.repos, quick=options.quick)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mgit-bench-") as folder:
        _say(f"making the forge below {folder}")
        try:
            with build(Path(folder), scale.estates) as world:
                bench = Bench(world, scale, _say)
                figures = tuple(bench.take(set(options.only)))
        except CommandFailed as error:
            sys.stderr.write(f"bench: {error}\n")
            return BROKEN
    facts = describe() | {
        "client": f"{sys.executable.rpartition('/')[2]} -m mgit, 16 connections",
        "server": f"{WORKERS} processes on the same machine, TLS, answers in memory",
        "taken": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "took": f"{time.monotonic() - began:.0f} s",
    }
    write_report(options.output, figures, bench.points, facts)
    sys.stdout.write(markdown(figures, facts, with_picture=False))
    missed = [one.goal.name for one in figures if not one.holds]
    if missed:
        sys.stderr.write(f"bench: not reached: {', '.join(missed)}\n")
    return MISSED if options.check and missed else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--check", action="store_true", help="end with 3 where one does not hold")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        choices=[goal.name for goal in GOALS],
        help="take these figures alone",
    )
    parser.add_argument("--repos", type=_count, metavar="N", help="1000 if not given")
    parser.add_argument(
        "--quick", action="store_true", help="few repositories, one pair: figures mean little"
    )
    parser.add_argument(
        "--output", type=Path, default=SOURCE / "dist" / "bench", metavar="FOLDER", help="where to"
    )
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 10_000:
        raise argparse.ArgumentTypeError("1 to 10000")
    return count


def _end(number: int, frame: object) -> None:
    del frame
    raise SystemExit(128 + number)


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
