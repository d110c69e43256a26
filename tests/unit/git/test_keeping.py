"""What upstream took back is kept by name and time, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mgit.git.fetching import fetch_refs
from mgit.git.keeping import KEPT_SECONDS, expired, kept_name
from mgit.git.target import Target
from mgit.model import CopyKind
from tests.unit.git.world import World, git

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_name_says_what_and_when() -> None:
    name = kept_name("refs/heads/main", NOW)
    assert name == "refs/mgit/kept/20260131T120000123456Z/heads/main"
    later = NOW + timedelta(seconds=KEPT_SECONDS)
    assert list(expired([name, "refs/heads/main", "refs/mgit/tags/v1"], later)) == []
    assert list(expired([name], later + timedelta(seconds=1))) == [name]


def test_after_ninety_days_the_next_fetch_lets_it_go(world: World) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app", branches=("old", "older"))
    world.sync()
    path = world.folder(repo)
    target = Target(path, CopyKind.MIRROR, repo)
    world.forge.delete_ref("acme", "app", "refs/heads/old")
    long_ago = datetime.now(UTC) - timedelta(seconds=KEPT_SECONDS + 60)
    assert fetch_refs(world.runner, target, world.upstream(repo), now=long_ago).kept == (
        "refs/heads/old",
    )
    assert "refs/mgit/kept" in git(path, "for-each-ref")
    world.forge.push("acme", "app")
    world.sync()
    assert "refs/mgit/kept" not in git(path, "for-each-ref")
