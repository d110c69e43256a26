"""A disk that is full, one without inodes, one that lies, and a repository that would fill it."""

from __future__ import annotations

import base64
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.faults.estate import OWNER, Estate, on_the_forge
from tests.story.laptop import CANARY
from tests.story.serving import started
from tests.story.test_serve_daemon import Service

MIB = 1024 * 1024
Mount = Callable[[str], None]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with SandboxForge(tmp_path / "forge", token=CANARY) as forge:
        forge.add_owner(OWNER)
        yield Estate.new(tmp_path / "laptop", forge)


@pytest.fixture
def mounted(estate: Estate) -> Iterator[Mount]:
    """A small file system of its own where the clones are; called again it changes its size."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    there = False

    def mount(options: str) -> None:
        nonlocal there
        estate.root.mkdir(exist_ok=True)
        words = ["-o", f"remount,{options}"] if there else ["-t", "tmpfs", "-o", options, "tmpfs"]
        done = subprocess.run(
            ["mount", *words, str(estate.root)], check=False, capture_output=True, text=True
        )
        if done.returncode and not there:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        there = True

    yield mount
    if there:
        subprocess.run(["umount", "--lazy", str(estate.root)], check=True)


def noise(size: int, seed: int = 1) -> str:
    """Text that does not pack to much less."""
    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4)).decode()


def leftovers(root: Path) -> list[str]:
    patterns = ("tmp_*", ".tmp-*", "*.lock", "mgit.repacking")
    found = [path for pattern in patterns for path in root.rglob(pattern)]
    found += list((root / ".mgit" / "incoming").glob("*"))
    return sorted(str(path.relative_to(root)) for path in found)


def refs_of(estate: Estate, name: str) -> dict[str, str]:
    told = estate.laptop.git(f"{OWNER}/{name}", "for-each-ref", "refs/heads", "refs/tags")
    return {line.split()[2]: line.split()[0] for line in told.splitlines()}


@pytest.mark.parametrize(
    ("small", "large"), [("size=6m", "size=99m"), ("nr_inodes=50", "nr_inodes=5000")]
)
@pytest.mark.fault("no space, no inodes")
def test_a_full_disk_stops_the_writing_and_room_lets_it_go_on(
    estate: Estate, mounted: Mount, small: str, large: str
) -> None:
    forge = estate.forge
    for number in range(4):
        forge.add_repo(OWNER, f"repo-{number}", commits=1)
        forge.push(OWNER, f"repo-{number}", files={"noise": noise(2 * MIB, number)})
    mounted(small)

    ran = estate.laptop.mgit("sync", "--concurrency", "1")
    assert ran.code == 1
    assert "room" in ran.last_line or "space" in ran.err
    assert leftovers(estate.root) == []
    for clone in (estate.root / OWNER).glob("*"):
        assert refs_of(estate, clone.name) == forge.refs(OWNER, clone.name), "whole, or not there"

    mounted(large)
    ran = estate.laptop.mgit("sync")
    assert ran.code == 0, ran.err
    assert {name: refs_of(estate, name) for name in on_the_forge(forge)} == on_the_forge(forge)


@pytest.mark.parametrize("kind", ["mirror", "worktree"])
@pytest.mark.fault("no space, no inodes")
def test_a_fetch_without_room_leaves_the_clone_and_the_room_as_they_were(
    estate: Estate, mounted: Mount, kind: str
) -> None:
    estate.forge.add_repo(OWNER, "app")
    mounted("size=6m")
    assert estate.laptop.mgit("sync", "--kind", kind).code == 0
    before, free = refs_of(estate, "app"), shutil.disk_usage(estate.root).free
    estate.forge.push(OWNER, "app", files={"noise": noise(9 * MIB)})

    ran = estate.laptop.mgit("sync", "--kind", kind)
    assert ran.code == 1
    assert "room" in ran.err
    assert refs_of(estate, "app") == before
    assert leftovers(estate.root) == []
    assert shutil.disk_usage(estate.root).free > free - MIB

    mounted("size=99m")
    assert estate.laptop.mgit("sync", "--kind", kind).code == 0


@pytest.mark.slow
@pytest.mark.fault("no space, no inodes")
@pytest.mark.parametrize(
    ("small", "why"),
    [
        ("size=12m", "less than 16 MiB are free"),
        pytest.param("nr_inodes=100", "fewer than 100 files", marks=pytest.mark.long),
    ],
)
def test_a_service_is_not_ready_while_its_disk_is_full_and_is_when_there_is_room(
    estate: Estate, mounted: Mount, small: str, why: str
) -> None:
    estate.forge.add_repo(OWNER, "app")
    mounted("size=99m,nr_inodes=5000")
    settings = {"MGIT_LOG_FORMAT": "json", "MGIT_INTERVAL": "1h"}
    service = Service(started(estate.laptop, (), settings))
    try:
        service.wait_for("run.ended")
        assert service.ask("/readyz") == (200, "ready\n")

        mounted(small)
        told = service.wait_for("storage.unwritable")
        assert why in str(told["message"])
        assert service.ask("/readyz") == (503, "storage full or not writable\n")
        assert service.ask("/livez")[0] == 200

        mounted("size=99m,nr_inodes=5000")
        service.wait_for("storage.writable")
        assert service.ask("/readyz") == (200, "ready\n")
        assert [one["event"] for one in service.said].count("storage.unwritable") == 1
        assert [one["event"] for one in service.said].count("run.ended") == 1, "no pass was needed"
        assert service.end() == 0
    finally:
        service.kill()


_TRACED = """\
#!/bin/sh
exec strace -f -q -o /dev/null -e trace=fsync -e inject=fsync:error=EIO {git} "$@"
"""


@pytest.mark.needs("strace")
@pytest.mark.fault("an error of the disk while syncing")
def test_an_error_of_the_disk_in_git_is_never_told_as_success(estate: Estate) -> None:
    forge, laptop = estate.forge, estate.laptop
    forge.add_repo(OWNER, "old")
    assert laptop.mgit("sync").code == 0
    before = refs_of(estate, "old")
    forge.add_repo(OWNER, "new")
    forge.push(OWNER, "old")
    git = laptop.home / "bin" / "git"
    git.parent.mkdir()
    git.write_text(_TRACED.format(git=shutil.which("git")))
    git.chmod(0o755)

    ran = laptop.mgit("sync", "--format", "json")
    assert ran.code == 1
    assert {one["result"] for one in ran.json["outcomes"]} == {"failed"}
    assert refs_of(estate, "old") == before
    assert not (estate.root / OWNER / "new").exists()

    git.unlink()
    assert laptop.mgit("sync").code == 0
    assert refs_of(estate, "new") == forge.refs(OWNER, "new")
    assert refs_of(estate, "old") == forge.refs(OWNER, "old")


@pytest.mark.needs("strace")
@pytest.mark.fault("an error of the disk while syncing")
def test_an_error_of_the_disk_in_mgit_itself_neither(estate: Estate) -> None:
    estate.forge.add_repo(OWNER, "new")
    inject = ("-e", "trace=fsync", "-e", "inject=fsync:error=EIO")
    through = ("strace", "-f", "-q", "-b", "execve", "-o", "/dev/null", *inject)
    child = estate.start("sync", through=through)
    assert child.wait(120) not in (0, None)
    assert estate.laptop.mgit("sync").code == 0
    assert refs_of(estate, "new") == estate.forge.refs(OWNER, "new")


def largest(root: Path) -> int:
    return max(path.stat().st_size for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["mirror", "worktree"])
@pytest.mark.fault("a pack bomb")
def test_a_pack_beyond_the_limit_is_cut_off_and_its_beginning_removed(
    estate: Estate, kind: str
) -> None:
    forge = estate.forge
    forge.add_repo(OWNER, "app")
    limits = {"MGIT_MAX_PACK_BYTES": "1m", "MGIT_KIND": kind}
    assert estate.laptop.mgit("sync", env=limits).code == 0
    before = refs_of(estate, "app")
    forge.push(OWNER, "app", files={"bomb": noise(6 * MIB)})
    forge.add_repo(OWNER, "new")
    forge.push(OWNER, "new", files={"bomb": noise(6 * MIB)})

    ran = estate.laptop.mgit("sync", env=limits)
    assert ran.code == 1
    assert "max_pack_bytes" in ran.err + ran.out
    assert refs_of(estate, "app") == before
    assert not (estate.root / OWNER / "new").exists()
    assert leftovers(estate.root) == []
    assert largest(estate.root) <= MIB

    assert estate.laptop.mgit("sync", env={"MGIT_KIND": kind}).code == 0, "64g is enough for it"


@pytest.mark.fault("a pack bomb")
def test_a_small_pack_that_unpacks_to_a_large_file_too(estate: Estate) -> None:
    estate.forge.add_repo(OWNER, "zeros")
    estate.forge.push(OWNER, "zeros", files={"zeros": "0" * 16 * MIB})
    limits = {"MGIT_MAX_PACK_BYTES": "1m", "MGIT_KIND": "worktree"}
    ran = estate.laptop.mgit("sync", env=limits)
    assert ran.code == 1
    assert "max_pack_bytes" in ran.err + ran.out
    assert not (estate.root / OWNER / "zeros").exists()
    assert leftovers(estate.root) == []
