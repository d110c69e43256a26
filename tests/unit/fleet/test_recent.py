"""A quick pass: hints add work, and give no right to anything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mgit.address import parse_clone_url
from mgit.errors import ForgeError, RateLimited
from mgit.fleet.recent import MARGIN_SECONDS, ask_recent, only_additions, only_known
from mgit.forges.interface import Account, Changed
from mgit.model import (
    Archive,
    Clone,
    CopyKind,
    Fetch,
    Listing,
    LocalRepo,
    Move,
    Plan,
    Reason,
    RefSnapshot,
    RemoteRepo,
    Remove,
    RepoKey,
    RepoPath,
    Skip,
)

URL = parse_clone_url("https://git.example.com/acme/tool.git")
TOOL = RemoteRepo(RepoKey("git.example.com", "7"), "work", RepoPath("acme", "tool"), URL)
HERE = LocalRepo("acme/tool", CopyKind.MIRROR, TOOL.key, URL, source="work", path=TOOL.path)


class Silent:
    """A forge that only lists."""

    git_origin = URL.origin
    git_username = "x"

    def list_repos(self) -> Listing:
        raise AssertionError("a quick pass does not list")

    def whoami(self) -> Account:
        raise AssertionError("nobody asked")


class Telling(Silent):
    """A forge that tells its news."""

    def __init__(self, *, complete: bool = True, error: Exception | None = None) -> None:
        self.asked: list[datetime] = []
        self._complete = complete
        self._error = error

    def changed_since(self, since: datetime) -> Changed:
        self.asked.append(since)
        if self._error is not None:
            raise self._error
        return Changed((TOOL,), self._complete, since)


def test_news_are_asked_for_with_room_for_two_clocks():
    forge = Telling()
    assert ask_recent("work", forge, 10_000.0) == Listing("work", (TOOL,), complete=False)
    assert forge.asked == [datetime.fromtimestamp(10_000 - MARGIN_SECONDS, UTC)]


@pytest.mark.parametrize(
    "forge", [Silent(), Telling(complete=False), Telling(error=ForgeError("no such thing"))]
)
def test_who_has_no_news_or_not_all_of_them_is_listed_whole(forge):
    assert ask_recent("work", forge, 10_000.0) is None


def test_a_forge_that_wants_a_pause_is_not_asked_for_more():
    forge = Telling(error=RateLimited("later", retry_after=60))
    with pytest.raises(RateLimited):
        ask_recent("work", forge, 10_000.0)


def test_only_what_has_a_clone_under_its_name_can_be_brought_up_to_date():
    listing = Listing("work", (TOOL,), complete=False)
    assert only_known(listing, [HERE]) == (listing, 0)
    renamed = replace(HERE, path=RepoPath("acme", "was"))
    assert only_known(listing, [renamed]) == (replace(listing, repos=()), 1)
    assert only_known(listing, []) == (replace(listing, repos=()), 1)


@pytest.mark.parametrize(
    "action",
    [
        Move(TOOL, "acme/tool", "acme/new"),
        Archive(HERE, "acme/tool", ".mgit/gone/tool"),
        Remove(HERE, "acme/tool"),
        Clone(TOOL, "acme/tool", CopyKind.MIRROR),
        Skip("acme/tool", "acme/tool", Reason.LISTING_INCOMPLETE, key=TOOL.key),
    ],
)
def test_hints_neither_move_nor_remove_nor_conclude(action):
    assert only_additions(Plan((action,)), [HERE], {"work"}).actions == ()
    assert only_additions(Plan((action,)), [HERE], {"another"}).actions == (action,)


def test_hints_fetch():
    fetch = Fetch(TOOL, "acme/tool", CopyKind.MIRROR, RefSnapshot())
    assert only_additions(Plan((fetch,)), [HERE], {"work"}).actions == (fetch,)
