"""Shallow and partial clones are exact in what they keep, and a person can go on working."""

from __future__ import annotations

import pytest

from mgit.errors import NetworkError
from mgit.git.identity import read_identity
from mgit.git.inspect import git_dir_of
from mgit.git.operations import Done
from mgit.model import CopyKind, CopyOptions, FastForward, Reason, RemoteRepo, Skip
from tests.unit.git.world import CANARY, World, commit, git


@pytest.fixture(params=list(CopyKind))
def any_kind(request: pytest.FixtureRequest, world: World) -> World:
    world.kind = request.param
    return world


def exact(world: World, repo: RemoteRepo) -> bool:
    return dict(world.local(repo).refs.refs) == world.forge.refs("acme", repo.path.name)


def shake(world: World) -> None:
    """Every kind of change upstream."""
    world.forge.push("acme", "app")
    world.forge.push("acme", "app", branch="new/topic", tag="v2.0")
    world.forge.push("acme", "app", branch="develop", rewrite=True)
    world.forge.delete_ref("acme", "app", "refs/tags/v1.0")


def commits(world: World, repo: RemoteRepo, *revisions: str) -> int:
    return int(git(world.folder(repo), "rev-list", "--count", *revisions))


def test_a_shallow_clone_keeps_its_depth_and_all_tips(any_kind: World) -> None:
    world = any_kind
    world.options = CopyOptions(depth=2)
    repo = world.add("app", commits=9, branches=("develop",), tags=("v1.0",))

    world.sync()
    assert exact(world, repo)
    assert commits(world, repo, "main") == 2

    shake(world)
    world.sync()
    assert exact(world, repo)
    assert commits(world, repo, "main") == 2
    git_dir = git_dir_of(world.folder(repo), world.kind)
    known = read_identity(git_dir)
    assert known is not None
    assert known.options == CopyOptions(depth=2)
    assert [type(action) for action in world.plan()] == [Skip]


def test_history_that_ones_own_commits_stand_on_is_not_cut(world: World) -> None:
    world.options = CopyOptions(depth=1)
    repo = world.add("app", commits=5)
    world.sync()
    path = world.folder(repo)
    mine = commit(path, "mine.txt")
    world.forge.push("acme", "app")

    [effect] = world.sync()

    assert isinstance(effect, Done)
    assert effect.held is Reason.DIVERGED
    assert git(path, "rev-parse", "HEAD") == mine
    assert git(path, "merge-base", "HEAD", "origin/main") == git(path, "rev-parse", "HEAD~1")
    git(path, "-c", "user.name=Ada", "-c", "user.email=a@b.c", "rebase", "--quiet", "origin/main")
    assert commits(world, repo, "origin/main..HEAD") == 1


def test_a_clone_that_somebody_completed_stays_whole(world: World) -> None:
    world.options = CopyOptions(depth=1)
    repo = world.add("app", commits=5)
    world.sync()
    path = world.folder(repo)
    source = str(world.forge.store.path(world.forge.store.get("acme", "app")))
    git(path, "fetch", "--quiet", "--unshallow", source)
    world.forge.push("acme", "app")

    world.sync()

    assert exact(world, repo)
    assert commits(world, repo, "main") == 6


def missing(world: World, repo: RemoteRepo) -> list[str]:
    """Objects that are upstream's until they are needed, without asking for them."""
    listed = git(world.folder(repo), "rev-list", "--objects", "--all", "--missing=print")
    return [line for line in listed.splitlines() if line.startswith("?")]


def test_a_partial_clone_leaves_contents_upstream(any_kind: World) -> None:
    world = any_kind
    world.options = CopyOptions(filter="blob:none")
    repo = world.add("app", commits=6)

    world.sync()
    assert missing(world, repo) != []
    shake(world)
    world.forge.push("acme", "app", branch="other", files={"large.bin": "x" * 5000})
    app = world.forge.store.get("acme", "app")
    large = world.forge.store.git(app, "rev-parse", "other:large.bin").strip()
    world.sync()

    assert exact(world, repo)
    assert f"?{large}" in missing(world, repo), "what came since is left there as well"
    config = (git_dir_of(world.folder(repo), world.kind) / "config").read_text()
    assert git(world.folder(repo), "config", "remote.origin.promisor") == "true"
    assert git(world.folder(repo), "config", "remote.origin.partialclonefilter") == "blob:none"
    assert git(world.folder(repo), "config", "remote.origin.url") == str(repo.url)
    assert CANARY not in config
    assert config.count("[remote ") == (2 if world.kind is CopyKind.MIRROR else 1)
    assert [type(action) for action in world.plan()] == [Skip]


def test_a_partial_work_tree_gets_what_it_needs_as_it_moves(world: World) -> None:
    world.options = CopyOptions(filter="blob:none")
    repo = world.add("app", commits=3)
    world.sync()
    path = world.folder(repo)
    assert git(path, "status", "--short", "--branch") == "## main...origin/main"
    world.forge.push("acme", "app", files={"news.txt": "fresh\n", "README.md": "other\n"})

    [action] = world.plan()
    assert isinstance(action, FastForward)
    world.sync()

    assert (path / "news.txt").read_text() == "fresh\n"
    git(path, "mv", "news.txt", "old-news.txt")
    (path / "README.md").write_text("mine\n")
    [action] = world.plan()
    assert isinstance(action, Skip)


def test_the_persons_own_git_fetches_what_is_missing(world: World) -> None:
    """With their own credential: here the forge on this machine, without any."""
    world.options = CopyOptions(filter="blob:none")
    repo = world.add("app", commits=3)
    world.sync()
    path = world.folder(repo)
    source = world.forge.store.path(world.forge.store.get("acme", "app"))
    git(source, "config", "uploadpack.allowFilter", "true")
    git(source, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(path, "remote", "set-url", "origin", str(source))

    git(path, "checkout", "--quiet", "v1.0~1")

    assert "Revision 2" in (path / "README.md").read_text()


def test_the_state_of_a_partial_work_tree_needs_no_network(world: World) -> None:
    world.options = CopyOptions(filter="blob:none")
    repo = world.add("app", commits=4)
    world.sync()
    path = world.folder(repo)
    git(path, "rm", "--quiet", "--cached", "docs/1.md")
    git(path, "update-index", "--add", "--cacheinfo", f"100644,{'1' * 40},docs/other.md")
    world.forge.close()

    from mgit.git.inspect import inspect_worktree

    tree = inspect_worktree(world.runner, path)
    assert tree.changed >= 2


def test_what_a_partial_clone_cannot_get_is_said(world: World) -> None:
    world.options = CopyOptions(filter="blob:none")
    world.add("app")
    [action] = world.plan()
    with world.forge.hold("*/nothing"):
        world.forge.fail_next("*/git-upload-pack", 500, times=9)
        with pytest.raises(NetworkError):
            world.act(action)
    assert not (world.root / "acme/app").exists()
