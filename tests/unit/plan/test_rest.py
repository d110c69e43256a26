"""What wakes a repository that was meant to rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from mgit.address import parse_clone_url
from mgit.model import CopyKind, Listing, LocalRepo, RemoteRepo, RepoKey, RepoPath
from mgit.plan.rest import MARGIN_SECONDS, still_resting

ASKED = 1_800_000_000.0
KEY = RepoKey("git.example.com", "7")
URL = parse_clone_url("https://git.example.com/acme/tool.git")
PATH = RepoPath("acme", "tool")
LISTED = RemoteRepo(KEY, "work", PATH, URL)
CLONE = LocalRepo("acme/tool", CopyKind.MIRROR, KEY, url=URL, source="work", path=PATH)


def rests(repo: RemoteRepo | None = LISTED, clone: LocalRepo | None = CLONE) -> bool:
    listing = Listing("work", (repo,) if repo else ())
    return KEY in still_resting({KEY: ASKED}, [listing], [clone] if clone else [])


def pushed(seconds: float) -> RemoteRepo:
    return replace(LISTED, pushed_at=datetime.fromtimestamp(seconds, UTC))


def test_it_rests_where_nothing_is_known_to_be_different():
    assert rests()
    assert rests(pushed(ASKED - MARGIN_SECONDS - 1))


def test_a_push_that_the_listing_tells_of_wakes_it():
    assert not rests(pushed(ASKED + 60))
    assert not rests(pushed(ASKED - MARGIN_SECONDS / 2))  # clocks differ


def test_so_does_another_name_or_address():
    assert not rests(replace(LISTED, path=RepoPath("acme", "other")))
    assert not rests(replace(LISTED, url=parse_clone_url("https://git.example.com/b/tool.git")))


def test_and_whatever_is_wrong_on_disk():
    assert not rests(clone=None)
    assert not rests(clone=replace(CLONE, broken="HEAD is missing"))


def test_what_is_not_listed_does_not_rest_it_is_judged():
    assert not rests(repo=None)


def test_nothing_rests_unless_it_was_meant_to():
    assert still_resting({}, [Listing("work", (LISTED,))], [CLONE]) == frozenset()
