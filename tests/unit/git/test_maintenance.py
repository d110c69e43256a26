"""Old mirrors are packed anew where they need it, and a kill in the middle costs nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mgit.git.damage import LEFT_BEHIND, REPACKING
from mgit.git.maintenance import MANY_PACKS, maintain, wants_repacking
from mgit.git.reading import deep_damage
from mgit.git.runner import GitRunner
from mgit.model import CopyKind, Heal, RemoteRepo
from tests.unit.git.world import World, git


def many_packs(mirror: Path, number: int) -> None:
    """As that many fetches leave it, in one process of git."""
    stream = []
    for count in range(number):
        text = f"change {count}\n"
        stream.append(
            f"commit refs/heads/old-{count}\ncommitter A <a@example.org> {1700000000 + count} "
            f"+0000\ndata {len(text)}\n{text}M 100644 inline f\n"
            f"data {len(text)}\n{text}\ncheckpoint\n"
        )
    subprocess.run(
        ["git", "-c", "fastimport.unpackLimit=0", "-C", str(mirror), "fast-import", "--quiet"],
        input="\n".join(stream).encode(),
        check=True,
    )


def packs(mirror: Path) -> list[str]:
    return [path.name for path in (mirror / "objects/pack").glob("*.pack")]


@pytest.fixture
def old(world: World) -> tuple[World, RemoteRepo, Path]:
    world.kind = CopyKind.MIRROR
    repo = world.add("app", commits=3)
    world.sync()
    mirror = world.folder(repo)
    many_packs(mirror, MANY_PACKS + 20)
    return world, repo, mirror


def test_six_hundred_packs_become_a_few(world: World) -> None:
    world.kind = CopyKind.MIRROR
    repo = world.add("app", commits=3)
    world.sync()
    mirror = world.folder(repo)
    assert maintain(world.runner, mirror) == "", "it needs none"
    many_packs(mirror, 601)
    refs = git(mirror, "for-each-ref")
    assert wants_repacking(mirror)

    assert "packs anew" in maintain(world.runner, mirror)

    assert len(packs(mirror)) < 5
    assert not wants_repacking(mirror)
    assert git(mirror, "for-each-ref") == refs
    assert git(mirror, "fsck", "--full", "--no-dangling") == ""
    assert deep_damage(mirror) == ""
    assert not (mirror / REPACKING).exists()


def test_what_no_ref_holds_stays(old: tuple[World, RemoteRepo, Path]) -> None:
    world, _, mirror = old
    lost = git(mirror, "rev-parse", "refs/heads/old-7")
    git(mirror, "update-ref", "-d", "refs/heads/old-7")
    maintain(world.runner, mirror)
    assert git(mirror, "cat-file", "-t", lost) == "commit"


_REPACK = """
import sys
from pathlib import Path
from mgit.git.maintenance import maintain
from mgit.git.runner import GitRunner
maintain(GitRunner(environment={"PATH": sys.argv[2]}), Path(sys.argv[1]))
"""


@pytest.mark.fault("killed in the middle of maintenance")
def test_killed_in_the_middle_the_next_run_heals_it_where_it_is(
    old: tuple[World, RemoteRepo, Path], tmp_path: Path
) -> None:
    """A git that waits stands in for a large mirror; mgit and it are killed together."""
    world, repo, mirror = old
    refs = git(mirror, "for-each-ref")
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "git").write_text('#!/bin/sh\necho $$ > "$0.pid"\nexec /bin/sleep 60\n')
    (slow / "git").chmod(0o755)
    child = subprocess.Popen([sys.executable, "-c", _REPACK, str(mirror), str(slow)])
    end = time.monotonic() + 30
    while not (slow / "git.pid").exists() or not (slow / "git.pid").read_text().strip():
        assert time.monotonic() < end
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    subprocess.run(["kill", "-9", (slow / "git.pid").read_text().strip()], check=True)
    pack = packs(mirror)[0].removesuffix(".pack")
    folder = mirror / "objects/pack"
    (folder / ".tmp-7-pack-77.pack").write_bytes(b"half")
    (folder / "pack-77.pack").write_bytes(b"no index yet")
    (folder / "tmp_pack_77").write_bytes(b"half")

    local = world.local(repo)
    assert local.broken == LEFT_BEHIND
    world.act(Heal(repo, local.folder, CopyKind.MIRROR, local.broken))

    assert world.local(repo).broken == ""
    assert f"{pack}.pack" in packs(mirror)
    assert [path.name for path in folder.iterdir() if path.stem.endswith(("-77", "_77"))] == []
    assert {line.split()[0] for line in refs.splitlines()} <= {
        line.split()[0] for line in git(mirror, "for-each-ref").splitlines()
    }, "no tip is lost: what upstream does not have is kept beside"
    assert git(mirror, "fsck", "--full", "--no-dangling") == ""


def test_a_mirror_that_cannot_be_packed_is_as_good_as_it_was(
    old: tuple[World, RemoteRepo, Path], tmp_path: Path
) -> None:
    world, repo, mirror = old
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\necho fatal: no >&2\nexit 128\n")
    fake.chmod(0o755)
    assert "not packed anew" in maintain(GitRunner(str(fake)), mirror)
    assert world.local(repo).broken == ""
