"""`python -m pipeline.rehearsal`, which `nox -s rehearse` runs in its locked environment."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.invocation import guarded
from pipeline.rehearsal.cut_off import enter
from pipeline.rehearsal.stage import rehearse
from pipeline.rehearsal.wishes import parser, wishes_of


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the options and rehearse in the current folder."""
    words = list(sys.argv[1:] if argv is None else argv)
    given = parser().parse_args(words)
    here = Path.cwd()
    if given.deny_network:
        handed_on = [word for word in words if word not in ("--deny-network", "--provision")]
        return int(guarded(lambda: enter(here, handed_on)))
    return int(guarded(lambda: rehearse(here, wishes_of(words))))


if __name__ == "__main__":
    sys.exit(main())
