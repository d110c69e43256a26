"""Wikis are repositories of their own, beside the one that they belong to."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace

from mgit.model import (
    Action,
    Clone,
    Listing,
    Plan,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    Skip,
)
from mgit.plan.sync import Unreadable, Upstream


def with_wikis(listing: Listing, *, wanted: bool, kept: Container[RepoKey] = ()) -> Listing:
    """A listing with the wikis of its repositories right behind them.

    Args:
        listing: what a source answered.
        wanted: whether wikis are to be kept.
        kept: what there are clones of: a wiki that was once cloned stays listed when wikis are no
            longer wanted, so that nobody takes it for gone.
    """
    there = {repo.key for repo in listing.repos}
    repos: list[RemoteRepo] = []
    for repo in listing.repos:
        repos.append(repo)
        if repo.wiki is None:
            continue
        key = wiki_key(repo)
        if key not in there and (wanted or key in kept):
            repos.append(_wiki(repo, key))
    return listing if len(repos) == len(listing.repos) else replace(listing, repos=tuple(repos))


def wiki_key(repo: RemoteRepo) -> RepoKey:
    """The identity that the wiki of a repository has."""
    return RepoKey(repo.key.forge, f"{repo.key.id}.wiki")


def without_absent(plan: Plan, upstream: Mapping[RepoKey, Upstream]) -> Plan:
    """The plan without clones of wikis that nobody has written yet.

    Forges say that a repository may have a wiki, not that it has one.
    """
    return replace(plan, actions=tuple(_if_there(one, upstream) for one in plan.actions))


def _wiki(repo: RemoteRepo, key: RepoKey) -> RemoteRepo:
    assert repo.wiki is not None  # noqa: S101 - for the type checker: the caller looked
    return replace(
        repo,
        key=key,
        path=replace(repo.path, name=f"{repo.path.name}.wiki"),
        url=repo.wiki,
        default_branch=None,
        empty=None,
        size_kib=None,
        wiki=None,
        wiki_of=repo.key,
    )


def _if_there(action: Action, upstream: Mapping[RepoKey, Upstream]) -> Action:
    if not isinstance(action, Clone) or action.repo.wiki_of is None:
        return action
    repo = action.repo
    match upstream.get(repo.key):
        case Unreadable(message=message, reason=reason):
            return Skip(str(repo.path), action.folder, reason, message, repo.key)
        case RefSnapshot(refs=refs) if not refs:
            detail = "the wiki has no page yet"
            return Skip(str(repo.path), action.folder, Reason.NO_WIKI, detail, repo.key)
        case _:
            return action
