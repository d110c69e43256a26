"""What is different since last time, on the forge and in the clones."""

from __future__ import annotations

import pytest

from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.errors import ExitCode
from mgit.fleet import Change, Fleet, open_fleet
from mgit.plan.select import Selection
from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop


def opened(laptop: Laptop):
    return open_fleet(load_settings(environment=Environment(laptop.environment)))


def sync(laptop: Laptop) -> None:
    with opened(laptop) as fleet:
        list(fleet.apply(fleet.plan()))


def told(laptop: Laptop, *patterns: str, **more: object) -> set[tuple[str, str, str]]:
    with opened(laptop) as fleet:
        changes = fleet.changes(Selection.parse(patterns), **more)  # type: ignore[arg-type]
        return {(one.where, one.what.value, one.name) for one in changes}


@pytest.fixture
def known(work: Laptop, forge: SandboxForge) -> Laptop:
    """Four repositories, cloned, and seen by `changes` once."""
    forge.add_repos("acme", 4)
    sync(work)
    assert told(work) == set()
    return work


def test_the_first_time_there_is_nothing_to_compare_with_and_that_is_said(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 2)
    with opened(work) as fleet:
        assert list(fleet.changes()) == []
        assert any("nothing to compare with" in line for line in fleet.notices)
    with opened(work) as fleet:
        assert list(fleet.changes()) == []
        assert fleet.notices == ()


def test_what_the_forge_did_is_told_once(known: Laptop, forge: SandboxForge) -> None:
    forge.rename("acme", "repo-001", "renamed")
    forge.archive("acme", "repo-002")
    forge.delete("acme", "repo-003")
    forge.set_default_branch("acme", "repo-004", "develop")
    forge.add_repo("acme", "fresh")
    assert {one for one in told(known) if one[0] == "remote" and one[1] != "pushed"} == {
        ("remote", "renamed", "acme/renamed"),
        ("remote", "archived", "acme/repo-002"),
        ("remote", "gone", "acme/repo-003"),
        ("remote", "default-branch", "acme/repo-004"),
        ("remote", "new", "acme/fresh"),
    }
    assert told(known) == set()


def test_what_a_sync_brought_is_told_ref_by_ref(known: Laptop, forge: SandboxForge) -> None:
    forge.push("acme", "repo-001")
    forge.delete_ref("acme", "repo-002", "refs/heads/develop")
    sync(known)
    with opened(known) as fleet:
        found = [one for one in fleet.changes() if one.where == "local"]
    assert {(one.name, one.what.value, one.ref) for one in found} == {
        ("acme/repo-001", "ref-moved", "refs/heads/main"),
        ("acme/repo-001", "ref-moved", "HEAD"),
        ("acme/repo-002", "ref-gone", "refs/heads/develop"),
    }
    moved = next(one for one in found if one.ref == "refs/heads/main")
    assert moved.after == forge.refs("acme", "repo-001")["refs/heads/main"]
    assert moved.before != moved.after


def test_a_clone_that_came_and_one_that_went(known: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "fresh")
    sync(known)
    (known.root / "acme" / "repo-004").rename(known.home / "taken-away")
    local = {one for one in told(known) if one[0] == "local"}
    assert local == {("local", "new", "acme/fresh"), ("local", "gone", "acme/repo-004")}


def test_a_listing_that_failed_makes_nothing_gone(known: Laptop, forge: SandboxForge) -> None:
    forge.fail_next("/api/*", 500, {}, b"", times=100)
    with opened(known) as fleet:
        assert list(fleet.changes()) == []
        assert fleet.code is ExitCode.UNREACHABLE
    forge.rename("acme", "repo-001", "renamed")


def test_a_look_that_does_not_remember_can_be_repeated(known: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "fresh")
    peeked = told(known, remember=False)
    assert ("remote", "new", "acme/fresh") in peeked
    assert told(known) == peeked
    assert told(known) == set()


def test_what_was_not_asked_about_is_told_another_time(known: Laptop, forge: SandboxForge) -> None:
    forge.rename("acme", "repo-001", "renamed")
    forge.rename("acme", "repo-002", "other")
    assert told(known, "renamed") == {("remote", "renamed", "acme/renamed")}
    assert told(known) == {("remote", "renamed", "acme/other")}


def test_a_lost_memory_says_so_and_begins_anew(known: Laptop, forge: SandboxForge) -> None:
    (known.home / ".local" / "state" / "mgit" / "state.db").write_bytes(b"rubbish" * 5000)
    forge.rename("acme", "repo-001", "renamed")
    assert told(known) == set()
    forge.rename("acme", "renamed", "again")
    assert told(known) == {("remote", "renamed", "acme/again")}


def test_only_the_clones_are_looked_at_where_that_is_wanted(
    known: Laptop, forge: SandboxForge
) -> None:
    forge.forget_requests()
    assert told(known, where="local") == set()
    assert forge.requests == ()


def kinds(fleet: Fleet) -> set[type]:
    return {type(one) for one in fleet.changes()}


def test_changes_are_values(known: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "fresh")
    with opened(known) as fleet:
        assert kinds(fleet) == {Change}
