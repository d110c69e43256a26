"""Several mgit keep one estate, each its part, each below a root of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mgit.model import RepoKey
from mgit.plan.shard import keeper
from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop, Ran

REPOS = 24


def add_to_each_shard(forge: SandboxForge, count: int, least: int) -> int:
    """Add repositories, at least so many, until each shard has one; how many there are then.

    Whose a repository is depends on the forge's port, which is another one each time: of nine
    repositories one run in thirteen left one of three shards without any.
    """
    authority = forge.url.partition("://")[2]
    repos = list(forge.add_repos("acme", least))

    def taken() -> set[int]:
        return {keeper(RepoKey(authority, str(repo.id)), count) for repo in repos}

    while taken() != set(range(count)):
        repos.append(forge.add_repo("acme", f"more-{len(repos)}"))
    return len(repos)


def sync(work: Laptop, shard: str, *arguments: str, pod: str = "") -> Ran:
    """One pod: a volume and a state of its own, the configuration shared."""
    place = work.home / f"pod-{pod or shard.partition('/')[0]}"
    variables = {"MGIT_ROOT": str(place / "root"), "MGIT_STATE_DIR": str(place / "state")}
    return work.mgit(
        "sync", "--kind", "mirror", "--format", "json", *arguments,
        env={**variables, "MGIT_SHARD": shard},
    )  # fmt: skip


def folders(root: Path) -> set[str]:
    return {str(path.parent.relative_to(root)) for path in root.glob("*/*/HEAD")}


def summary(ran: Ran) -> Mapping[str, int]:
    assert ran.code == 0, ran.err
    found = ran.json["summary"]
    assert isinstance(found, dict)
    return found


def roots(work: Laptop, count: int) -> list[set[str]]:
    return [folders(work.home / f"pod-{index}" / "root") for index in range(count)]


def test_three_shards_are_the_whole_estate_and_a_fourth_takes_its_part(
    work: Laptop, forge: SandboxForge
) -> None:
    count = add_to_each_shard(forge, 4, REPOS)
    estate = {f"acme/{repo.name}" for repo in forge.store.all()}
    for index in range(3):
        summary(sync(work, f"{index}/3"))
    three = roots(work, 3)
    assert set.union(*three) == estate
    assert sum(len(part) for part in three) == count
    assert all(three)

    # Again: nobody misses what the others keep, and no git is started.
    work.forget_gits()
    for index, part in enumerate(three):
        told = summary(sync(work, f"{index}/3", "--gone", "delete"))
        assert told == {"repositories": len(part), "current": len(part)}
    assert work.gits() == []
    assert roots(work, 3) == three

    # A fourth: what it takes stays where it was, is said to be elsewhere, and nothing else moves.
    fourth = summary(sync(work, "3/4"))["repositories"]
    taken = roots(work, 4)[3]
    assert len(taken) == fourth
    work.forget_gits()
    for index, part in enumerate(three):
        ran = sync(work, f"{index}/4", "--gone", "delete")
        left = sorted(part & taken)
        told = summary(ran)
        assert told["current"] == len(part) - len(left)
        assert told.get("skipped", 0) == len(left)
        outcomes = ran.json["outcomes"]
        assert isinstance(outcomes, list)
        skips = [one for one in outcomes if one["reason"] == "other-shard"]
        assert sorted(one["folder"] for one in skips) == left
        assert all(one["message"].startswith("shard 3/4 keeps it") for one in skips)
    assert work.gits() == []
    assert roots(work, 3) == three
    assert set.union(*three) == estate

    # Back to three: the copies that were left are looked after again.
    forge.push("acme", min(taken).partition("/")[2])
    again = [summary(sync(work, f"{index}/3")) for index in range(3)]
    assert sum(told.get("fetched", 0) for told in again) == 1
    assert sum(told.get("current", 0) for told in again) == count - 1


def test_a_rename_and_a_removal_are_the_business_of_one_shard(
    work: Laptop, forge: SandboxForge
) -> None:
    repos = forge.add_repos("acme", 9)
    for index in range(2):
        summary(sync(work, f"{index}/2"))
    before = roots(work, 2)
    forge.rename("acme", repos[0].name, "renamed")
    forge.delete("acme", repos[1].name)
    told = [summary(sync(work, f"{index}/2", "--gone", "archive")) for index in range(2)]
    assert sum(one.get("moved", 0) for one in told) == 1
    assert sum(one.get("archived", 0) for one in told) == 1
    after = roots(work, 2)
    for old, new in zip(before, after, strict=True):
        assert ("acme/renamed" in new) == (f"acme/{repos[0].name}" in old)
        assert f"acme/{repos[1].name}" not in new


def test_list_and_status_show_one_part_and_say_what_it_is_computed_from(
    work: Laptop, forge: SandboxForge
) -> None:
    count = add_to_each_shard(forge, 3, 9)
    assert work.mgit("sync").code == 0
    shown = 0
    for index in range(3):
        shard = ("--shard", f"{index}/3", "--format", "json")
        listed = work.mgit("list", *shard)
        assert listed.code == 0, listed.err
        rows = listed.json["repositories"]
        assert isinstance(rows, list)
        keys = [RepoKey(**row["key"]) for row in rows]
        assert all(keeper(key, 3) == index for key in keys)
        status = work.mgit("status", "--all", *shard)
        assert status.code == 0, status.err
        seen = status.json["repositories"]
        assert isinstance(seen, list)
        assert len(seen) == len(rows) > 0
        shown += len(rows)
    assert shown == count


def test_changes_does_not_call_gone_what_went_to_another_shard(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 6)
    assert work.mgit("sync").code == 0
    assert work.mgit("changes").code == 0
    ran = work.mgit("changes", "--format", "json", env={"MGIT_SHARD": "0/2"})
    assert ran.code == 0, ran.err
    assert ran.json["changes"] == []


def test_a_quick_pass_waits_for_nothing_that_another_shard_keeps(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 6)
    for index in range(2):
        summary(sync(work, f"{index}/2"))
    forge.add_repo("acme", "brand-new")
    rows = work.mgit("list", "acme/brand-new", "--format", "json").json["repositories"]
    assert isinstance(rows, list)
    own = keeper(RepoKey(**rows[0]["key"]), 2)
    for index in range(2):
        ran = sync(work, f"{index}/2", "--recent")
        assert ran.code == 0, ran.err
        assert ("wait for a whole sync" in ran.err) == (index == own), ran.err


def test_a_shard_without_a_repository_is_no_mistake(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "only")
    rows = work.mgit("list", "--format", "json").json["repositories"]
    assert isinstance(rows, list)
    empty = 1 - keeper(RepoKey(**rows[0]["key"]), 2)
    assert summary(sync(work, f"{empty}/2")) == {"repositories": 0}
    assert work.mgit("list", "--shard", f"{empty}/2").code == 0


@pytest.mark.parametrize("command", ["sync", "serve", "list", "status"])
def test_shards_are_counted_from_0(laptop: Laptop, command: str) -> None:
    ran = laptop.mgit(command, "--shard", "3/3")
    assert ran.code == 2
    assert "--shard: serve.shard must be from 0/3 to 2/3, for shards are counted from 0" in ran.err
    assert "Traceback" not in ran.err
