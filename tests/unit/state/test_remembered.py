"""Refs, listings and pauses that outlive a run; an old state file learns of them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgit.model import Listing, RefSnapshot
from mgit.state import State, StoredPause, StoredRefs, StoredTurn
from mgit.state.remembered import packed_refs, unpacked_refs
from mgit.state.schema import MIGRATIONS

ROOT = Path("/src")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened() -> Iterator[Callable[..., State]]:
    """Opens states that are closed when the test ends."""
    with contextlib.ExitStack() as stack:

        def open_one(path: Path, **options: object) -> State:
            made = State(path, **{"warn": pytest.fail, **options})
            stack.callback(made.close)
            return made

        yield open_one


@pytest.fixture
def state(tmp_path: Path, clock: Clock, opened: Callable[..., State]) -> State:
    return opened(tmp_path / "state.db", clock=clock)


names = st.text(
    st.characters(codec=None, exclude_characters="\n\0", exclude_categories=()), min_size=1
)
oids = st.text("0123456789abcdef", min_size=40, max_size=40)


@given(refs=st.dictionaries(names, oids), head=st.one_of(st.none(), names))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_refs_come_back_as_they_were(refs, head):
    names_as_git_gives_them = {
        name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"): oid
        for name, oid in refs.items()
    }
    head = head and head.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    snapshot = RefSnapshot(names_as_git_gives_them, head)
    assert unpacked_refs(packed_refs(snapshot)) == snapshot


def test_rotten_refs_are_not_known():
    assert unpacked_refs(b"rubbish") is None


def test_refs_are_kept_for_each_root(state):
    refs = RefSnapshot({"refs/heads/main": "1" * 40}, "refs/heads/main")
    state.remembered.store_refs(ROOT, [StoredRefs("f#1", "acme/a", refs)])
    assert state.remembered.clones(ROOT) == {"f#1": "acme/a"}
    assert state.remembered.refs(ROOT, "f#1") == refs
    assert state.remembered.clones(Path("/other")) == {}
    assert state.remembered.refs(ROOT, "f#2") is None
    state.remembered.store_refs(ROOT, [], gone=["f#1"])
    assert state.remembered.clones(ROOT) == {}


def test_a_baseline_is_not_the_last_listing(state):
    state.store_listing(Listing("work", ()))
    assert state.remembered.listing("work") is None
    state.remembered.store_listing(Listing("work", ()))
    kept = state.remembered.listing("work")
    assert kept is not None
    assert kept.listed_at == 1_000_000.0


def test_since_when_a_source_is_complete(state):
    state.remembered.store_complete(ROOT, {"work": 5.0})
    state.remembered.store_complete(ROOT, {"work": 7.0, "home": 6.0})
    assert state.remembered.complete_since(ROOT) == {"work": 7.0, "home": 6.0}
    assert state.remembered.complete_since(Path("/other")) == {}


def test_due_times_are_kept_for_each_place_and_replace_each_other(state):
    one, other = StoredTurn("work", 1e9, 0, 7), StoredTurn("home", 2e9, 3, 2**32 - 1)
    assert state.turns.load(Path("/a")) == ()
    state.turns.store(Path("/a"), [one, other])
    state.turns.store(Path("/b"), [one])
    assert set(state.turns.load(Path("/a"))) == {one, other}
    state.turns.store(Path("/a"), [other])
    assert state.turns.load(Path("/a")) == (other,)
    assert state.turns.load(Path("/b")) == (one,)


def test_a_pause_ends_by_itself(state, clock):
    state.pauses.store("https://h", "name", StoredPause(60.0, "it said so", ""))
    clock.now += 20
    assert state.pauses.load("https://h", "name") == StoredPause(40.0, "it said so", "")
    assert state.pauses.load("https://h", "another") is None
    clock.now += 41
    assert state.pauses.load("https://h", "name") is None


def test_a_credential_keeps_its_name_and_the_name_tells_nothing(state, tmp_path, clock, opened):
    name = state.pauses.credential_name("canary-token")
    again = opened(tmp_path / "state.db", clock=clock)
    assert again.pauses.credential_name("canary-token") == name
    elsewhere = opened(tmp_path / "other.db", clock=clock)
    assert elsewhere.pauses.credential_name("canary-token") != name
    assert "canary" not in name
    assert state.pauses.credential_name("") == ""


def test_a_state_that_cannot_be_written_still_names_credentials(tmp_path, opened):
    (tmp_path / "file").write_text("in the way")
    state = opened(tmp_path / "file" / "state.db", warn=lambda _: None)
    name = state.pauses.credential_name("token")
    assert state.pauses.credential_name("token") == name
    state.pauses.store("h", name, StoredPause(60.0, "why", ""))
    assert state.pauses.load("h", name) is None


def test_a_file_of_the_first_release_is_taken_over(tmp_path, clock, opened):
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as old:
        for statement in MIGRATIONS[0]:
            old.execute(statement)
        old.execute("INSERT INTO runs VALUES ('r', '/src', 1.0, 2.0, 0)")
        old.execute(f"PRAGMA application_id = {0x6D676974}")
        old.execute("PRAGMA user_version = 1")
    old.close()
    state = opened(path, clock=clock)
    assert [run.run_id for run in state.runs()] == ["r"]
    state.remembered.store_complete(ROOT, {"work": 1.0})
    assert state.remembered.complete_since(ROOT) == {"work": 1.0}
