"""What the health helper tells of wrong tokens (`mgit.daemon.limit.Guessing`)."""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST = 128
_LINE = re.compile(rb"([0-9A-Za-z:.%_-]{2,100}) ([0-9]{1,6})")

Refused = Callable[[str, int], object]
"""Told of one: the client's address, and how many were not told of before."""


def hear_refusals(refused: Refused) -> Callable[[bytes], None]:
    """An ear for its lines; what is none of them is passed over.

    Args:
        refused: called from the thread that reads.
    """

    def hear(line: bytes) -> None:
        found = _LINE.fullmatch(line)
        if found is not None:
            refused(found[1].decode("ascii"), int(found[2]))

    return hear
