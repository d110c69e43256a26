"""Clones are read in turn, a little at a time, and a restart goes on where it stood."""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mgit.address import parse_clone_url
from mgit.fleet.scrubbing import Scrubber
from mgit.git.damage import note
from mgit.git.identity import Identity, write_identity
from mgit.git.inspect import read_local
from mgit.model import RepoKey, RepoPath
from mgit.plan.rot import LastRead, in_turn
from mgit.state import State
from mgit.telemetry.events import Scrubbed

DAY = 86400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(3):
        clone = tmp_path / "root" / f"repo-{number}"
        subprocess.run(["git", "init", "-q", "--bare", str(clone)], check=True)
        for count in range(4):
            blob = (f"{number} {count}\n" * 500).encode()
            subprocess.run(
                ["git", "-C", str(clone), "hash-object", "-w", "--stdin"],
                input=blob,
                check=True,
                capture_output=True,
            )
        url = parse_clone_url(f"https://git.example.com/acme/{number}.git")
        key = RepoKey("git.example.com", str(number))
        write_identity(clone, Identity(key, "work", RepoPath("acme", f"repo-{number}"), url))
    return tmp_path / "root"


@pytest.fixture
def open_scrubber(root: Path, tmp_path: Path) -> Iterator[Callable[[Clock], Scrubber]]:
    with contextlib.ExitStack() as stack:

        def make(clock: Clock) -> Scrubber:
            state = State(tmp_path / "state.db", warn=pytest.fail, clock=clock)
            stack.callback(state.close)
            return Scrubber(root, state, every=30 * DAY, clock=clock, monotonic=clock)

        yield make


def read_all(scrubber: Scrubber) -> list[Scrubbed]:
    return [one for one in scrubber.work(10**9) if isinstance(one, Scrubbed)]


def test_each_is_read_once_in_the_period(open_scrubber: Callable[[Clock], Scrubber]) -> None:
    clock = Clock()
    assert len(read_all(open_scrubber(clock))) == 3
    scrubber = open_scrubber(clock)
    assert read_all(scrubber) == []
    assert scrubber.oldest == clock.now
    clock.now += 20 * DAY
    assert read_all(scrubber) == [], "not due yet"
    clock.now += 3 * DAY
    assert len(read_all(scrubber)) == 3, "so that all are read before the thirty days are over"


def test_a_restart_goes_on_where_it_stood(open_scrubber: Callable[[Clock], Scrubber]) -> None:
    clock = Clock()
    first = open_scrubber(clock)
    work = first.work(10**9)
    for one in work:
        if isinstance(one, Scrubbed):
            break
    for _ in range(3):  # into the second clone
        next(work)
    first.close()
    names = [one.folder for one in read_all(open_scrubber(clock))]
    assert names == ["repo-1", "repo-2"]


def test_damage_is_noted_in_the_clone(
    open_scrubber: Callable[[Clock], Scrubber], root: Path
) -> None:
    loose = next((root / "repo-1/objects").glob("??/*"))
    loose.chmod(0o644)
    loose.write_bytes(loose.read_bytes()[:-9] + b"bit rot :(")
    found = {one.folder: one.damage for one in read_all(open_scrubber(Clock()))}
    assert "corrupt" in found["repo-1"]
    assert found["repo-0"] == found["repo-2"] == ""
    assert "corrupt" in read_local(root, "repo-1").broken


def test_what_is_no_clone_of_ours_or_known_to_be_damaged_is_passed_over(
    open_scrubber: Callable[[Clock], Scrubber], root: Path
) -> None:
    note(root / "repo-0", "it is cut")
    subprocess.run(["git", "init", "-q", "--bare", str(root / "somebodys")], check=True)
    assert [one.folder for one in read_all(open_scrubber(Clock()))] == ["repo-1", "repo-2"]
    for number in (1, 2):
        note(root / f"repo-{number}", "it is cut")
    clock = Clock()
    clock.now += 60 * DAY
    assert read_all(open_scrubber(clock)) == [], "all that is due is known already"


def test_one_that_moves_away_while_it_is_read_is_read_at_its_new_place(
    open_scrubber: Callable[[Clock], Scrubber], root: Path
) -> None:
    scrubber = open_scrubber(Clock())
    work = scrubber.work(10**9)
    next(work)
    (root / "repo-0").rename(root / "moved")
    names = [one.folder for one in work if isinstance(one, Scrubbed)]
    assert names == ["repo-1", "repo-2"]
    assert "moved" in {one.folder for one in read_all(open_scrubber(Clock()))}


def test_a_long_reading_keeps_its_place_now_and_then(
    open_scrubber: Callable[[Clock], Scrubber], root: Path, tmp_path: Path
) -> None:
    content = random.Random(1).randbytes(65 << 20)
    add = ("-c", "core.looseCompression=0", "hash-object", "-w", "--stdin")
    ran = ("git", "-C", str(root / "repo-0"), *add)
    subprocess.run(ran, input=content, check=True, capture_output=True)
    scrubber = open_scrubber(Clock())
    work = scrubber.work(10**9)
    read = 0
    while read <= 64 << 20:
        one = next(work)
        assert not isinstance(one, Scrubbed)
        read += one
    # Nobody closes it: the service was killed.
    with contextlib.closing(State(tmp_path / "state.db", warn=pytest.fail)) as state:
        [kept] = state.scrubs.load(root).values()
    assert (kept.folder, kept.ended_at) == ("repo-0", None)
    assert {one.damage for one in read_all(open_scrubber(Clock()))} == {""}


def test_what_was_begun_comes_first_then_the_stalest() -> None:
    clones = [
        LastRead("fresh", 999.0),
        LastRead("old", 1.0),
        LastRead("never"),
        LastRead("begun", 500.0, begun=True),
        LastRead("from the future", 5000.0),
    ]
    order = in_turn(clones, now=1000.0, every=100.0)
    assert order == ["begun", "never", "old", "from the future"]
