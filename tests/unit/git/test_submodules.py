"""Submodules come only when asked for, and a hostile list of them runs and reads nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mgit.errors import MgitError
from mgit.git.operations import Done
from mgit.model import CopyOptions, Reason, RemoteRepo, Skip
from sandbox.forge import SandboxForge
from tests.unit.git.world import CANARY, World, commit, git


def add_submodule(world: World, url: str, oid: str, *, extra: str = "", path: str = "lib") -> str:
    """A commit upstream that names a submodule; its id."""
    store = world.forge.store
    app = store.get("acme", "app")
    modules = f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n{extra}'
    tip = world.forge.push("acme", "app", files={".gitmodules": modules})
    bare = store.path(app)
    listing = [line for line in git(bare, "ls-tree", tip).split("\n") if "\tlib" not in line]
    listing.append(f"160000 commit {oid}\t{path}")
    lines = sorted(listing, key=lambda line: line.partition("\t")[2])
    (world.root.parent / "tree").write_text("\n".join(lines) + "\n")
    with (world.root.parent / "tree").open() as stream:
        made = subprocess.run(
            ["git", "-C", str(bare), "mktree", "--missing"],
            stdin=stream, check=True, capture_output=True, text=True,
        )  # fmt: skip
    new = git(bare, "commit-tree", "-p", tip, "-m", "Add lib", made.stdout.strip())
    git(bare, "update-ref", "refs/heads/main", new)
    return new


@pytest.fixture
def app(world: World) -> RemoteRepo:
    world.forge.add_repo("acme", "lib", branches=(), tags=())
    return world.add("app")


def tip(world: World, name: str = "lib") -> str:
    return world.forge.refs("acme", name)["refs/heads/main"]


def test_they_come_only_when_asked_for(world: World, app: RemoteRepo) -> None:
    add_submodule(world, "../lib.git", tip(world))
    world.sync()
    path = world.folder(app)
    assert list((path / "lib").iterdir()) == []
    assert not (path / ".git/modules").exists()


def test_they_are_checked_out_and_follow(world: World, app: RemoteRepo) -> None:
    add_submodule(world, "../lib.git", tip(world))
    world.options = CopyOptions(submodules=True)

    assert world.sync() == [Done(refs_changed=3, folder="acme/app")]
    path = world.folder(app)
    assert (path / "lib/README.md").read_text().startswith("# acme/lib")
    assert git(path, "status", "--short") == ""
    assert [type(action) for action in world.plan()] == [Skip]
    secret = [f for f in path.rglob("*") if f.is_file() and CANARY.encode() in f.read_bytes()]
    assert secret == []

    new = world.forge.push("acme", "lib", files={"fresh.txt": "fresh\n"})
    add_submodule(world, "../lib.git", new)
    assert world.sync() == [Done(refs_changed=1, folder="acme/app")]
    assert (path / "lib/fresh.txt").read_text() == "fresh\n"
    assert git(path, "status", "--short") == ""


def test_work_in_a_submodule_holds_the_whole(world: World, app: RemoteRepo) -> None:
    add_submodule(world, "../lib.git", tip(world), extra="\tignore = all\n")
    world.options = CopyOptions(submodules=True)
    world.sync()
    path = world.folder(app)
    mine = commit(path / "lib", "mine.txt")
    add_submodule(world, "../lib.git", world.forge.push("acme", "lib"), extra="\tignore = all\n")

    [effect] = world.sync()

    assert isinstance(effect, Done)
    assert effect.held is Reason.DIRTY
    assert git(path / "lib", "rev-parse", "HEAD") == mine


def outcome(world: World) -> Done | MgitError:
    try:
        [effect] = world.sync()
    except MgitError as error:
        return error
    assert isinstance(effect, Done)
    return effect


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "/etc",
        "ext::sh -c touch% sprung",
        "git://127.0.0.1/lib.git",
        "-u./sprung",
        "https://127.0.0.1:1/lib.git",
    ],
)
def test_no_other_way_leads_out(
    world: World, app: RemoteRepo, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    add_submodule(world, url, tip(world))
    world.options = CopyOptions(submodules=True)

    effect = outcome(world)

    if isinstance(effect, MgitError):  # git's own check of the objects refused it all
        assert "fsck error" in effect.message
        return
    assert effect.detail.startswith("submodules: ")
    assert list((world.folder(app) / "lib").iterdir()) == []
    assert list(tmp_path.rglob("sprung")) == []


def test_a_command_in_the_list_is_not_run(world: World, app: RemoteRepo, tmp_path: Path) -> None:
    trap = f"\tupdate = !touch {tmp_path}/sprung\n"
    add_submodule(world, "../lib.git", tip(world), extra=trap)
    world.options = CopyOptions(submodules=True)
    effect = outcome(world)
    assert isinstance(effect, MgitError), "git's own check of the objects refuses it"
    assert not (tmp_path / "sprung").exists()


def test_the_credential_goes_to_no_other_origin(
    world: World, app: RemoteRepo, tmp_path: Path
) -> None:
    with SandboxForge(tmp_path / "other", token="other-token") as other:
        other.add_repo("acme", "lib", branches=(), tags=())
        oid = other.refs("acme", "lib")["refs/heads/main"]
        add_submodule(world, other.clone_url("acme", "lib"), oid)
        world.options = CopyOptions(submodules=True)

        [effect] = world.sync()

        assert isinstance(effect, Done)
        assert effect.detail.startswith("submodules: ")
        assert [r for r in other.requests if r.sent_credential] == []
