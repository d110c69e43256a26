"""Clones follow their upstream, and nothing that a person made is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.errors import MgitError, RepositoryBroken
from mgit.git.inspect import git_dir_of, scan
from mgit.git.operations import Done, Drifted
from mgit.model import (
    Archive,
    Clone,
    CopyKind,
    FastForward,
    Fetch,
    Move,
    Operation,
    Reason,
    RefSnapshot,
    Skip,
)
from mgit.plan import SyncPolicy, same_refs
from tests.unit.git.world import World, commit, git


@pytest.fixture(params=list(CopyKind))
def any_kind(request: pytest.FixtureRequest, world: World) -> World:
    world.kind = request.param
    return world


def test_a_work_tree_is_cloned_whole_and_then_left_in_peace(world: World) -> None:
    repo = world.add("app", commits=4, branches=("develop",), tags=("v1.0",))

    [effect] = world.sync()

    assert effect == Done(refs_changed=3, folder="acme/app")
    path = world.root / "acme/app"
    assert git(path, "status", "--short", "--branch") == "## main...origin/main"
    assert git(path, "remote", "get-url", "origin") == str(repo.url)
    assert git(path, "tag") == "v1.0"
    assert world.local(repo).refs == world.upstream(repo)
    started = world.runner.started
    assert [action.reason for action in world.plan() if isinstance(action, Skip)] == ["current"]
    assert world.runner.started == started, "nothing changed, so no git is started"


def test_a_mirror_holds_branches_and_tags_only(world: World) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app")
    world.forge.store.git(repo_of(world), "update-ref", "refs/pull/1/head", "refs/heads/main")

    world.sync()

    path = world.root / "acme/app"
    names = git(path, "for-each-ref", "--format=%(refname)").split("\n")
    assert sorted(names) == ["refs/heads/develop", "refs/heads/main", "refs/tags/v1.0"]
    assert git(path, "config", "--get-all", "remote.origin.fetch").split("\n") == [
        "+refs/heads/*:refs/heads/*",
        "+refs/tags/*:refs/tags/*",
    ]
    assert world.local(repo).refs == world.upstream(repo)


def repo_of(world: World, name: str = "app") -> object:
    return world.forge.store.get("acme", name)


def test_every_kind_of_change_arrives(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app", branches=("develop", "old"), tags=("v1.0", "v0.9"))
    world.sync()

    world.forge.push("acme", "app")
    world.forge.push("acme", "app", branch="new/topic", tag="v2.0")
    world.forge.push("acme", "app", branch="develop", rewrite=True)
    world.forge.delete_ref("acme", "app", "refs/heads/old")
    world.forge.delete_ref("acme", "app", "refs/tags/v0.9")
    world.forge.set_default_branch("acme", "app", "develop")
    world.sync()

    assert world.local(repo).refs == world.upstream(repo)
    assert dict(world.local(repo).refs.refs) == world.forge.refs("acme", "app")
    assert [type(action) for action in world.plan()] == [Skip]


def test_a_branch_that_becomes_a_folder_of_branches(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app", branches=("topic",))
    world.sync()

    world.forge.delete_ref("acme", "app", "refs/heads/topic")
    world.forge.push("acme", "app", branch="topic/one")
    world.sync()
    assert dict(world.local(repo).refs.refs) == world.forge.refs("acme", "app")

    world.forge.delete_ref("acme", "app", "refs/heads/topic/one")
    world.forge.push("acme", "app", branch="topic")
    world.sync()
    assert dict(world.local(repo).refs.refs) == world.forge.refs("acme", "app")


def test_a_clean_branch_moves_ahead(world: World) -> None:
    repo = world.add("app")
    world.sync()
    tip = world.forge.push("acme", "app", files={"news.txt": "fresh\n"})

    [action] = world.plan()
    assert isinstance(action, FastForward)
    assert world.sync() == [Done(refs_changed=1, folder="acme/app")]

    path = world.folder(repo)
    assert git(path, "rev-parse", "HEAD") == tip
    assert (path / "news.txt").read_text() == "fresh\n"
    assert git(path, "status", "--short") == ""


def test_a_branch_that_somebody_fetched_moves_ahead_without_the_network(world: World) -> None:
    repo = world.add("app")
    world.sync()
    tip = world.forge.push("acme", "app")
    path = world.folder(repo)
    git(path, "fetch", "--quiet", str(world.forge.store.path(repo_of(world))),
        "+refs/heads/*:refs/remotes/origin/*")  # fmt: skip
    world.plan()
    world.forge.forget_requests()

    world.sync()

    assert git(path, "rev-parse", "HEAD") == tip
    asked = [request.path for request in world.forge.requests]
    assert asked == ["/acme/app.git/git-upload-pack"], "only the one ls-refs of the plan"


def test_a_dirty_work_tree_is_fetched_but_not_touched(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    (path / "README.md").write_text("half a thought\n")
    before = git(path, "rev-parse", "HEAD")
    world.forge.push("acme", "app")

    [action] = world.plan()
    assert isinstance(action, Fetch)
    assert action.held is Reason.DIRTY
    world.sync()

    assert (path / "README.md").read_text() == "half a thought\n"
    assert git(path, "rev-parse", "HEAD") == before
    assert world.local(repo).refs == world.upstream(repo)
    [again] = world.plan()
    assert isinstance(again, Skip)
    assert (again.reason, again.detail) == (Reason.DIRTY, "1 changed file")


def test_own_commits_are_kept(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    mine = commit(path, "mine.txt")

    [unpushed] = world.plan()
    assert isinstance(unpushed, Skip)
    assert (unpushed.reason, unpushed.detail) == (Reason.UNPUSHED, "1 commit to push")

    world.forge.push("acme", "app")
    [diverged] = world.plan()
    assert isinstance(diverged, Fetch)
    assert diverged.held is Reason.DIVERGED
    world.sync()
    assert git(path, "rev-parse", "HEAD") == mine
    [again] = world.plan()
    assert isinstance(again, Skip)
    assert again.reason is Reason.DIVERGED


def test_a_detached_work_tree_stays_where_it_is(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    git(path, "checkout", "--quiet", "--detach")
    before = git(path, "rev-parse", "HEAD")
    world.forge.push("acme", "app")

    [action] = world.plan()
    assert isinstance(action, Fetch)
    assert action.held is Reason.DETACHED
    world.sync()

    assert git(path, "rev-parse", "HEAD") == before
    assert world.local(repo).refs == world.upstream(repo)


def test_an_unfinished_merge_is_not_disturbed(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    git(path, "checkout", "--quiet", "-b", "side")
    commit(path, "both.txt", "side\n")
    git(path, "checkout", "--quiet", "main")
    git(path, "merge", "--no-ff", "--no-commit", "--quiet", "side")
    world.forge.push("acme", "app")

    [action] = world.plan()

    assert isinstance(action, Fetch)
    assert action.held is Reason.OPERATION
    world.sync()
    assert (path / ".git/MERGE_HEAD").exists()


def test_a_branch_of_ones_own_is_left_alone(world: World) -> None:
    repo = world.add("app")
    world.sync()
    git(world.folder(repo), "checkout", "--quiet", "-b", "idea")
    started = world.runner.started

    [rest] = world.plan()
    assert isinstance(rest, Skip)
    assert rest.reason is Reason.OTHER_BRANCH
    assert world.runner.started == started

    world.forge.push("acme", "app")
    [action] = world.plan()
    assert isinstance(action, Fetch)
    assert action.held is Reason.OTHER_BRANCH


def test_untracked_and_ignored_files_are_never_overwritten(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    (path / ".git/info").mkdir(exist_ok=True)
    (path / ".git/info/exclude").write_text("secret.env\n")
    (path / "notes.txt").write_text("mine\n")
    (path / "secret.env").write_text("mine too\n")

    for name in ("notes.txt", "secret.env"):
        world.forge.push("acme", "app", files={name: "theirs\n"})
        [effect] = world.sync()
        assert isinstance(effect, Done)
        assert effect.held is Reason.UNTRACKED
        assert effect.detail == f"in the way: {name}"
        assert (path / name).read_text().startswith("mine")
        (path / name).unlink()

    world.sync()
    assert (path / "secret.env").read_text() == "theirs\n"


def test_tags_of_upstream_move_and_go_those_of_the_person_stay(world: World) -> None:
    repo = world.add("app", tags=("moved", "deleted", "shared"))
    world.sync()
    path = world.folder(repo)
    git(path, "tag", "private")
    git(path, "tag", "--force", "shared")
    mine = git(path, "rev-parse", "shared")
    git(path, "tag", "--delete", "deleted")
    git(path, "tag", "deleted")

    world.forge.delete_ref("acme", "app", "refs/tags/deleted")
    world.forge.delete_ref("acme", "app", "refs/tags/moved")
    tip = world.forge.push("acme", "app", tag="moved")
    world.forge.delete_ref("acme", "app", "refs/tags/shared")
    world.forge.push("acme", "app", tag="shared")
    world.sync()

    assert git(path, "rev-parse", "moved") == tip
    assert git(path, "rev-parse", "shared") == mine
    assert git(path, "tag").split("\n") == ["deleted", "moved", "private", "shared"]
    assert [type(action) for action in world.plan()] == [Skip]


def test_a_tag_that_went_missing_comes_back(world: World) -> None:
    repo = world.add("app", tags=("v1.0",))
    world.sync()
    git(world.folder(repo), "tag", "--delete", "v1.0")

    world.sync()

    assert git(world.folder(repo), "tag") == "v1.0"


def test_an_empty_repository_is_cloned_and_fills_later(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app", commits=0, branches=(), tags=())

    assert world.sync() == [Done(folder="acme/app")]
    [rest] = world.plan()
    assert isinstance(rest, Skip)
    assert rest.reason is Reason.EMPTY

    tip = world.forge.push("acme", "app", files={"first.txt": "1\n"})
    world.sync()

    assert world.local(repo).refs == world.upstream(repo)
    assert world.local(repo).head_oid == tip
    if world.kind is CopyKind.WORKTREE:
        assert (world.folder(repo) / "first.txt").read_text() == "1\n"
    assert [type(action) for action in world.plan()] == [Skip]


def test_an_empty_clone_follows_when_the_first_branch_has_another_name(world: World) -> None:
    repo = world.add("app", commits=0, branches=(), tags=())
    world.sync()
    world.forge.push("acme", "app", branch="trunk", files={"first.txt": "1\n"})
    world.forge.set_default_branch("acme", "app", "trunk")

    world.sync()

    path = world.folder(repo)
    assert git(path, "status", "--short", "--branch") == "## trunk...origin/trunk"
    assert (path / "first.txt").exists()
    world.forge.push("acme", "app", branch="trunk")
    assert [type(action) for action in world.plan()] == [FastForward]


@pytest.mark.fault("upstream emptied")
def test_an_emptied_upstream_is_not_believed(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app")
    world.sync()
    before = world.local(repo).refs
    for ref in world.forge.refs("acme", "app"):
        world.forge.store.git(repo_of(world), "update-ref", "-d", ref)

    [action] = world.plan()

    assert isinstance(action, Skip)
    assert action.reason is Reason.EMPTIED
    assert world.local(repo).refs == before


def test_a_fetch_that_brings_nothing_removes_nothing_and_is_an_error(any_kind: World) -> None:
    """Between plan and fetch a proxy begins to answer 200 with nothing in it."""
    world = any_kind
    repo = world.add("app")
    world.sync()
    before = world.local(repo).refs
    world.forge.push("acme", "app")
    [action] = world.plan()
    world.forge.fail_next("*/info/refs*", 200, times=5)

    with pytest.raises(MgitError):
        world.act(action)

    assert world.local(repo).refs == before


def test_a_clone_that_comes_out_empty_is_checked(world: World) -> None:
    repo = world.add("app")
    [action] = world.plan()
    assert isinstance(action, Clone)
    world.forge.fail_next("*/info/refs*", 200, times=1)

    with pytest.raises(MgitError):
        world.act(action)

    assert not (world.root / "acme/app").exists()
    assert list(scan(world.root)) == []
    assert list((world.root / ".mgit/incoming").iterdir()) == []
    assert repo.path.name == "app"


def test_a_clone_never_lands_on_something_else(world: World, tmp_path: Path) -> None:
    world.add("app")
    [action] = world.plan()
    (world.root / "acme/app").mkdir(parents=True)
    (world.root / "acme/app/thesis.txt").write_text("mine\n")

    effect = world.act(action)

    assert isinstance(effect, Drifted)
    assert effect.reason is Reason.OCCUPIED
    assert (world.root / "acme/app/thesis.txt").read_text() == "mine\n"

    (world.root / "acme/app/thesis.txt").unlink()
    (world.root / "acme/app").rmdir()
    (world.root / "acme").rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (world.root / "acme").symlink_to(elsewhere)
    effect = world.act(action)
    assert isinstance(effect, Drifted)
    assert "symbolic link" in effect.detail
    assert list(elsewhere.iterdir()) == []


def test_a_rename_upstream_moves_the_clone_with_all_that_is_in_it(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    (path / "draft.txt").write_text("mine\n")
    git(path, "stash", "--include-untracked", "--quiet")
    (path / "other.txt").write_text("also mine\n")
    git(path, "worktree", "add", "--quiet", str(world.root.parent / "linked"), "develop")

    renamed = world.renamed(repo, "application")
    move, rest = world.plan()
    assert isinstance(move, Move)
    assert (move.folder, move.to) == ("acme/app", "acme/application")
    assert isinstance(rest, Skip)
    world.sync()

    path = world.root / "acme/application"
    assert git(path, "remote", "get-url", "origin") == str(renamed.url)
    assert (path / "other.txt").read_text() == "also mine\n"
    assert git(path, "stash", "list") != ""
    assert git(world.root.parent / "linked", "status", "--short") == ""
    assert not (world.root / "acme/app").exists()
    assert [type(action) for action in world.plan()] == [Skip]


def test_a_remote_that_the_person_changed_keeps_their_url(world: World) -> None:
    repo = world.add("app")
    world.sync()
    git(world.folder(repo), "remote", "set-url", "origin", "git@example.org:acme/app.git")
    world.renamed(repo, "application")

    world.sync()

    path = world.root / "acme/application"
    assert git(path, "remote", "get-url", "origin") == "git@example.org:acme/app.git"


def test_a_repository_becomes_the_folder_of_its_own_new_name(world: World) -> None:
    repo = world.add("app")
    world.sync()
    [local] = scan(world.root)
    action = Move(repo, local.folder, "acme/app/core")

    assert world.act(action) == Done(folder="acme/app/core")
    assert [clone.folder for clone in scan(world.root)] == ["acme/app/core"]


def test_a_gone_repository_is_set_aside_not_deleted(world: World) -> None:
    gone = world.add("gone")
    world.add("stays")
    world.sync()
    (world.folder(gone) / "draft.txt").write_text("mine\n")
    del world.repos[gone.key.id]

    keep = [action for action in world.plan() if action.folder == "acme/gone"]
    assert [action.reason for action in keep if isinstance(action, Skip)] == [Reason.GONE]
    world.sync(SyncPolicy(gone="archive"))

    aside = world.root / ".mgit/archive/acme/gone"
    assert (aside / "draft.txt").read_text() == "mine\n"
    assert [clone.folder for clone in scan(world.root)] == ["acme/stays"]


def test_an_archive_is_put_off_when_somebody_works_there(world: World) -> None:
    gone = world.add("gone")
    world.add("stays")
    world.sync()
    del world.repos[gone.key.id]
    [action] = [a for a in world.plan(SyncPolicy(gone="archive")) if isinstance(a, Archive)]
    commit(world.folder(gone), "late.txt")

    effect = world.act(action)

    assert isinstance(effect, Drifted)
    assert (world.root / "acme/gone/late.txt").exists()


def test_what_changed_since_the_plan_is_left_alone(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    world.forge.push("acme", "app")
    [action] = world.plan()
    assert isinstance(action, FastForward)

    (path / "README.md").write_text("just now\n")
    effect = world.act(action)
    assert isinstance(effect, Done)
    assert effect.held is Reason.DIRTY
    assert (path / "README.md").read_text() == "just now\n"

    stale = world.act(action)
    assert isinstance(stale, Drifted), "the refs are no more those that the plan was made from"


def test_a_damaged_clone_is_reported_and_left_as_it_is(world: World) -> None:
    repo = world.add("app")
    world.sync()
    world.forge.push("acme", "app")
    [action] = world.plan()
    head = world.folder(repo) / ".git/HEAD"
    head.write_text("nonsense\n")

    [skip] = world.plan()
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.BROKEN
    with pytest.raises(RepositoryBroken, match="HEAD"):
        world.act(action)
    assert head.read_text() == "nonsense\n"


def test_locks_of_a_killed_git_are_removed_where_only_mgit_writes(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app")
    world.sync()
    world.forge.push("acme", "app")
    git_dir = world.folder(repo) / (".git" if world.kind is CopyKind.WORKTREE else ".")
    where = "refs/heads" if world.kind is CopyKind.MIRROR else "refs/remotes/origin"
    lock = git_dir / where / "main.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()

    world.sync()

    assert world.local(repo).refs == world.upstream(repo)
    assert not lock.exists()


def test_hostile_configuration_in_a_clone_is_not_obeyed(world: World, tmp_path: Path) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    (path / ".git/hooks").mkdir()
    for hook in ("post-merge", "reference-transaction", "post-checkout"):
        (path / f".git/hooks/{hook}").symlink_to(trap)
    for key in ("credential.helper", "core.fsmonitor", "core.sshCommand", "core.askPass"):
        git(path, "config", key, str(trap))
    git(path, "config", "url.https://evil.invalid/.insteadOf", world.forge.url)
    tip = world.forge.push("acme", "app")

    world.sync()

    assert git(path, "-c", "core.fsmonitor=false", "rev-parse", "HEAD") == tip
    assert not (tmp_path / "sprung").exists()


def test_the_token_is_nowhere_in_what_is_left(world: World, tmp_path: Path) -> None:
    repo = world.add("app")
    world.sync()
    world.forge.push("acme", "app")
    world.sync()

    canary = world.forge.token.encode()
    found = [
        path for path in world.root.rglob("*") if path.is_file() and canary in path.read_bytes()
    ]
    assert found == []
    assert same_refs(world.upstream(repo), world.local(repo).refs)


def test_status_of_a_work_tree(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    (path / "README.md").write_text("changed\n")
    git(path, "stash", "--quiet")
    git(path, "mv", "README.md", "READYOU.md")
    (path / "new.txt").touch()
    commit(path, "mine.txt")
    (path / "mine.txt").write_text("again\n")
    git(path, "bisect", "start")

    from mgit.git.inspect import inspect_worktree

    tree = inspect_worktree(world.runner, path)

    assert (tree.branch, tree.upstream) == ("main", "origin/main")
    assert (tree.ahead, tree.behind) == (1, 0)
    assert (tree.changed, tree.untracked, tree.stashes) == (1, 1, 1)
    assert tree.operation is Operation.BISECT
    assert tree.oid == git(path, "rev-parse", "HEAD")


def test_unknown_upstream_refs_prune_nothing(world: World) -> None:
    repo = world.add("app")
    world.sync()
    local = world.local(repo)
    world.forge.delete_ref("acme", "app", "refs/heads/develop")
    action = Fetch(repo, local.folder, local.kind, local.refs, upstream=RefSnapshot())

    world.act(action)

    assert "refs/heads/develop" in world.local(repo).refs.refs


@pytest.mark.fault("killed at every rename, flush and removal")
def test_a_lock_on_the_configuration_that_a_killed_git_of_ours_left_is_no_obstacle(
    any_kind: World,
) -> None:
    """Found by `nox -s faults`: a move that was killed between the lock and its rename."""
    repo = any_kind.add("app")
    any_kind.sync()
    git_dir = git_dir_of(any_kind.folder(repo), any_kind.kind)
    (git_dir / "config.lock").write_text("half")
    (git_dir / "mgit.configuring").touch()
    moved = any_kind.renamed(repo, "tool")
    any_kind.sync()
    assert any_kind.local(moved).url == moved.url
    assert any_kind.local(moved).folder == "acme/tool"
    assert not (git_dir.parent / "config.lock").exists()
    assert [type(action) for action in any_kind.plan()] == [Skip]
