"""What mgit remembers between runs. A cache: losing it costs time, never correctness."""

from __future__ import annotations

from mgit.state.store import PastRun, State, StoredListing

__all__ = ["PastRun", "State", "StoredListing"]
