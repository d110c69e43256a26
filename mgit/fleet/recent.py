"""The quick pass: what forges tell of recent pushes, and nothing that needs a whole listing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from mgit.errors import MgitError, RateLimited
from mgit.forges.interface import Forge, TellsChanges
from mgit.model import (
    Action,
    Archive,
    Clone,
    Listing,
    LocalRepo,
    Move,
    Plan,
    Reason,
    Remove,
    RepoKey,
    Skip,
    action_key,
)

MARGIN_SECONDS = 300.0
"""The forge's clock and ours may differ; what is asked about twice costs one request."""


def ask_recent(name: str, forge: Forge, since: float) -> Listing | None:
    """What was pushed to since a time, as an incomplete listing; None to list the whole source.

    Args:
        name: of the source.
        forge: speaks to it.
        since: seconds since 1970.

    Raises:
        RateLimited: the forge wants a pause; a whole listing would not do better.
    """
    if not isinstance(forge, TellsChanges):
        return None
    try:
        changed = forge.changed_since(datetime.fromtimestamp(since - MARGIN_SECONDS, UTC))
    except RateLimited:
        raise
    except MgitError:
        return None
    return Listing(name, changed.repos, complete=False) if changed.complete else None


def only_known(listing: Listing, clones: Iterable[LocalRepo]) -> tuple[Listing, int]:
    """The hints that a clone can be brought up to date from, and the number of the others.

    New and renamed repositories need a whole listing: their folders depend on all others.
    """
    known = {(clone.key, clone.path, clone.url) for clone in clones if clone.key is not None}
    repos = tuple(repo for repo in listing.repos if (repo.key, repo.path, repo.url) in known)
    return replace(listing, repos=repos), len(listing.repos) - len(repos)


def only_additions(plan: Plan, clones: Sequence[LocalRepo], quick: Container[str]) -> Plan:
    """The plan without anything that hints give no right to.

    Args:
        plan: made from listings, some of which are hints.
        clones: all that are on disk.
        quick: names of the sources that gave hints only.
    """
    hinted = {clone.key for clone in clones if clone.source in quick and clone.key is not None}
    actions = tuple(one for one in plan.actions if _adds(one, hinted))
    return replace(plan, actions=actions)


def _adds(action: Action, hinted: Container[RepoKey]) -> bool:
    if action_key(action) not in hinted:
        return True
    match action:
        case Move() | Archive() | Remove() | Clone():
            return False
        case Skip(reason=Reason.LISTING_INCOMPLETE | Reason.GONE):
            return False
        case _:
            return True
