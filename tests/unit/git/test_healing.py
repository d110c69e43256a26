"""Every kind of damage is found, set aside whole, and current again one run later."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mgit.errors import MgitError, RepositoryBroken
from mgit.git.damage import CONFIG_CHANGED, LEFT_BEHIND
from mgit.git.inspect import git_dir_of, scan, verify
from mgit.git.lock import QUARANTINE, RootLock
from mgit.git.operations import Done, Drifted
from mgit.git.quarantine import count_quarantined
from mgit.git.reading import deep_damage
from mgit.model import (
    Clone,
    CopyKind,
    CopyOptions,
    Fetch,
    Heal,
    LocalRepo,
    Reason,
    RemoteRepo,
    Skip,
)
from tests.unit.git.world import World, commit, git


@pytest.fixture(params=list(CopyKind))
def any_kind(request: pytest.FixtureRequest, world: World) -> World:
    world.kind = request.param
    return world


def found(world: World) -> LocalRepo:
    [local] = scan(world.root, world.runner)
    return local


def heal(world: World, repo: RemoteRepo, local: LocalRepo) -> Done | Drifted | Skip:
    with RootLock(world.root, world.runner):
        return world.act(Heal(repo, local.folder, world.kind, local.broken, world.options))


def packs(git_dir: Path, suffix: str) -> Path:
    [path] = (git_dir / "objects/pack").glob(f"*{suffix}")
    path.chmod(0o644)
    return path


def cut_pack(git_dir: Path) -> None:
    path = packs(git_dir, ".pack")
    os.truncate(path, path.stat().st_size * 2 // 3)


def half_clone(git_dir: Path) -> None:
    """As a clone that was killed leaves it: a HEAD, and nothing else."""
    shutil.rmtree(git_dir / "objects")
    shutil.rmtree(git_dir / "refs")
    for name in ("objects/pack", "objects/info", "refs/heads", "refs/tags"):
        (git_dir / name).mkdir(parents=True)
    (git_dir / "packed-refs").unlink(missing_ok=True)


def lose_objects(git_dir: Path) -> None:
    shutil.rmtree(git_dir / "objects/pack")
    (git_dir / "objects/pack").mkdir()


def empty_loose_ref(git_dir: Path) -> None:
    (git_dir / "refs/heads").mkdir(exist_ok=True)
    (git_dir / "refs/heads/main").write_text("")


SEEN: dict[str, Callable[[Path], object]] = {
    "a pack that was cut": cut_pack,
    "a pack of no bytes": lambda git_dir: packs(git_dir, ".pack").write_bytes(b""),
    "a pack without its index": lambda git_dir: packs(git_dir, ".idx").unlink(),
    "an index without its pack": lambda git_dir: packs(git_dir, ".pack").unlink(),
    "an empty packed-refs": lambda git_dir: (git_dir / "packed-refs").write_text(""),
    "rubbish in packed-refs": lambda git_dir: (git_dir / "packed-refs").write_text("\0\0\0"),
    "rubbish in HEAD": lambda git_dir: (git_dir / "HEAD").write_text("\0\0\0\0"),
    "no HEAD": lambda git_dir: (git_dir / "HEAD").unlink(),
    "an empty loose ref": empty_loose_ref,
    "an empty config": lambda git_dir: (git_dir / "config").write_text(""),
    "no config": lambda git_dir: (git_dir / "config").unlink(),
    "no objects": lambda git_dir: shutil.rmtree(git_dir / "objects"),
    "no packs": lose_objects,
    "no refs": lambda git_dir: shutil.rmtree(git_dir / "refs"),
    "a noted failure": lambda git_dir: (git_dir / "mgit.damage").write_text("bad object HEAD"),
}


@pytest.mark.fault("a damaged clone, in fifteen ways")
@pytest.mark.parametrize("damage", SEEN.values(), ids=SEEN.keys())
def test_damage_is_seen_set_aside_and_cloned_anew(
    any_kind: World, damage: Callable[[Path], object]
) -> None:
    world = any_kind
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    (path / "keepsake").write_text("mine\n")
    damage(git_dir_of(path, world.kind))
    before = sorted(item.name for item in path.iterdir())

    local = found(world)
    assert local.broken != ""
    assert local.key == repo.key
    effect = heal(world, repo, local)

    assert isinstance(effect, Done)
    aside = world.root / ".mgit/quarantine/acme/app"
    in_place = world.kind is CopyKind.MIRROR and local.broken == CONFIG_CHANGED
    assert aside.exists() is not in_place
    assert "quarantine" in effect.detail
    if not in_place:
        assert sorted(item.name for item in aside.iterdir()) == before
        assert (aside / "keepsake").read_text() == "mine\n"
    assert found(world).refs == world.upstream(repo)
    assert [type(action) for action in world.plan()] == [Skip]
    git(world.folder(repo), "fsck", "--strict")


def test_what_is_no_damage_is_current_one_run_later(any_kind: World) -> None:
    """A clone of which nothing is left, and one whose git was killed as it wrote a ref."""
    world = any_kind
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    shutil.rmtree(path)
    path.mkdir()
    assert [type(action) for action in world.plan()] == [Clone]
    world.sync()
    assert found(world).refs == world.upstream(repo)

    where = "refs/heads" if world.kind is CopyKind.MIRROR else "refs/remotes/origin"
    lock = git_dir_of(path, world.kind) / where / "main.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    world.forge.push("acme", "app")
    world.sync()
    assert found(world).refs == world.upstream(repo)
    assert not lock.exists()


def test_half_a_clone_is_made_whole(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app")
    world.sync()
    half_clone(git_dir_of(world.folder(repo), world.kind))

    local = found(world)
    if local.broken:
        heal(world, repo, local)
    else:
        world.sync()

    assert found(world).refs == world.upstream(repo)
    assert [type(action) for action in world.plan()] == [Skip]


def test_a_flipped_bit_is_found_when_every_byte_is_read(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app", commits=20)
    world.sync()
    git_dir = git_dir_of(world.folder(repo), world.kind)
    assert deep_damage(git_dir) == ""
    pack = packs(git_dir, ".pack")
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 0x10
    pack.write_bytes(content)
    assert found(world).broken == "", "nobody read there"

    assert "does not match its checksum" in verify(world.root, "acme/app")

    local = found(world)
    assert "does not match its checksum" in local.broken
    assert isinstance(heal(world, repo, local), Done)
    assert verify(world.root, "acme/app") == ""


def test_damage_that_git_meets_is_known_to_the_next_run(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app", commits=20)
    world.sync()
    git_dir = git_dir_of(world.folder(repo), world.kind)
    pack = packs(git_dir, ".pack")
    content = bytearray(pack.read_bytes())
    content[12:-20] = bytes(len(content) - 32)
    pack.write_bytes(content)
    world.forge.push("acme", "app", files={"README.md": "# other\n"})
    local = found(world)
    action = Fetch(repo, local.folder, local.kind, local.refs, upstream=world.upstream(repo))

    with pytest.raises(RepositoryBroken):
        world.act(action)

    assert found(world).broken != ""
    assert isinstance(heal(world, repo, found(world)), Done)
    assert found(world).refs == world.upstream(repo)


def test_a_loose_object_of_no_bytes(world: World) -> None:
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    oid = commit(path, "mine.txt")
    assert deep_damage(path / ".git") == ""
    loose = path / ".git/objects" / oid[:2] / oid[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"")

    assert found(world).broken == f"its newest commit {oid[:12]} is empty"
    assert oid in deep_damage(path / ".git")


def test_half_written_files_are_removed_once_they_are_nobodys(world: World) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app")
    world.sync()
    leftover = world.folder(repo) / "objects/pack/tmp_pack_a1b2c3"
    leftover.write_bytes(b"half")
    assert found(world).broken == "", "a git may be writing it right now"
    long_ago = time.time() - 7200
    os.utime(leftover, (long_ago, long_ago))
    world.forge.push("acme", "app")

    local = found(world)
    assert local.broken == LEFT_BEHIND
    assert isinstance(heal(world, repo, local), Done)

    assert not leftover.exists()
    assert not (world.root / ".mgit/quarantine").exists()
    assert found(world).refs == world.upstream(repo)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url.https://evil.invalid/.insteadOf", "http://127.0.0.1"),
        ("core.hooksPath", "/tmp/evil"),
        ("core.fsmonitor", "/bin/evil"),
        ("credential.helper", "!evil"),
    ],
)
def test_a_mirrors_configuration_is_put_back(world: World, key: str, value: str) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    sound = (path / "config").read_bytes()
    mode = (path / "config").stat().st_mode
    git(path, "config", key, value)
    planted = (path / "config").read_bytes()

    local = found(world)
    assert local.broken == CONFIG_CHANGED
    effect = heal(world, repo, local)

    assert isinstance(effect, Done)
    assert (path / "config").read_bytes() == sound
    assert (path / "config").stat().st_mode == mode
    assert (world.root / ".mgit/quarantine/acme/app.config").read_bytes() == planted
    assert [type(action) for action in world.plan()] == [Skip]


def test_a_renamed_mirror_and_one_with_new_settings_are_sound(world: World) -> None:
    world.kind = CopyKind.MIRROR
    world.options = CopyOptions(depth=1)
    repo = world.add("app")
    world.sync()
    world.renamed(repo, "application")
    world.sync()
    local = found(world)
    assert (local.folder, local.broken) == ("acme/application", "")
    assert local.options == CopyOptions(depth=1)


def test_a_second_quarantine_leaves_the_first_alone(world: World) -> None:
    repo = world.add("app")
    for number in (1, 2, 3):
        world.sync()
        path = world.folder(repo)
        (path / "number").write_text(str(number))
        (path / ".git/HEAD").write_text("")
        heal(world, repo, found(world))
    quarantine = world.root / ".mgit/quarantine/acme"
    kept = {item.name: (item / "number").read_text() for item in quarantine.iterdir()}
    assert kept == {"app": "1", "app~2": "2", "app~3": "3"}


def test_what_cannot_be_cloned_anew_stays_where_it_is(any_kind: World) -> None:
    world = any_kind
    repo = world.add("app")
    world.sync()
    path = world.folder(repo)
    (git_dir_of(path, world.kind) / "HEAD").write_text("")
    before = sorted(path.rglob("*"))
    world.forge.fail_next("*/info/refs*", 500, times=9)

    with pytest.raises(MgitError):
        heal(world, repo, found(world))

    assert sorted(path.rglob("*")) == before
    assert not (world.root / ".mgit/quarantine").exists()


def test_nothing_is_healed_that_others_hang_on_or_that_is_sound(world: World) -> None:
    repo = world.add("app")
    world.sync()
    local = found(world)
    effect = heal(world, repo, local)
    assert isinstance(effect, Drifted)
    assert effect.detail == "it is sound again"

    git(world.folder(repo), "worktree", "add", "--quiet", str(world.root.parent / "w"), "develop")
    (world.folder(repo) / ".git/HEAD").write_text("")
    effect = heal(world, repo, found(world))
    assert isinstance(effect, Drifted)
    assert effect.reason is Reason.BROKEN
    shutil.rmtree(world.root / "acme/app/.git/worktrees")

    (world.root / "acme/app/.git/index.lock").touch()
    effect = heal(world, repo, found(world))
    assert isinstance(effect, Drifted)
    assert effect.reason is Reason.LOCKED


@pytest.mark.fault("killed anywhere")
def test_a_lock_on_head_that_a_killed_git_left_is_no_obstacle(world: World) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app")
    world.sync()
    (world.folder(repo) / "HEAD.lock").write_text("")
    (world.folder(repo) / "refs/heads/develop.lock").write_text("")
    world.forge.set_default_branch("acme", "app", "develop")
    world.forge.delete_ref("acme", "app", "refs/tags/v1.0")
    world.sync()
    assert world.local(repo).refs == world.upstream(repo)
    assert not (world.folder(repo) / "HEAD.lock").exists()


def test_a_lock_that_is_older_than_an_hour_is_removed(world: World) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app")
    world.sync()
    lock = world.folder(repo) / "packed-refs.lock"
    lock.write_text("")
    assert found(world).broken == ""
    os.utime(lock, (1, 1))
    assert found(world).broken == LEFT_BEHIND
    heal(world, repo, found(world))
    assert found(world).broken == ""
    assert not lock.exists()


def test_what_was_set_aside_is_counted_whatever_is_left_of_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert count_quarantined(root) == 0
    aside = root / QUARANTINE / "acme"
    (aside / "tool" / "objects" / "ab").mkdir(parents=True)  # a mirror that lost its HEAD
    (aside / "tree" / ".git").mkdir(parents=True)
    (aside / "tree" / "src").mkdir()
    (aside / "tree" / "src" / "config").write_text("not a clone of its own")
    (aside / "app.config").write_text("somebody changed it")
    assert count_quarantined(root) == 3
