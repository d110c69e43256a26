"""`python -m pipeline.rehearsal`, which `nox -s rehearse` runs in its locked environment."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands import guarded
from pipeline.rehearsal.cut_off import enter
from pipeline.rehearsal.play import FAULTS
from pipeline.rehearsal.stage import Wishes, rehearse


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the options and rehearse in the current folder."""
    words = list(sys.argv[1:] if argv is None else argv)
    given = _parser().parse_args(words)
    here = Path.cwd()
    if given.deny_network:
        handed_on = [word for word in words if word not in ("--deny-network", "--provision")]
        return int(guarded(lambda: enter(here, handed_on)))
    return int(guarded(lambda: rehearse(here, wishes_of(words))))


def wishes_of(words: Sequence[str]) -> Wishes:
    """What the options ask for."""
    given = _parser().parse_args(words)
    return Wishes(given.provision, given.resume, given.fault, given.keep)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nox -s rehearse --",
        description="Rehearse a complete release of the current commit on this machine.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--provision", action="store_true", help="first install what this machine lacks, saying so"
    )
    parser.add_argument(
        "--deny-network",
        action="store_true",
        help="play it all where only loopback is; what it needs is fetched before (Linux, root)",
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
