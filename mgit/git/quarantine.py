"""What healing set aside and a person has not looked at yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mgit.git.lock import QUARANTINE

MOST = 10_000
"""Nobody needs to know it more exactly than so many."""
_OF_A_CLONE = frozenset({".git", "HEAD", "config", "objects", "refs", "packed-refs"})


def count_quarantined(root: Path) -> int:
    """How many damaged clones, and configurations that somebody changed, lie below a root.

    A clone without its `HEAD` is one too: it is there because something is missing.
    """
    count = 0
    for _ in _entries(root / QUARANTINE):
        count += 1
        if count >= MOST:
            break
    return count


def _entries(folder: Path) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        if _OF_A_CLONE.intersection((*folders, *files)):
            folders.clear()
            yield path
        else:
            yield from files
