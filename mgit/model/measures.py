"""Where the time of a run went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Measures:
    """What one run cost. All in seconds; sums over threads may be more than the run lasted.

    Args:
        total: wall time of the run.
        listing: wall time until all sources had answered.
        comparing: wall time from then until there was a plan.
        applying: wall time from then until all was done.
        asking: time in requests for refs, all threads.
        asked: how many such requests there were.
        git: time in git processes, all threads.
        gits: how many there were.
        paused: time that work stood still since a host wanted a pause or had enough to do.
        queued: time that work waited for a git to be free, or for a lock.
        own_cpu: processor time of mgit itself.
        git_cpu: processor time of what it started.
        workers: gits that may run side by side.
        cores: processors that it may use.
        sources: how long each source took to list.
    """

    total: float = 0.0
    listing: float = 0.0
    comparing: float = 0.0
    applying: float = 0.0
    asking: float = 0.0
    asked: int = 0
    git: float = 0.0
    gits: int = 0
    paused: float = 0.0
    queued: float = 0.0
    own_cpu: float = 0.0
    git_cpu: float = 0.0
    workers: int = 1
    cores: int = 1
    sources: Mapping[str, float] = field(default_factory=lambda: _NONE)
