"""The short form of `nox -s faults`: some kills of each kind, the same each time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.random_kills import Play
from tests.faults.traced import play_all

SEED = 4711


@pytest.mark.slow
@pytest.mark.fault("killed anywhere", "killed in the middle of maintenance")
def test_killed_at_random_the_next_run_heals_all_by_itself(tmp_path: Path) -> None:
    for kill in Play(tmp_path, SEED).kills(8):
        assert kill.verdict.problems == [], kill


@pytest.mark.slow
@pytest.mark.needs("strace")
@pytest.mark.fault("killed at every rename, flush and removal")
def test_killed_at_a_rename_a_flush_or_a_removal_too(tmp_path: Path) -> None:
    played = list(play_all(tmp_path, random.Random(SEED).sample(range(60), 6)))
    for one in played:
        assert one.verdict.problems == [], one
    assert any(one.hit for one in played)
