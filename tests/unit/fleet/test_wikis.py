"""Wikis are repositories of their own, and one that nobody wrote is no failure."""

from __future__ import annotations

from dataclasses import replace

from mgit.address import parse_clone_url
from mgit.fleet.wikis import wiki_key, with_wikis, without_absent
from mgit.model import (
    Clone,
    CopyKind,
    Fetch,
    Listing,
    Plan,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Skip,
)
from mgit.plan.sync import Unreadable

URL = "https://git.example.com/acme/tool"
TOOL = RemoteRepo(
    RepoKey("git.example.com", "7"),
    "work",
    RepoPath("acme", "tool"),
    parse_clone_url(f"{URL}.git"),
    default_branch="trunk",
    archived=True,
    wiki=parse_clone_url(f"{URL}.wiki.git"),
)
PLAIN = replace(TOOL, key=RepoKey("git.example.com", "8"), wiki=None)
WIKI = RepoKey("git.example.com", "7.wiki")


def test_a_wiki_follows_its_repository():
    listing = with_wikis(Listing("work", (TOOL, PLAIN)), wanted=True)
    assert [repo.key.id for repo in listing.repos] == ["7", "7.wiki", "8"]
    wiki = listing.repos[1]
    assert str(wiki.path) == "acme/tool.wiki"
    assert (wiki.url, wiki.wiki, wiki.wiki_of) == (TOOL.wiki, None, TOOL.key)
    assert (wiki.default_branch, wiki.archived, wiki.source) == (None, True, "work")


def test_nobody_gets_a_wiki_who_does_not_want_one():
    listing = Listing("work", (TOOL,))
    assert with_wikis(listing, wanted=False) is listing


def test_a_wiki_that_was_cloned_once_stays_listed():
    listing = with_wikis(Listing("work", (TOOL,)), wanted=False, kept={WIKI})
    assert [repo.key for repo in listing.repos] == [TOOL.key, WIKI]


def test_twice_is_once():
    once = with_wikis(Listing("work", (TOOL,)), wanted=True)
    assert with_wikis(once, wanted=True, kept={WIKI}) is once


def plan_of(upstream: object) -> Plan:
    wiki = with_wikis(Listing("work", (TOOL,)), wanted=True).repos[1]
    plan = Plan((Clone(wiki, "acme/tool.wiki", CopyKind.MIRROR),))
    return without_absent(plan, {} if upstream is None else {wiki.key: upstream})  # type: ignore[dict-item]


def test_a_wiki_that_is_not_there_is_left_alone_without_a_failure():
    (action,) = plan_of(Unreadable("404", Reason.NO_WIKI)).actions
    assert action == Skip("acme/tool.wiki", "acme/tool.wiki", Reason.NO_WIKI, "404", WIKI)


def test_a_wiki_without_a_page_is_none():
    (action,) = plan_of(RefSnapshot()).actions
    assert isinstance(action, Skip)
    assert action.reason is Reason.NO_WIKI


def test_a_wiki_that_is_there_is_cloned():
    (action,) = plan_of(RefSnapshot({"refs/heads/main": "1" * 40})).actions
    assert isinstance(action, Clone)


def test_other_actions_are_none_of_its_business():
    plan = Plan((Fetch(TOOL, "acme/tool", CopyKind.MIRROR, RefSnapshot()),))
    assert without_absent(plan, {}) == plan
    assert wiki_key(TOOL) == WIKI
