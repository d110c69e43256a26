"""Clones that move or are set aside: what changed in between leaves them where they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mgit.git.operations import Done, Drifted
from mgit.model import Archive, CopyKind, Move, Reason, RepoPath
from tests.unit.git.world import World, commit, git


@pytest.fixture
def moved(world: World) -> tuple[World, Move]:
    """A repository that was cloned, then renamed upstream."""
    repo = world.add("app")
    world.sync()
    world.renamed(repo, "tool")
    (move,) = [action for action in world.plan() if isinstance(action, Move)]
    return world, move


def _reason(effect: object) -> Reason:
    assert isinstance(effect, Drifted)
    return effect.reason


def test_a_clone_that_is_gone_or_damaged_is_not_moved(moved: tuple[World, Move]) -> None:
    world, move = moved
    head = world.root / move.folder / ".git" / "HEAD"
    head.write_text("nonsense")
    assert _reason(world.act(move)) is Reason.BROKEN
    (world.root / move.folder).rename(world.root / "elsewhere")
    assert _reason(world.act(move)) is Reason.DRIFTED


def test_something_in_the_way_is_named(moved: tuple[World, Move]) -> None:
    world, move = moved
    (world.root / move.to).write_text("mine")
    effect = world.act(move)
    assert _reason(effect) is Reason.OCCUPIED
    assert (world.root / move.folder / ".git").is_dir()


def test_into_a_folder_of_its_own_old_name(moved: tuple[World, Move]) -> None:
    world, move = moved
    inside = replace(move, to=f"{move.folder}/deeper")
    beside = world.root / f"{move.folder}~moving"
    beside.write_text("mine")
    assert _reason(world.act(inside)) is Reason.OCCUPIED
    beside.unlink()
    assert isinstance(world.act(inside), Done)
    assert (world.root / inside.to / ".git").is_dir()
    assert not beside.exists()


def test_linked_work_trees_find_their_clone_again(
    moved: tuple[World, Move], tmp_path: Path
) -> None:
    world, move = moved
    linked = tmp_path / "linked"
    git(world.root / move.folder, "worktree", "add", "--quiet", str(linked))
    assert isinstance(world.act(move), Done)
    assert git(linked, "status", "--porcelain") == ""


def test_a_remote_that_a_person_set_is_left_alone(moved: tuple[World, Move]) -> None:
    world, move = moved
    git(world.root / move.folder, "remote", "set-url", "origin", "https://mirror.test/x.git")
    assert isinstance(world.act(move), Done)
    where = git(world.root / move.to, "config", "remote.origin.url").strip()
    assert where == "https://mirror.test/x.git"
    # Told again it has nothing left to do but to say so.
    again = replace(move, folder=move.to)
    assert isinstance(world.act(again), Done)


def test_a_mirror_moves_with_its_configuration(world: World) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app")
    world.sync()
    world.renamed(repo, "tool")
    assert any(isinstance(effect, Done) for effect in world.sync())
    (clone,) = [world.local(repo)]
    assert clone.path == RepoPath("acme", "tool")
    assert not clone.broken


def test_nothing_is_set_aside_that_changed_or_is_not_ours(world: World) -> None:
    repo = world.add("app")
    world.sync()
    local = world.local(repo)
    action = Archive(local, local.folder, ".mgit/archive/acme/app")
    assert _reason(world.act(replace(action, local=replace(local, key=None)))) is Reason.FOREIGN
    commit(world.root / local.folder, "mine.txt")
    assert _reason(world.act(action)) is Reason.DRIFTED
    assert (world.root / local.folder / "mine.txt").exists()


def test_a_place_that_is_taken_gets_a_number(world: World) -> None:
    repo = world.add("app")
    world.sync()
    local = world.local(repo)
    taken = world.root / ".mgit" / "archive" / "acme" / "app"
    taken.mkdir(parents=True)
    (taken / "older").write_text("kept")
    effect = world.act(Archive(local, local.folder, ".mgit/archive/acme/app"))
    assert isinstance(effect, Done)
    assert effect.folder == ".mgit/archive/acme/app~2"
    assert (world.root / effect.folder / ".git").is_dir()
