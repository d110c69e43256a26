"""Who follows the loop, beside those that every run has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mgit.daemon.schedule import KeptTurn
from mgit.telemetry.events import Observer


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Somebody who follows the loop; called in its thread, and raises nothing.

    Args:
        observe: gets every event of every run.
        tick: called several times a second.
        turns: told when each source is due, in seconds since 1970, and how often it failed.
    """

    observe: Observer | None = None
    tick: Callable[[], object] | None = None
    turns: Callable[[Mapping[str, KeptTurn]], object] | None = None
