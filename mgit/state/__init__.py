"""What mgit remembers between runs. A cache: losing it costs time, never correctness."""

from __future__ import annotations

from mgit.state.deliveries import FLOOD, WaitingHint
from mgit.state.held import HeldRepo
from mgit.state.pauses import StoredPause
from mgit.state.remembered import StoredListing, StoredRefs
from mgit.state.scrubs import StoredScrub
from mgit.state.store import PastRun, RunFigures, State, is_change
from mgit.state.turns import StoredTurn
from mgit.state.visits import StoredVisit

__all__ = [
    "FLOOD",
    "HeldRepo",
    "PastRun",
    "RunFigures",
    "State",
    "StoredListing",
    "StoredPause",
    "StoredRefs",
    "StoredScrub",
    "StoredTurn",
    "StoredVisit",
    "WaitingHint",
    "is_change",
]
