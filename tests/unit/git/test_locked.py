"""Where another git is at work, or another repository lives, mgit says so and keeps off."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.git.inspect import read_local, scan
from mgit.model import CopyKind, FastForward, Reason, Skip
from tests.unit.git.world import World, commit, git


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "config.lock", "packed-refs.lock"])
def test_a_persons_git_at_work_is_seen(world: World, name: str) -> None:
    repo = world.add("app")
    world.sync()
    lock = world.folder(repo) / ".git" / name
    lock.touch()
    world.forge.push("acme", "app")
    head = git(world.folder(repo), "rev-parse", "HEAD")

    assert world.local(repo).locked == name
    [action] = world.plan()
    assert isinstance(action, Skip)
    assert action.reason is Reason.LOCKED
    world.sync()

    assert lock.exists()
    assert git(world.folder(repo), "rev-parse", "HEAD") == head
    lock.unlink()
    assert [type(action) for action in world.plan()] == [FastForward]


def test_the_lock_of_a_git_of_ours_that_was_killed_is_removed(world: World) -> None:
    repo = world.add("app")
    world.sync()
    tip = world.forge.push("acme", "app")
    git_dir = world.folder(repo) / ".git"
    (git_dir / "mgit.moving").touch()
    (git_dir / "index.lock").touch()

    world.sync()

    assert git(world.folder(repo), "rev-parse", "HEAD") == tip
    assert not (git_dir / "index.lock").exists()
    assert not (git_dir / "mgit.moving").exists()


def test_what_is_not_a_clone_of_its_own_is_named_and_left(world: World, tmp_path: Path) -> None:
    world.add("lib")
    app = world.add("app")
    world.sync()
    path = world.folder(app)
    git(path, "worktree", "add", "--quiet", str(world.root / "acme/linked"), "develop")
    source = str(world.root / "acme/lib")
    allow = ("-c", "protocol.file.allow=always")
    git(path, *allow, "submodule", "--quiet", "add", "--name", "x", source, "sub")
    elsewhere = world.root / "acme/sub"
    (path / "sub").rename(elsewhere)
    git(tmp_path, "init", "--quiet", "--separate-git-dir", "real", str(world.root / "acme/apart"))

    found = {local.folder: local for local in scan(world.root)}

    assert found["acme/linked"].broken == "its .git is a link: another clone's work tree"
    assert found["acme/sub"].broken == "its .git is a link: another repository's submodule"
    assert found["acme/apart"].broken == "its .git is a link: its git directory is elsewhere"
    assert {found[f"acme/{name}"].key for name in ("linked", "sub", "apart")} == {None}
    assert found["acme/app"].broken == ""


def test_a_mirror_with_linked_work_trees_and_one_that_borrows_objects(world: World) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    git(path, "worktree", "add", "--quiet", "--detach", str(world.root.parent / "w"), "develop")
    git(world.root, "clone", "--quiet", "--reference", str(path), str(path), "borrower")
    world.forge.push("acme", "app")

    world.sync()

    assert world.local(repo).refs == world.upstream(repo)
    assert git(world.root.parent / "w", "status", "--short") == ""
    borrower = read_local(world.root, "borrower")
    assert (borrower.key, borrower.broken) == (None, "")
    commit(world.root / "borrower", "mine.txt")
