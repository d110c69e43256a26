"""Bit rot is searched for: by hand, and by the service while nothing is due."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop
from tests.story.test_serve_daemon import Start, start, state_folder

__all__ = ["start"]  # the fixture


def rot(mirror: Path) -> Path:
    """Flip one bit in the middle of its pack: no look from outside sees it."""
    [pack] = (mirror / "objects/pack").glob("*.pack")
    pack.chmod(0o644)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 4
    pack.write_bytes(content)
    return pack


def test_a_folder_that_is_not_there_is_not_called_sound(work: Laptop, tmp_path: Path) -> None:
    ran = work.mgit("scrub", "--root", str(tmp_path / "no-such"))
    assert ran.code == 2
    assert f"there is no folder {tmp_path / 'no-such'}" in ran.err


@pytest.mark.fault("bit rot in a pack, an index or a loose object")
def test_by_hand(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 3)
    assert work.mgit("sync", "--kind", "mirror").code == 0
    pack = rot(work.root / "acme/repo-002")
    assert work.mgit("sync").code == 0, "a sync that has nothing to read there does not see it"

    ran = work.mgit("scrub")
    assert ran.code == 1
    assert "acme/repo-002" in ran.out
    assert pack.name in ran.out
    assert "mgit sync" in ran.last_line
    again = work.mgit("scrub", "--all", "--rate", "64m", "--format", "json")
    assert again.code == 1
    damage = {one["path"]: one["damage"] for one in again.json["clones"]}
    assert pack.name in damage["acme/repo-002"], "known, and told again without reading it"

    ran = work.mgit("sync")
    assert ran.code == 0, ran.err
    assert "healed" in ran.out
    work.git("acme/repo-002", "fsck", "--full")
    [kept] = (work.root / ".mgit/quarantine").rglob(pack.name)
    assert kept.is_file(), "nothing is thrown away"

    assert "no clone is due" in work.mgit("scrub").err + work.mgit("scrub").out
    again = work.mgit("scrub", "--all", "--format", "json")
    assert again.code == 0
    assert [one["damage"] for one in again.json["clones"]] == ["", "", ""]
    assert len(work.mgit("scrub", "--all", "*/repo-001", "--format", "jsonl").lines) == 1


@pytest.mark.fault("bit rot in a pack, an index or a loose object")
def test_by_the_service_which_heals_it_at_once(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 3)
    assert work.mgit("sync", "--kind", "mirror").code == 0
    pack = rot(work.root / "acme/repo-002")

    service = start(MGIT_KIND="mirror", MGIT_SCRUB_RATE="64m")
    found = service.wait_for("scrub.damaged")
    assert found["repo"] == "acme/repo-002"
    assert pack.name in str(found["message"])
    service.wait_for("repo.healed", repo="acme/repo-002")
    service.wait_for("run.ended")
    end = time.monotonic() + 60
    while service.metrics()["mgit_scrubs_total", "sound"] < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    metrics = service.metrics()
    assert metrics["mgit_scrubs_total", "damaged"] == 1
    assert metrics["mgit_scrub_bytes_total",] > 0
    assert service.end() == 0
    log = (state_folder(work) / "audit.jsonl").read_text()
    records = [json.loads(line) for line in log.splitlines()]
    assert "damage-found" in [one["event"]["action"] for one in records]

    again = start("--once", MGIT_KIND="mirror")
    assert again.ended() == 0, "what was read before the restart is remembered"
    assert "no clone is due" in work.mgit("scrub").err


def test_where_it_is_not_wanted_nothing_is_read(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 1)
    service = start(MGIT_SCRUB_RATE="0")
    service.wait_for("run.ended")
    assert service.metrics()["mgit_scrub_bytes_total",] == 0
    assert service.end() == 0
