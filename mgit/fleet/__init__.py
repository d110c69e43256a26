"""The shell around the decisions: observe, plan, apply.

How it is used::

    with open_fleet(settings) as fleet:
        listings = fleet.list(selection)              # tuple[Listing, ...], sources in parallel
        plan = fleet.plan(selection, progress=show)   # Plan; nothing on disk has changed
        for outcome in fleet.apply(plan, progress=show):
            ...                                       # Outcome, as each one ends
        code = exit_code(plan.problems, outcomes)

        for local in fleet.status(path):              # LocalRepo with `worktree` filled in
            ...
        account = fleet.source("work").forge.whoami() # one source, opened with its credential

`open_fleet` starts nothing and talks to nobody; credentials are looked for when a source is first
used. Leaving the `with` block early, also by Ctrl-C, ends every git that still runs.
"""

from __future__ import annotations

from mgit.fleet.fleet import EVERYTHING, Fleet
from mgit.fleet.pool import Stop
from mgit.fleet.sources import Source
from mgit.fleet.values import (
    Change,
    ChangeKind,
    Phase,
    Progress,
    Ran,
    Step,
    SyncRequest,
    exit_code,
)
from mgit.fleet.wiring import Parts, log_events, open_fleet, open_parts

__all__ = [
    "EVERYTHING",
    "Change",
    "ChangeKind",
    "Fleet",
    "Parts",
    "Phase",
    "Progress",
    "Ran",
    "Source",
    "Step",
    "Stop",
    "SyncRequest",
    "exit_code",
    "log_events",
    "open_fleet",
    "open_parts",
]
