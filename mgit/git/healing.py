"""Clones a damaged repository anew and swaps it in; the old one is set aside, never deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mgit.address import CloneUrl
from mgit.git.effects import Effect
from mgit.git.runner import GitRunner
from mgit.model import Heal, RefSnapshot


def heal(
    runner: GitRunner, root: Path, action: Heal, *, look: Callable[[CloneUrl], RefSnapshot]
) -> Effect:
    """Clone beside, quarantine the damaged one, swap."""
    raise NotImplementedError
