"""What mgit remembers between runs. A cache: losing it costs time, never correctness."""

from __future__ import annotations

from mgit.state.held import HeldRepo
from mgit.state.pauses import StoredPause
from mgit.state.remembered import StoredListing, StoredRefs
from mgit.state.scrubs import StoredScrub
from mgit.state.store import PastRun, State
from mgit.state.turns import StoredTurn

__all__ = [
    "HeldRepo",
    "PastRun",
    "State",
    "StoredListing",
    "StoredPause",
    "StoredRefs",
    "StoredScrub",
    "StoredTurn",
]
