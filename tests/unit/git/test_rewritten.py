"""Upstream was rewritten: who has nothing of their own follows in one run, all others stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.git.operations import Done
from mgit.model import CopyKind, CopyOptions, FastForward, Reason, RemoteRepo, Skip
from tests.unit.git.world import World, commit, git


@pytest.fixture
def repo(world: World) -> RemoteRepo:
    repo = world.add("app")
    world.sync()
    return repo


def take_back(world: World) -> None:
    """Upstream forgets its last commit."""
    store = world.forge.store
    app = store.get("acme", "app")
    store.git(app, "update-ref", "refs/heads/main", "refs/heads/main~1")


@pytest.mark.fault("upstream rewritten")
def test_a_clean_branch_follows_in_one_run_and_its_reflog_keeps_the_old(
    world: World, repo: RemoteRepo
) -> None:
    path = world.folder(repo)
    before = git(path, "rev-parse", "HEAD")
    tip = world.forge.push("acme", "app", rewrite=True, files={"new.txt": "new\n"})

    [effect] = world.sync()

    assert isinstance(effect, Done)
    assert effect.held is None
    assert before[:12] in effect.detail
    assert effect.rewritten
    assert git(path, "rev-parse", "main") == tip
    assert git(path, "status", "--short", "--branch") == "## main...origin/main"
    assert sorted(item.name for item in path.iterdir()) == [".git", "new.txt"]
    assert before in git(path, "log", "--walk-reflogs", "--format=%H", "main")
    [rest] = world.plan()
    assert isinstance(rest, Skip)
    assert rest.reason is Reason.CURRENT


def test_a_commit_that_upstream_took_back_goes_here_too(world: World, repo: RemoteRepo) -> None:
    take_back(world)
    world.sync()
    path = world.folder(repo)
    assert git(path, "status", "--short", "--branch") == "## main...origin/main"
    assert [type(action) for action in world.plan()] == [Skip]


def test_a_branch_behind_the_old_tip_follows_too(world: World, repo: RemoteRepo) -> None:
    path = world.folder(repo)
    git(path, "reset", "--quiet", "--hard", "HEAD~1")
    tip = world.forge.push("acme", "app", rewrite=True)
    world.sync()
    assert git(path, "rev-parse", "HEAD") == tip


@pytest.mark.fault("killed anywhere")
def test_a_run_that_died_between_fetch_and_move_is_made_good(
    world: World, repo: RemoteRepo
) -> None:
    path = world.folder(repo)
    (path / "README.md").write_text("a thought\n")
    tip = world.forge.push("acme", "app", rewrite=True)
    [held] = world.sync()
    assert isinstance(held, Done)
    assert not held.rewritten
    assert held.held is Reason.DIRTY, "as far as the fetch, like a run that was killed then"
    git(path, "checkout", "--quiet", "README.md")

    [action] = world.plan()
    assert isinstance(action, FastForward)
    world.sync()
    assert git(path, "rev-parse", "HEAD") == tip


def test_a_commit_that_the_person_took_back_themselves_is_theirs(
    world: World, repo: RemoteRepo
) -> None:
    path = world.folder(repo)
    mine = git(path, "rev-parse", "HEAD")
    take_back(world)
    git(path, "update-ref", "-m", "update by push", "refs/remotes/origin/main", "HEAD~1")

    [action] = world.plan()

    assert isinstance(action, Skip)
    assert action.reason is Reason.UNPUSHED
    assert git(path, "rev-parse", "HEAD") == mine


@pytest.mark.parametrize("what", ["changed", "staged", "deleted", "conflict"])
def test_a_dirty_tree_stays(world: World, repo: RemoteRepo, what: str) -> None:
    path = world.folder(repo)
    before = git(path, "rev-parse", "HEAD")
    match what:
        case "changed":
            (path / "README.md").write_text("half a thought\n")
        case "staged":
            (path / "fresh.txt").write_text("fresh\n")
            git(path, "add", "fresh.txt")
        case "deleted":
            (path / "README.md").unlink()
        case _:
            git(path, "update-index", "--force-remove", "README.md")
    shown = git(path, "status", "--porcelain")
    world.forge.push("acme", "app", rewrite=True)

    [effect] = world.sync()

    assert isinstance(effect, Done)
    assert effect.held is Reason.DIRTY
    assert git(path, "rev-parse", "HEAD") == before
    assert git(path, "status", "--porcelain") == shown
    assert world.local(repo).refs == world.upstream(repo)


@pytest.mark.fault("upstream rewritten")
def test_a_commit_of_ones_own_stays(world: World, repo: RemoteRepo) -> None:
    path = world.folder(repo)
    mine = commit(path, "mine.txt")
    world.forge.push("acme", "app", rewrite=True)
    [effect] = world.sync()
    assert isinstance(effect, Done)
    assert effect.held is Reason.DIVERGED
    assert git(path, "rev-parse", "HEAD") == mine
    [again] = world.plan()
    assert isinstance(again, Skip)
    assert again.reason is Reason.DIVERGED


def test_a_stash_and_other_branches_stay_what_they_are(world: World, repo: RemoteRepo) -> None:
    path = world.folder(repo)
    git(path, "checkout", "--quiet", "-b", "idea")
    mine = commit(path, "idea.txt")
    git(path, "checkout", "--quiet", "main")
    (path / "README.md").write_text("later\n")
    git(path, "stash", "--quiet")
    tip = world.forge.push("acme", "app", rewrite=True, files={"README.md": "new\n"})

    world.sync()

    assert git(path, "rev-parse", "HEAD", "idea").split() == [tip, mine]
    assert git(path, "show", "stash@{0}:README.md") == "later"


@pytest.mark.parametrize("name", ["notes.txt", "secret.env", "folder/deep.txt"])
def test_untracked_and_ignored_files_in_the_way_stop_it(
    world: World, repo: RemoteRepo, name: str
) -> None:
    path = world.folder(repo)
    before = git(path, "rev-parse", "HEAD")
    (path / ".git/info").mkdir(exist_ok=True)
    (path / ".git/info/exclude").write_text("secret.env\n")
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("mine\n")
    world.forge.push("acme", "app", rewrite=True, files={name: "theirs\n"})

    [effect] = world.sync()

    assert isinstance(effect, Done)
    assert (effect.held, effect.detail) == (Reason.UNTRACKED, f"in the way: {name}")
    assert (path / name).read_text() == "mine\n"
    assert git(path, "rev-parse", "HEAD") == before
    (path / name).unlink()
    world.sync()
    assert (path / name).read_text() == "theirs\n", "it follows as soon as the way is free"


@pytest.mark.parametrize("rewrite", [False, True])
def test_a_shallow_work_tree_follows_though_its_history_ends_here(
    world: World, rewrite: bool
) -> None:
    world.options = CopyOptions(depth=1)
    repo = world.add("app", commits=4)
    world.sync()
    path: Path = world.folder(repo)
    world.forge.push("acme", "app")
    tip = world.forge.push("acme", "app", rewrite=rewrite)

    [effect] = world.sync()

    assert isinstance(effect, Done)
    assert effect.held is None
    assert git(path, "rev-parse", "HEAD") == tip
    assert git(path, "rev-list", "--count", "HEAD") == "1"
    assert world.local(repo).kind is CopyKind.WORKTREE
    assert [type(action) for action in world.plan()] == [Skip]
