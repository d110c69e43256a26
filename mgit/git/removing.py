"""Deletes a clone that is gone upstream, where the policy says so."""

from __future__ import annotations

from pathlib import Path

from mgit.git.effects import Effect
from mgit.git.runner import GitRunner
from mgit.model import Remove


def remove(runner: GitRunner, root: Path, action: Remove) -> Effect:
    """Delete it."""
    raise NotImplementedError
