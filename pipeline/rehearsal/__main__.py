"""`python -m pipeline.rehearsal`, which `nox -s rehearse` runs in its locked environment."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands import guarded
from pipeline.rehearsal.play import FAULTS
from pipeline.rehearsal.stage import Wishes, rehearse


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the options and rehearse in the current folder."""
    parser = argparse.ArgumentParser(
        prog="nox -s rehearse --",
        description="Rehearse a complete release of the current commit on this machine.",
    )
    parser.add_argument(
        "--provision", action="store_true", help="first install what this machine lacks, saying so"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where a stopped rehearsal of this commit was"
    )
    parser.add_argument(
        "--fault", choices=FAULTS, default="", help="kill the whole rehearsal at this point"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave the deployed service running at the end"
    )
    given = parser.parse_args(argv)
    wishes = Wishes(given.provision, given.resume, given.fault, given.keep)
    return int(guarded(lambda: rehearse(Path.cwd(), wishes)))


if __name__ == "__main__":
    sys.exit(main())
