"""Upstream takes refs or commits away: nothing is lost before a person has said yes to that."""

from __future__ import annotations

import json

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop

BRANCHES = tuple(f"topic-{number}" for number in range(8))


def refs_of(work: Laptop, repo: str = "acme/app") -> dict[str, str]:
    told = work.git(repo, "for-each-ref", "--format=%(refname) %(objectname)")
    return dict(line.split(" ") for line in told.splitlines())


def kept_of(work: Laptop, repo: str = "acme/app") -> dict[str, str]:
    kept = refs_of(work, repo).items()
    return {ref.split("/", 4)[4]: oid for ref, oid in kept if ref.startswith("refs/mgit/kept/")}


def audited(work: Laptop, action: str) -> list[dict[str, object]]:
    log = work.home / ".local/state/mgit/audit.jsonl"
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return [one["labels"] for one in records if one["event"]["action"] == action]


@pytest.fixture
def mirrored(work: Laptop, forge: SandboxForge) -> Laptop:
    """A laptop with one mirror of ten refs; no other branch holds the newest commit of main."""
    forge.add_repo("acme", "app", branches=BRANCHES, tags=("v1",))
    forge.push("acme", "app")
    assert work.mgit("sync", "--kind", "mirror").code == 0
    return work


@pytest.mark.parametrize("kind", ["mirror", "worktree"])
@pytest.mark.fault("upstream drops many refs at once")
def test_a_clean_up_beyond_the_limit_is_held_until_exactly_that_is_accepted(
    work: Laptop, forge: SandboxForge, kind: str
) -> None:
    forge.add_repo("acme", "app", branches=BRANCHES, tags=("v1",))
    assert work.mgit("sync", "--kind", kind).code == 0
    before = refs_of(work)
    for name in BRANCHES[:6]:
        forge.delete_ref("acme", "app", f"refs/heads/{name}")

    for _ in range(2):
        ran = work.mgit("sync")
        assert ran.code == 1
        assert "mgit ack" in ran.last_line
        assert refs_of(work) == before
    assert len(audited(work, "refs-held")) == 1, "told once, not on every run"
    assert "held" in work.mgit("list").out
    status = work.mgit("status", "--format", "json").json["repositories"]
    assert status[0]["states"] == ["held"]
    assert status[0]["held"]["reason"] == "upstream-lost-refs"
    assert "held: upstream-lost-refs" in work.mgit("status").out
    assert work.mgit("status", "--fail-on", "held").code == 1

    shown = work.mgit("ack")
    assert [name for name in BRANCHES if name in shown.out] == list(BRANCHES[:6])
    assert "gone" in shown.out
    assert work.mgit("sync").code == 1, "to look is not to accept"

    assert work.mgit("ack", "acme/app").code == 0
    forge.delete_ref("acme", "app", f"refs/heads/{BRANCHES[6]}")
    ran = work.mgit("sync")
    assert ran.code == 1, "upstream changed again: what was accepted is not what would be lost"
    assert refs_of(work) == before

    accepted = work.mgit("ack", "acme/app", "--format", "json").json["held"]
    assert [one["acknowledged"] for one in accepted] == [True]
    assert work.mgit("sync").code == 0
    now = {ref: oid for ref, oid in refs_of(work).items() if not ref.startswith("refs/mgit/kept/")}
    assert len(now) < len(before)
    assert work.mgit("ack", "--format", "json").json["held"] == []
    assert work.mgit("sync").code == 0
    assert work.mgit("status", "--format", "json").json["repositories"] == []
    if kind == "mirror":
        assert set(kept_of(work)) == {f"heads/{name}" for name in BRANCHES[:7]}
    [one, two] = audited(work, "refs-acknowledged")
    assert (one["count"], two["count"]) == ("6", "7")


def test_a_few_branches_may_go_and_a_mirror_keeps_their_tips(
    mirrored: Laptop, forge: SandboxForge
) -> None:
    tip = refs_of(mirrored)["refs/heads/topic-0"]
    forge.delete_ref("acme", "app", "refs/heads/topic-0")
    assert mirrored.mgit("sync").code == 0
    assert kept_of(mirrored) == {"heads/topic-0": tip}
    assert audited(mirrored, "refs-kept")[0]["refs"] == "refs/heads/topic-0"
    assert mirrored.mgit("sync", "--format", "json").json["summary"]["current"] == 1


