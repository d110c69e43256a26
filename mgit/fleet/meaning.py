"""Which clones are meant, where no forge is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mgit.fleet.kit import Kit
from mgit.fleet.observe import find_clones
from mgit.fleet.selecting import policy_of
from mgit.model import LocalRepo, RemoteRepo, RepoKey
from mgit.plan.policy import SyncPolicy
from mgit.plan.select import Named, Selection


def meant_clones(kit: Kit, root: Path, selection: Selection) -> list[LocalRepo]:
    """The clones below a root that a selection means; everything means those of others too.

    What other shards keep is never meant.

    A clone does not know its topics or its language: conditions are judged by the last whole
    listing of its source, where there is one.
    """
    clones = find_clones(root, kit.tools, kit.driver.tick)
    policy = policy_of(kit.settings, selection)
    clones = tuple(clone for clone in clones if policy.keeps(clone.key))
    if selection.everything:
        return list(clones)
    meant = is_meant(kit, policy)
    return [clone for clone in clones if meant(clone)]


def is_meant(kit: Kit, policy: SyncPolicy) -> Callable[[LocalRepo], bool]:
    """Whether a policy means a clone."""
    known = _last_listed(kit) if _has_conditions(policy) else {}

    def meant(clone: LocalRepo) -> bool:
        repo = known.get(clone.key) if clone.key is not None else None
        return policy.means(clone) if repo is None else policy.wants(repo)

    return meant


def _last_listed(kit: Kit) -> dict[RepoKey, RemoteRepo]:
    found: dict[RepoKey, RemoteRepo] = {}
    for source in kit.settings.sources:
        kept = kit.state.last_listing(source.name)
        if kept is not None:
            found |= {repo.key: repo for repo in kept.listing.repos}
    return found


def _has_conditions(policy: SyncPolicy) -> bool:
    selections = (policy.selection, *(one.selection for one in policy.sources.values()))
    return any(
        one.conditions or any(isinstance(term, Named) for term in (*one.include, *one.exclude))
        for one in selections
    )
