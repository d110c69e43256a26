"""From listings to a plan: what is on disk, what each upstream holds, what is to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mgit.fleet.kit import Kit
from mgit.fleet.listing import Lister
from mgit.fleet.narrow import clones_for
from mgit.fleet.observe import compare, look_into_gone
from mgit.fleet.recent import only_additions
from mgit.fleet.values import Progress, SyncRequest
from mgit.fleet.wikis import without_absent
from mgit.model import Listing, Plan, RemoteRepo
from mgit.plan.gone import may_be_removed
from mgit.plan.policy import SyncPolicy
from mgit.plan.rest import still_resting
from mgit.plan.sync import plan_sync

Wanted = Callable[[Iterable[RemoteRepo], SyncPolicy], Sequence[RemoteRepo]]


def make_plan(
    kit: Kit,
    lister: Lister,
    listings: Sequence[Listing],
    policy: SyncPolicy,
    wanted: Wanted,
    request: SyncRequest,
    progress: Progress | None,
) -> tuple[Plan, int]:
    """What is to be done, and how many repositories rest. Changes nothing on disk.

    Args:
        kit: of the fleet.
        lister: of the run; it asked for the listings.
        listings: what the sources answered.
        policy: what the person wants.
        wanted: the repositories that a policy means, out of some.
        request: what the person asks of this run.
        progress: who watches.

    Raises:
        Interrupted: mgit was told to stop.
    """
    root, workers = kit.settings.root, kit.settings.concurrency
    listed = not lister.listed_nothing
    clones = clones_for(request, root, kit.tools, kit.driver.tick, listed=listed)
    listings = lister.narrowed(listings, clones)
    asleep = still_resting(request.asleep, listings, clones)
    policy = replace(policy, asleep=asleep)
    compared = compare(
        wanted((repo for one in listings for repo in one.repos), policy),
        clones,
        root=root,
        sources=kit.sources,
        tools=kit.tools,
        git_workers=workers,
        driver=kit.driver,
        progress=progress,
        meter=kit.meter,
    )
    looked = {local.folder: local for one in compared for local in one.local}
    looked |= look_into_gone(
        may_be_removed(clones, listings, policy),
        root=root,
        tools=kit.tools,
        workers=workers,
        driver=kit.driver,
    )
    upstream = {one.key: one.upstream for one in compared}
    local = [looked.get(clone.folder, clone) for clone in clones]
    plan = without_absent(plan_sync(listings, upstream, local, policy), upstream)
    if lister.quick:
        plan = only_additions(plan, clones, lister.quick)
    return plan, len(asleep)
