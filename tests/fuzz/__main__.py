"""The long form of the fuzz targets: `python -m tests.fuzz --minutes N`.

Runs all targets again and again, each time with more examples, until the time is over or
something is found. What is found stays in `.fuzz/`, and is tried first the next time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
_FIRST = 1000
_MOST = 50_000


def main() -> int:
    """Returns 1 where a target failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--jobs", default="2", help="how many at a time (default 2)")
    parser.add_argument("-k", dest="only", default="", help="only targets of such names")
    given = parser.parse_args()
    end = time.monotonic() + 60 * given.minutes
    examples = _FIRST
    while (left := end - time.monotonic()) > 0:
        print(f"{examples} examples for each target, {left / 60:.1f} minutes left", flush=True)
        env = {
            **{name: value for name, value in os.environ.items() if name != "CI"},
            "MGIT_FUZZ_EXAMPLES": str(examples),
            "MGIT_FUZZ_FOLDER": str(HERE.parents[1] / ".fuzz"),
        }
        only = ["-k", given.only] if given.only else []
        command = [sys.executable, "-m", "pytest", "-q", "-n", given.jobs, *only, str(HERE)]
        try:
            code = subprocess.run(command, env=env, timeout=left + 60, check=False).returncode
        except subprocess.TimeoutExpired:
            print("the time is over; nothing was found in this round so far")
            return 0
        if code:
            return 1
        examples = min(2 * examples, _MOST)
    return 0


if __name__ == "__main__":
    sys.exit(main())
