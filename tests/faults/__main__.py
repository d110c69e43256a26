"""`python -m tests.faults [--kills N] [--seed N]`: kills at random and at every write to names.

Writes `dist/faults/faults.json` and `dist/faults/faults.md`. 3 where something was lost, or where
the next run did not heal by itself; 4 without strace.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.random_kills import Kill, Play
from tests.faults.report import write
from tests.faults.traced import Traced, play_all

_KILLS = 500
_OUT = Path("dist") / "faults"
_SAID_NO, _ENVIRONMENT = 3, 4


def main() -> int:
    """Play it all, tell each case, write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=_KILLS, help=f"at random (default {_KILLS})")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is drawn")
    given = parser.parse_args()
    if shutil.which("strace") is None:
        sys.stderr.write("error: no strace: `python -m pipeline.provision --tests` installs it\n")
        return _ENVIRONMENT
    began = time.monotonic()
    kills: list[Kill] = []
    traced: list[Traced] = []
    # Ctrl-C ends it early, with a report of what was played until then.
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="mgit-faults-") as folder,
    ):
        for name in ("traced", "random"):
            Path(folder, name).mkdir()
        for one in play_all(Path(folder) / "traced"):
            traced.append(one)
            _tell(str(one.case), one.verdict.problems)
        for kill in Play(Path(folder) / "random", given.seed).kills(given.kills):
            kills.append(kill)
            _tell(
                f"{len(kills)} {kill.work}, {kill.whom} at {kill.at:.2f} s", kill.verdict.problems
            )
    seconds = time.monotonic() - began
    good = write(_OUT, kills, traced, seed=given.seed, seconds=seconds)
    sys.stdout.write((_OUT / "faults.md").read_text(encoding="utf-8"))
    return 0 if good else _SAID_NO


def _tell(what: str, problems: list[str]) -> None:
    sys.stdout.write(f"{what}: {'; '.join(problems) or 'healed'}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
