"""Which repository belongs to which shard, and that a shard leaves the others' alone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import parse_clone_url
from mgit.model import (
    Archive,
    Clone,
    CopyKind,
    Listing,
    LocalRepo,
    Reason,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Shard,
    Skip,
)
from mgit.plan.policy import SyncPolicy
from mgit.plan.select import Selection
from mgit.plan.shard import holds, keeper
from mgit.plan.sync import plan_sync

KEYS = st.builds(RepoKey, st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
MANY = [RepoKey("forge.example", str(number)) for number in range(10_000)]
# Upper 0.1 % of chi-squared with N-1 degrees of freedom. The keys are fixed, so is the verdict.
CHI_SQUARED = {2: 10.83, 3: 13.82, 8: 24.32, 64: 103.4}


@given(KEYS, st.integers(1, 24))
def test_every_repository_belongs_to_exactly_one_shard(key: RepoKey, count: int) -> None:
    having = [index for index in range(count) if holds(Shard(index, count), key)]
    assert having == [keeper(key, count)]


@given(KEYS, st.integers(1, 24))
def test_one_shard_more_takes_and_nothing_else_moves(key: RepoKey, count: int) -> None:
    assert keeper(key, count + 1) in (keeper(key, count), count)


@given(KEYS, st.integers(1, 24))
def test_a_wiki_goes_with_its_repository(key: RepoKey, count: int) -> None:
    if not key.id.endswith(".wiki"):
        assert keeper(RepoKey(key.forge, f"{key.id}.wiki"), count) == keeper(key, count)


@pytest.mark.parametrize("count", CHI_SQUARED)
def test_shards_are_even(count: int) -> None:
    sizes = Counter(keeper(key, count) for key in MANY)
    even = len(MANY) / count
    assert sum((sizes[n] - even) ** 2 / even for n in range(count)) < CHI_SQUARED[count]


@pytest.mark.parametrize("count", [1, 3, 9])
def test_one_shard_more_takes_its_part(count: int) -> None:
    moved = sum(keeper(key, count) != keeper(key, count + 1) for key in MANY)
    assert moved == pytest.approx(len(MANY) / (count + 1), rel=0.08)


def test_the_largest_number_of_shards_is_quick_enough_to_ask() -> None:
    """10,000 repositories: a digest for each of 4,096 shards would be 41 million."""
    held = sum(holds(Shard(17, 4096), key) for key in MANY)
    assert held < 20


def test_anybody_can_compute_it() -> None:
    """As the documentation says: the greatest SHA-256 of `K:FORGE#ID`."""
    for key in MANY[:50]:
        hexes = [hashlib.sha256(f"{k}:{key}".encode()).hexdigest() for k in range(5)]
        assert keeper(key, 5) == hexes.index(max(hexes))
    assert keeper(RepoKey("github.com", "1296269"), 3) == 2


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_the_shell_line_of_the_documentation_computes_it() -> None:
    line = (
        'for k in 0 1 2; do echo "$(printf %s "$k:github.com#1296269" | sha256sum) $k"; done'
        " | sort | tail -1"
    )
    told = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    assert int(told.split()[-1]) == keeper(RepoKey("github.com", "1296269"), 3)


def remote(number: int, name: str = "") -> RemoteRepo:
    return RemoteRepo(
        RepoKey("forge.example", str(number)),
        "work",
        RepoPath("acme", name or f"app-{number}"),
        parse_clone_url(f"https://forge.example/acme/{number}.git"),
    )


def clone_of(repo: RemoteRepo) -> LocalRepo:
    return LocalRepo(
        f"acme/{repo.path.name}",
        CopyKind.MIRROR,
        repo.key,
        repo.url,
        source=repo.source,
        path=repo.path,
    )


ESTATE = tuple(remote(number) for number in range(60))


def policy(shard: Shard | None, **changes: object) -> SyncPolicy:
    return replace(SyncPolicy(shard=shard, gone="archive"), **changes)


def test_shards_together_clone_everything_once_and_agree_about_folders() -> None:
    twins = (*ESTATE, remote(100, "Twin"), remote(101, "twin"))
    whole = plan_sync([Listing("work", twins)], {}, [], policy(None))
    parts = [
        action
        for index in range(4)
        for action in plan_sync([Listing("work", twins)], {}, [], policy(Shard(index, 4))).actions
    ]
    assert sorted(parts, key=str) == sorted(whole.actions, key=str)
    assert all(isinstance(action, Clone) for action in parts)


def test_what_another_shard_keeps_never_looks_gone() -> None:
    """Not listed any more: only its own shard says so; and the others count it nowhere."""
    shard = Shard(0, 2)
    own = [repo for repo in ESTATE if holds(shard, repo.key)]
    other = [repo for repo in ESTATE if not holds(shard, repo.key)]
    clones = [clone_of(repo) for repo in ESTATE]
    listing = Listing("work", tuple(own[1:]))  # all of the others' vanished, and one of its own
    actions = plan_sync([listing], {}, clones, policy(shard)).actions
    gone = [action for action in actions if isinstance(action, Archive)]
    assert [action.local.key for action in gone] == [own[0].key]
    left = [one for one in actions if isinstance(one, Skip) and one.reason is Reason.OTHER_SHARD]
    assert {one.key for one in left} == {repo.key for repo in other}
    assert left[0].detail == "shard 1/2 keeps it; this copy is left as it is"


def test_what_another_shard_keeps_is_neither_fetched_nor_moved() -> None:
    shard = Shard(0, 2)
    other = next(repo for repo in ESTATE if not holds(shard, repo.key))
    renamed = replace(other, path=RepoPath("acme", "renamed"))
    actions = plan_sync([Listing("work", (renamed,))], {}, [clone_of(other)], policy(shard)).actions
    assert [(type(one), one.folder) for one in actions] == [(Skip, clone_of(other).folder)]


def test_only_selected_copies_of_other_shards_are_mentioned() -> None:
    shard = Shard(0, 2)
    other = next(repo for repo in ESTATE if not holds(shard, repo.key))
    elsewhere = Selection.parse(["acme/something-else"])
    listing = Listing("work", (other,))
    of_it = policy(shard, selection=elsewhere)
    assert plan_sync([listing], {}, [clone_of(other)], of_it).actions == ()


def test_a_resting_source_keeps_its_names_and_is_left_alone() -> None:
    """What it listed last time decides about folders, and nothing else."""
    home = replace(remote(7, "app"), source="home", key=RepoKey("other.example", "7"))
    work = remote(1, "app")
    gone = replace(clone_of(remote(8)), source="home")
    listings = [Listing("work", (work,)), Listing("home", (home,))]
    resting = policy(None, resting=frozenset({"home"}))
    actions = plan_sync(listings, {}, [gone], resting).actions
    assert [(type(one), one.folder) for one in actions] == [(Clone, "acme/app~1")]
