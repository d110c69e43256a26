"""Text that a service wrote, made fit for a terminal and a ledger."""

from __future__ import annotations

import re

_CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LONGEST = 200


def plain(line: str) -> str:
    """A line of a log without cursor movements and control characters, bounded."""
    text = _CURSOR.sub("", line)
    kept = "".join(character for character in text if character.isprintable())
    return kept.strip()[:_LONGEST]


def last_line(text: str, count: int = 1) -> str:
    """The last lines that say something, in one; empty when none does.

    Args:
        text: what was written.
        count: how many; an error and its advice are two.
    """
    lines = [kept for line in text.splitlines() if (kept := plain(line))]
    return "; ".join(lines[-count:])
