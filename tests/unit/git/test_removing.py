"""A clone is deleted only when nothing in it is anybody's; looked at again just before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mgit.git.inspect import scan
from mgit.git.lock import RootLock
from mgit.git.operations import Done, Drifted
from mgit.model import CopyKind, LocalRepo, Reason, Remove
from tests.unit.git.world import World, commit, git


@pytest.fixture(params=list(CopyKind))
def any_kind(request: pytest.FixtureRequest, world: World) -> World:
    world.kind = request.param
    return world


def only(world: World) -> LocalRepo:
    [local] = scan(world.root, world.runner)
    return local


def test_what_is_only_upstreams_is_deleted(any_kind: World) -> None:
    world = any_kind
    world.add("app", tags=("v1.0", "v0.9"))
    world.sync()
    local = only(world)

    with RootLock(world.root, world.runner):
        effect = world.act(Remove(local, local.folder))

    assert effect == Done(folder="acme/app")
    assert [item.name for item in world.root.iterdir()] == [".mgit"]
    assert list((world.root / ".mgit/trash").iterdir()) == []


def test_an_empty_clone_too(any_kind: World) -> None:
    world = any_kind
    world.add("app", commits=0, branches=(), tags=())
    world.sync()
    assert isinstance(world.act(Remove(only(world), "acme/app")), Done)


def on_another_branch(path: Path) -> None:
    git(path, "checkout", "--quiet", "-b", "idea")
    commit(path, "idea.txt")
    git(path, "checkout", "--quiet", "main")


def stashed(path: Path) -> None:
    (path / "README.md").write_text("later\n")
    git(path, "stash", "--quiet")


def ignored(path: Path) -> None:
    (path / ".git/info").mkdir(exist_ok=True)
    (path / ".git/info/exclude").write_text("secret.env\n")
    (path / "secret.env").write_text("mine\n")


def locked(path: Path) -> None:
    (path / ".git/index.lock").touch()


WORK: dict[str, tuple[Callable[[Path], object], Reason]] = {
    "a change": (lambda path: (path / "README.md").write_text("mine\n"), Reason.DIRTY),
    "a file git does not know": (lambda path: (path / "new.txt").touch(), Reason.UNTRACKED),
    "an ignored file": (ignored, Reason.UNTRACKED),
    "a commit": (lambda path: commit(path, "mine.txt"), Reason.DRIFTED),
    "a commit on another branch": (on_another_branch, Reason.UNPUSHED),
    "a stash": (stashed, Reason.UNPUSHED),
    "a tag": (lambda path: git(path, "tag", "-a", "-m", "mine", "mine"), Reason.UNPUSHED),
    "a linked work tree": (
        lambda path: git(path, "worktree", "add", "--quiet", str(path.parent.parent / "w")),
        Reason.DRIFTED,
    ),
    "a git at work": (locked, Reason.LOCKED),
    "a bisection": (lambda path: git(path, "bisect", "start"), Reason.OPERATION),
    "damage": (lambda path: (path / ".git/HEAD").write_text(""), Reason.BROKEN),
}


@pytest.mark.parametrize(("work", "reason"), WORK.values(), ids=WORK.keys())
def test_whatever_is_somebodys_keeps_the_clone(
    world: World, work: Callable[[Path], object], reason: Reason
) -> None:
    world.add("app")
    world.sync()
    action = Remove(only(world), "acme/app")
    path = world.root / "acme/app"
    work(path)
    before = sorted(path.rglob("*"))

    effect = world.act(action)

    assert isinstance(effect, Drifted)
    assert effect.reason is reason
    assert sorted(path.rglob("*")) == before


def test_a_commit_that_no_branch_names_keeps_the_clone(world: World) -> None:
    world.add("app")
    world.sync()
    path = world.root / "acme/app"
    git(path, "checkout", "--quiet", "--detach")
    commit(path, "mine.txt")

    effect = world.act(Remove(only(world), "acme/app"))

    assert isinstance(effect, Drifted)
    assert effect.reason is Reason.UNPUSHED


def test_a_mirror_that_changed_is_kept(world: World) -> None:
    world.kind = CopyKind.MIRROR
    world.add("app")
    world.sync()
    action = Remove(only(world), "acme/app")
    git(world.root / "acme/app", "branch", "mine", "main")

    effect = world.act(action)

    assert isinstance(effect, Drifted)
    assert (world.root / "acme/app/HEAD").exists()


def test_nothing_is_deleted_through_a_link(world: World, tmp_path: Path) -> None:
    world.add("app")
    world.sync()
    action = Remove(only(world), "acme/app")
    elsewhere = tmp_path / "elsewhere"
    (world.root / "acme").rename(elsewhere)
    (world.root / "acme").symlink_to(elsewhere)

    effect = world.act(action)

    assert isinstance(effect, Drifted)
    assert (elsewhere / "app/README.md").exists()
    assert (world.root / "acme").is_symlink()


def test_a_clone_holding_a_link_is_deleted_and_not_what_it_leads_to(
    world: World, tmp_path: Path
) -> None:
    world.kind = CopyKind.MIRROR
    world.add("app")
    world.sync()
    (tmp_path / "thesis.txt").write_text("mine\n")
    (world.root / "acme/app/info").mkdir(exist_ok=True)
    (world.root / "acme/app/info/link").symlink_to(tmp_path)

    assert isinstance(world.act(Remove(only(world), "acme/app")), Done)
    assert (tmp_path / "thesis.txt").read_text() == "mine\n"
