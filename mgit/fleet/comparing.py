"""What is listed beside what is on disk: the plan of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mgit.fleet.kit import Kit
from mgit.fleet.listing import Lister
from mgit.fleet.narrow import clones_for
from mgit.fleet.observe import compare, look_into_gone
from mgit.fleet.recent import only_additions
from mgit.fleet.selecting import policy_of
from mgit.fleet.values import Progress, SyncRequest
from mgit.fleet.wikis import without_absent
from mgit.model import Listing, Plan, RemoteRepo
from mgit.plan.gone import may_be_removed
from mgit.plan.policy import SyncPolicy
from mgit.plan.rest import still_resting
from mgit.plan.select import Selection
from mgit.plan.sync import plan_sync

Wanted = Callable[[Iterable[RemoteRepo], SyncPolicy], Sequence[RemoteRepo]]


def plan_of(
    kit: Kit,
    lister: Lister,
    listings: tuple[Listing, ...],
    selection: Selection,
    request: SyncRequest,
    *,
    wanted: Wanted,
    progress: Progress | None,
) -> tuple[Plan, int]:
    """Ask the upstreams of all that is wanted, look at the clones, and decide.

    Args:
        kit: what the fleet works with.
        lister: has listed the sources.
        listings: what they answered.
        selection: of which repositories.
        request: what the person asks of this run.
        wanted: those of the listed repositories that a policy wants.
        progress: who watches.

    Returns:
        The plan, and how many repositories are left as they are: they were asked a while ago.
    """
    root, tools, driver = kit.settings.root, kit.tools, kit.driver
    clones = clones_for(request, root, tools, driver.tick, listed=not lister.listed_nothing)
    listings = lister.narrowed(listings, clones)
    asleep = still_resting(request.asleep, listings, clones)
    accepted = kit.state.held.acknowledged(root)
    policy = policy_of(kit.settings, selection, request, acknowledged=accepted)
    policy = replace(policy, asleep=asleep)
    compared = compare(
        wanted((repo for one in listings for repo in one.repos), policy),
        clones,
        root=root,
        sources=kit.sources,
        tools=tools,
        git_workers=kit.settings.concurrency,
        driver=driver,
        progress=progress,
        meter=kit.meter,
    )
    looked = {local.folder: local for one in compared for local in one.local}
    looked |= look_into_gone(
        may_be_removed(clones, listings, policy),
        root=root,
        tools=tools,
        workers=kit.settings.concurrency,
        driver=driver,
    )
    upstream = {one.key: one.upstream for one in compared}
    local = [looked.get(clone.folder, clone) for clone in clones]
    plan = without_absent(plan_sync(listings, upstream, local, policy), upstream)
    return (only_additions(plan, clones, lister.quick) if lister.quick else plan), len(asleep)
