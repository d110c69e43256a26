"""The options of a rehearsal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.rehearsal.play import FAULTS
from pipeline.rehearsal.stage import Wishes


def wishes_of(words: Sequence[str]) -> Wishes:
    """What the options ask for."""
    given = parser().parse_args(words)
    return Wishes(given.provision, given.resume, given.fault, given.keep, given.prove)


def parser() -> argparse.ArgumentParser:
    """What `nox -s rehearse --` understands."""
    options = argparse.ArgumentParser(
        prog="nox -s rehearse --",
        description="Rehearse a complete release of the current commit on this machine.",
        allow_abbrev=False,
    )
    options.add_argument(
        "--provision", action="store_true", help="first install what this machine lacks, saying so"
    )
    options.add_argument(
        "--deny-network",
        action="store_true",
        help="play it all where only loopback is; what it needs is fetched before (Linux, root)",
    )
    options.add_argument(
        "--resume", action="store_true", help="go on where a stopped rehearsal of this commit was"
    )
    options.add_argument(
        "--fault", choices=FAULTS, default="", help="kill the whole rehearsal at this point"
    )
    options.add_argument(
        "--prove", action="store_true", help="also do CI's journal again on this machine"
    )
    options.add_argument(
        "--keep", action="store_true", help="leave the deployed service running at the end"
    )
    return options
