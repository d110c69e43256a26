"""`mgit sync` finds what is damaged, sets it aside whole, and leaves every mirror current."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop


def _pack(mirror: Path) -> Path:
    [pack] = (mirror / "objects/pack").glob("*.pack")
    pack.chmod(0o644)
    return pack


def _cut_pack(mirror: Path) -> None:
    os.truncate(_pack(mirror), _pack(mirror).stat().st_size // 2)


def _no_objects(mirror: Path) -> None:
    shutil.rmtree(mirror / "objects")


def _empty_ref(mirror: Path) -> None:
    (mirror / "refs/heads").mkdir(exist_ok=True)
    (mirror / "refs/heads/main").write_text("")


def _empty_config(mirror: Path) -> None:
    (mirror / "config").write_text("")


def _garbage_head(mirror: Path) -> None:
    (mirror / "HEAD").write_bytes(b"\0\xff\xfe")


def _half_clone(mirror: Path) -> None:
    """As a clone that was killed leaves it: a HEAD, and nothing else."""
    shutil.rmtree(mirror / "objects")
    shutil.rmtree(mirror / "refs")
    for name in ("objects/pack", "objects/info", "refs/heads", "refs/tags"):
        (mirror / name).mkdir(parents=True)
    (mirror / "packed-refs").unlink(missing_ok=True)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "repo-001": _cut_pack,
    "repo-002": _no_objects,
    "repo-003": _empty_ref,
    "repo-004": _empty_config,
    "repo-005": _garbage_head,
    "repo-006": _half_clone,
}


@pytest.mark.fault("a damaged clone, in fifteen ways")
def test_damaged_mirrors_are_current_after_one_sync_and_nothing_is_thrown_away(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 8)
    assert work.mgit("sync", "--kind", "mirror").code == 0
    for name, damage in DAMAGE.items():
        damage(work.root / "acme" / name)

    plan = work.mgit("sync", "--kind", "mirror", "--dry-run")
    assert plan.out.count("heal") >= 5, plan.out

    ran = work.mgit("sync", "--kind", "mirror")
    assert ran.code == 0, ran.out + ran.err
    for number in range(1, 9):
        name = f"repo-{number:03}"
        told = work.git(f"acme/{name}", "for-each-ref", "--format=%(objectname) %(refname)")
        refs = {ref: oid for oid, ref in (line.split(" ", 1) for line in told.splitlines())}
        assert refs == forge.refs("acme", name), name
        work.git(f"acme/{name}", "fsck", "--full")

    kept = [path.name for path in (work.root / ".mgit" / "quarantine").rglob("repo-*")]
    assert len(kept) >= 5
    again = work.mgit("sync", "--kind", "mirror", "--format", "json")
    assert again.json["summary"] == {"repositories": 8, "current": 8}


def test_a_damaged_work_tree_is_left_to_its_person_until_told_otherwise(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 1)
    work.mgit("sync")
    tree = work.root / "acme" / "repo-001"
    (tree / "notes.txt").write_text("my own")
    _cut_pack(tree / ".git")

    left = work.mgit("sync")
    assert left.code == 1
    assert "--heal" in left.out + left.err
    assert (tree / "notes.txt").read_text() == "my own"

    healed = work.mgit("sync", "--heal", "all")
    assert healed.code == 0, healed.out + healed.err
    assert work.git("acme/repo-001", "fsck") == ""
    [kept] = (work.root / ".mgit" / "quarantine").rglob("notes.txt")
    assert kept.read_text() == "my own"
