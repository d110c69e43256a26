"""Repositories whose objects are named by SHA-256, from the forge to the disk."""

from __future__ import annotations

import pytest

from mgit.git.inspect import git_dir_of
from mgit.git.reading import deep_damage
from mgit.model import CopyKind, CopyOptions, Skip
from tests.unit.git.world import World, git


@pytest.fixture(params=list(CopyKind))
def any_kind(request: pytest.FixtureRequest, world: World) -> World:
    world.kind = request.param
    return world


@pytest.mark.parametrize(
    "options", [CopyOptions(), CopyOptions(depth=1), CopyOptions(filter="blob:none")]
)
def test_a_sha256_repository_is_kept_like_any_other(any_kind: World, options: CopyOptions) -> None:
    world = any_kind
    world.options = options
    repo = world.add("app", object_format="sha256", branches=("develop", "old"))
    world.add("other")
    world.sync()
    assert {len(oid) for oid in world.local(repo).refs.refs.values()} == {64}

    tip = world.forge.push("acme", "app", files={"new.txt": "new\n"})
    world.forge.push("acme", "app", branch="develop", rewrite=True, tag="v2.0")
    world.forge.delete_ref("acme", "app", "refs/heads/old")
    world.sync()

    local = world.local(repo)
    assert dict(local.refs.refs) == world.forge.refs("acme", "app")
    assert local.head_oid == tip
    assert local.broken == ""
    assert deep_damage(git_dir_of(world.folder(repo), world.kind)) == ""
    started = world.runner.started
    assert [type(action) for action in world.plan()] == [Skip, Skip]
    assert world.runner.started == started
    if world.kind is CopyKind.WORKTREE:
        assert git(world.folder(repo), "status", "--short", "--branch") == "## main...origin/main"


def test_one_that_is_empty_at_first(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app", object_format="sha256", commits=0, branches=(), tags=())
    world.sync()
    world.forge.push("acme", "app", files={"first.txt": "1\n"})

    world.sync()

    assert dict(world.local(repo).refs.refs) == world.forge.refs("acme", "app")
    assert [type(action) for action in world.plan()] == [Skip]
