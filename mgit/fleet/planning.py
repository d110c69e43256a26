"""From listings to a plan: what is on disk, what each upstream holds, what is to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mgit.fleet.kit import Kit
from mgit.fleet.listing import Lister
from mgit.fleet.observe import compare, find_clones, look_into_gone
from mgit.fleet.recent import only_additions
from mgit.fleet.values import Progress
from mgit.fleet.wikis import without_absent
from mgit.model import Listing, Plan, RemoteRepo
from mgit.plan.gone import may_be_removed
from mgit.plan.policy import SyncPolicy
from mgit.plan.sync import plan_sync


def make_plan(
    kit: Kit,
    lister: Lister,
    listings: Sequence[Listing],
    policy: SyncPolicy,
    wanted: Callable[[Iterable[RemoteRepo]], Sequence[RemoteRepo]],
    progress: Progress | None,
) -> Plan:
    """What is to be done. Changes nothing on disk.

    Args:
        kit: of the fleet.
        lister: of the run; it asked for the listings.
        listings: what the sources answered.
        policy: what the person wants.
        wanted: the repositories that are meant, out of some.
        progress: who watches.

    Raises:
        Interrupted: mgit was told to stop.
    """
    root, concurrency = kit.settings.root, kit.settings.concurrency
    clones = find_clones(root, kit.tools, kit.driver.tick)
    listings = lister.narrowed(listings, clones)
    compared = compare(
        wanted(repo for one in listings for repo in one.repos),
        clones,
        root=root,
        sources=kit.sources,
        tools=kit.tools,
        git_workers=concurrency,
        driver=kit.driver,
        progress=progress,
        meter=kit.meter,
    )
    looked = {local.folder: local for one in compared for local in one.local}
    looked |= look_into_gone(
        may_be_removed(clones, listings, policy),
        root=root,
        tools=kit.tools,
        workers=concurrency,
        driver=kit.driver,
    )
    upstream = {one.key: one.upstream for one in compared}
    local = [looked.get(clone.folder, clone) for clone in clones]
    plan = without_absent(plan_sync(listings, upstream, local, policy), upstream)
    if lister.quick:
        plan = only_additions(plan, clones, lister.quick)
    return plan
