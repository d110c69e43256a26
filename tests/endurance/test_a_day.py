"""A simulated day of `mgit serve` leaves no more memory, descriptors or threads than an hour."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, REPOSITORY, Laptop

TURNS_AN_HOUR = 4
WARM = 6
"""Passes until every code path was taken once and every cache is there."""
MEMORY = 1 << 20
"""Bytes that the allocator may come and go by; a leak of 11 kB a pass would show in a day."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")


def passes(laptop: Laptop, forge: SandboxForge, hours: int) -> list[dict[str, Any]]:
    """Let the loop live; every pass finds something else at the forge."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.endurance", str(laptop.config_file), str(hours)],
        env={**laptop.environment, "MGIT_PER_REPOSITORY_METRICS": "3"},
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = []
    assert process.stdout is not None
    try:
        for number, line in enumerate(process.stdout):
            found.append(json.loads(line))
            change(forge, number)
    finally:
        process.stdout.close()
        if process.poll() is None:
            process.terminate()
        assert process.wait(60) == 0
    return found


def change(forge: SandboxForge, number: int) -> None:
    """In four passes: a push, a fetch that fails, a listing that fails, and nothing."""
    match number % 4:
        case 0:
            forge.push("acme", f"repo-00{1 + number % 3}")
        case 1:
            forge.push("acme", "repo-002")
            forge.fail_next("/acme/repo-002.git/git-upload-pack", 500, times=1)
        case 2:
            forge.fail_next("/api/*", 401, {}, b"{}", times=1)
        case _:
            pass


@pytest.mark.parametrize(
    "hours",
    [
        pytest.param(8, marks=pytest.mark.slow),
        pytest.param(24, marks=[pytest.mark.slow, pytest.mark.long]),
    ],
)
@pytest.mark.fault("a day of passes, some of which fail")
def test_nothing_grows(laptop: Laptop, forge: SandboxForge, hours: int) -> None:
    forge.add_owner("acme")
    forge.add_repos("acme", 3)
    (laptop.home / "token").write_text(f"{CANARY}\n")
    (laptop.home / "token").chmod(0o600)
    laptop.configure(
        f'[sources.work]\nforge = "github"\nurl = "{forge.api_url}"\nowners = ["acme"]\n'
        f'token_file = "{laptop.home / "token"}"\n'
    )
    found = passes(laptop, forge, hours)
    assert len(found) >= hours * TURNS_AN_HOUR - 2
    codes = {one["code"] for one in found[1:]}
    assert codes >= {0, 3}, codes
    assert any(one["gits"] for one in found[1:])
    settled = found[WARM:]
    for what in ("descriptors", "threads"):
        assert {one[what] for one in settled} == {settled[0][what]}, what
    early, late = settled[: len(settled) // 3], settled[-len(settled) // 3 :]
    assert growth(early, late, "rss") < MEMORY, [one["rss"] for one in found]
    assert growth(early, late, "text") < 2000


def growth(early: list[dict[str, Any]], late: list[dict[str, Any]], what: str) -> float:
    return median(one[what] for one in late) - median(one[what] for one in early)


def test_the_measurement_would_see_a_leak() -> None:
    leaking = [{"rss": 50_000_000 + 60_000 * number} for number in range(32)]
    assert growth(leaking[:10], leaking[-10:], "rss") >= MEMORY