@pytest.mark.fault("upstream rewritten")
def test_a_rewritten_default_branch_is_held_and_then_kept_beside(
    mirrored: Laptop, forge: SandboxForge
) -> None:
    old = refs_of(mirrored)["refs/heads/main"]
    new = forge.push("acme", "app", rewrite=True)

    ran = mirrored.mgit("sync", "--format", "json")
    assert ran.code == 1
    assert ran.json["outcomes"][0]["reason"] == "upstream-rewritten"
    assert refs_of(mirrored)["refs/heads/main"] == old
    shown = mirrored.mgit("ack").out
    assert f"refs/heads/main  {old[:12]} -> {new[:12]}" in shown

    mirrored.mgit("ack", "acme/app")
    assert mirrored.mgit("sync").code == 0
    assert refs_of(mirrored)["refs/heads/main"] == new
    assert kept_of(mirrored) == {"heads/main": old}


def test_where_that_is_wanted_it_is_followed_at_once(mirrored: Laptop, forge: SandboxForge) -> None:
    old = refs_of(mirrored)["refs/heads/main"]
    new = forge.push("acme", "app", rewrite=True)
    assert mirrored.mgit("sync", env={"MGIT_REWRITTEN": "follow"}).code == 0
    assert refs_of(mirrored)["refs/heads/main"] == new
    assert kept_of(mirrored) == {"heads/main": old}


def test_what_another_branch_still_holds_is_not_lost(mirrored: Laptop, forge: SandboxForge) -> None:
    forge.store.git(forge.store.get("acme", "app"), "branch", "release", "main")
    new = forge.push("acme", "app", rewrite=True)
    assert mirrored.mgit("sync").code == 0
    assert refs_of(mirrored)["refs/heads/main"] == new
    assert kept_of(mirrored) == {}


@pytest.mark.fault("upstream rewritten")
def test_another_branch_and_a_moved_tag_are_followed_and_kept(
    mirrored: Laptop, forge: SandboxForge
) -> None:
    before = refs_of(mirrored)
    forge.push("acme", "app", branch="topic-1", rewrite=True)
    forge.delete_ref("acme", "app", "refs/tags/v1")
    forge.push("acme", "app", branch="topic-2", tag="v1")
    assert mirrored.mgit("sync").code == 0
    kept = kept_of(mirrored)
    assert kept == {
        "heads/topic-1": before["refs/heads/topic-1"],
        "tags/v1": before["refs/tags/v1"],
    }
    now = {ref: oid for ref, oid in refs_of(mirrored).items() if "/kept/" not in ref}
    assert now == forge.refs("acme", "app")


@pytest.mark.fault("upstream emptied")
def test_an_emptied_upstream_is_believed_only_when_a_person_says_so(
    mirrored: Laptop, forge: SandboxForge
) -> None:
    before = refs_of(mirrored)
    for ref in forge.refs("acme", "app"):
        forge.delete_ref("acme", "app", ref)
    assert mirrored.mgit("sync").code == 1
    assert refs_of(mirrored) == before
    mirrored.mgit("ack", "acme/app")
    assert mirrored.mgit("sync").code == 0
    assert kept_of(mirrored) == {ref.removeprefix("refs/"): oid for ref, oid in before.items()}
    assert mirrored.mgit("sync").code == 0


def test_status_that_fetches_is_no_way_around_it(mirrored: Laptop, forge: SandboxForge) -> None:
    before = refs_of(mirrored)
    for name in BRANCHES[:6]:
        forge.delete_ref("acme", "app", f"refs/heads/{name}")
    ran = mirrored.mgit("status", "--fetch")
    assert ran.code == 1
    assert "keeps" in ran.err
    assert refs_of(mirrored) == before


def test_nothing_is_accepted_of_what_is_not_held(mirrored: Laptop) -> None:
    ran = mirrored.mgit("ack", "acme/app")
    assert ran.code == 2
    assert "nothing that is held" in ran.err


def test_what_is_held_can_be_read_by_programs_and_a_long_list_is_cut_for_people(
    work: Laptop, forge: SandboxForge
) -> None:
    assert work.mgit("ack").err.strip().endswith("nothing is held, as of the last sync")
    names = tuple(f"old-{number:02}" for number in range(45))
    forge.add_repo("acme", "app", branches=names)
    forge.add_repo("acme", "tool")
    assert work.mgit("sync", "--kind", "mirror").code == 0
    for name in names[:43]:
        forge.delete_ref("acme", "app", f"refs/heads/{name}")
    assert work.mgit("sync").code == 1

    shown = work.mgit("ack")
    assert "and 3 more; --format json has them all" in shown.out
    assert "1 repository held" in shown.err
    [line] = work.mgit("ack", "--format", "jsonl").out.splitlines()
    record = json.loads(line)
    assert (record["schema"], record["acknowledged"]) == ("mgit.ack.repository/1", False)
    assert len(record["refs"]) == 43
    looked = work.mgit("ack", "--source", "work", "--dry-run", "--format", "jsonl")
    assert json.loads(looked.out)["acknowledged"] is False
    assert work.mgit("sync").code == 1
    accepted = work.mgit("ack", "--source", "work", "--format", "jsonl")
    assert json.loads(accepted.out)["acknowledged"] is True
