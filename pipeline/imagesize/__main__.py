"""`python -m pipeline.imagesize`: is the image small, and much smaller than one of a single stage?

Writes `report.json` and `report.md`; ends with 3 where a mark does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.artifacts.engine import open_engine
from pipeline.artifacts.image import native_platform
from pipeline.imagesize.base import base_for
from pipeline.imagesize.build import compare
from pipeline.imagesize.weigh import table
from pipeline.machine.tools import BASE_IMAGE
from pipeline.project import PLATFORMS, child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

ROOT = Path(__file__).parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.imagesize", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "image-size")
    parser.add_argument("--base", default=BASE_IMAGE, help="base image of all builds")
    emulated = "also a single-stage build for the platform that this machine only emulates"
    parser.add_argument("--emulated", action="store_true", help=emulated)
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    shell = Shell(env=child_environment(), log=options.out / "log.txt")
    try:
        with tempfile.TemporaryDirectory(prefix="mgit-size-") as work:
            engine = open_engine(shell)
            others = {}
            for platform in PLATFORMS if options.emulated else ():
                if platform != native_platform():
                    others[platform] = base_for(shell, options.base, platform, _say)
            report = compare(engine, ROOT, Path(work), options.base, _say, others)
    except PipelineError as error:
        _say(f"error: {error.message}" + (f"; {error.advice}" if error.advice else ""))
        return int(error.exit_code)
    body = msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
    (options.out / "report.json").write_bytes(body)
    (options.out / "report.md").write_text(table(report), encoding="utf-8")
    sys.stdout.write(table(report))
    for mark in report.marks:
        if not mark.holds:
            _say(f"does not hold: {mark.what} is {mark.value:.2f}, limit {mark.limit:.2f}")
    return int(Exit.DONE if report.holds else Exit.GATE)


def _say(line: str) -> None:
    sys.stderr.write(f"image-size: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
