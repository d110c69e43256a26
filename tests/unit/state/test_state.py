"""The state is a cache: whatever happens to it, the answer is "nothing known", never wrong."""

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from mgit.address import parse_clone_url
from mgit.errors import StateError
from mgit.model import (
    Clone,
    CopyKind,
    Fetch,
    Listing,
    Outcome,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Result,
    Skip,
    Visibility,
)
from mgit.state import State
from mgit.state.database import APPLICATION_ID
from mgit.state.schema import MIGRATIONS


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
def state(path, warnings, clock):
    state = State(path, warn=warnings.append, clock=clock)
    yield state
    state.close()


def repo(name: str = "tool", number: str = "1") -> RemoteRepo:
    return RemoteRepo(
        key=RepoKey("git.example.com", number),
        source="work",
        path=RepoPath("acme", name, "team"),
        url=parse_clone_url(f"https://git.example.com/acme/{name}.git"),
        default_branch="main",
        visibility=Visibility.PRIVATE,
    )


def cloned(name: str = "tool", number: str = "1") -> Outcome:
    return Outcome(Clone(repo(name, number), f"acme/{name}", CopyKind.MIRROR), Result.CLONED)


def test_nothing_touches_the_disk_before_the_first_question(path, state):
    assert not path.parent.exists()


def test_an_answer_comes_back_as_it_was_put_in(state):
    body = bytes(range(256)) * 100
    state.store_response("work", "https://git.example.com/a", body)
    assert state.load_response("work", "https://git.example.com/a") == body
    assert state.load_response("work", "https://git.example.com/b") is None


def test_two_sources_never_share_an_answer(state):
    state.store_response("work", "https://git.example.com/a", b"private")
    assert state.load_response("home", "https://git.example.com/a") is None


def test_file_and_folder_are_private(path, state):
    state.store_response("work", "u", b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for beside in path.parent.iterdir():
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600


def test_a_listing_survives_the_process(path, state, clock):
    listing = Listing("work", (repo("a", "1"), repo("b", "2")))
    state.store_listing(listing)
    state.close()
    again = State(path, warn=pytest.fail)
    found = again.last_listing("work")
    again.close()
    assert found is not None
    assert found.listing == listing
    assert found.listed_at == clock.now


@pytest.mark.fault("a listing that is partial or fails")
def test_a_partial_listing_does_not_replace_a_whole_one(state):
    whole = Listing("work", (repo("a", "1"), repo("b", "2")))
    state.store_listing(whole)
    state.store_listing(Listing("work", (), complete=False, problem="page 2 failed"))
    found = state.last_listing("work")
    assert found is not None
    assert found.listing == whole


def test_a_run_and_what_it_did(state, clock, path):
    state.begin_run("r1", Path("/data"))
    state.record("r1", [cloned()])
    clock.now += 5
    state.end_run("r1", 0)
    run = state.runs()[0]
    assert (run.run_id, run.root, run.exit_code) == ("r1", "/data", 0)
    assert run.ended_at == run.started_at + 5
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, action, result FROM outcomes").fetchall()
    connection.close()
    assert rows == [("acme/team/tool", "clone", "cloned")]


def test_old_runs_are_forgotten_with_their_outcomes(clock, path, warnings):
    state = State(path, warn=warnings.append, clock=clock, kept_runs=3)
    for number in range(6):
        clock.now += 1
        state.begin_run(f"r{number}", Path("/data"))
        state.record(f"r{number}", [cloned()])
    assert [run.run_id for run in state.runs()] == ["r5", "r4", "r3"]
    with sqlite3.connect(path) as connection:
        kept = connection.execute("SELECT DISTINCT run_id FROM outcomes ORDER BY 1").fetchall()
    connection.close()
    state.close()
    assert kept == [("r3",), ("r4",), ("r5",)]


def test_freshness_is_the_last_success_or_else_the_first_sight(state, clock):
    key = RepoKey("git.example.com", "1")
    action = Fetch(repo(), "acme/tool", CopyKind.MIRROR, RefSnapshot())
    failed = Outcome(action, Result.FAILED, message="no", exit_code=1)
    first = clock.now
    state.record("r1", [failed])
    clock.now += 10
    state.record("r2", [failed])
    assert state.freshness() == {key: first}
    clock.now += 10
    dirty = Skip("acme/tool", "acme/tool", Reason.DIRTY, key=key)
    state.record("r3", [Outcome(dirty, Result.SKIPPED, Reason.DIRTY)])
    assert state.freshness() == {key: first + 20}
    clock.now += 10
    state.record("r4", [failed])
    assert state.freshness() == {key: first + 20}


def test_what_nobody_knows_has_no_freshness(state):
    state.record("r1", [Outcome(Skip("mine", "mine", Reason.FOREIGN), Result.SKIPPED)])
    assert state.freshness() == {}


def test_many_threads_at_once(state):
    def work(number: int) -> None:
        for page in range(20):
            url = f"u{number}-{page}"
            state.store_response("work", url, url.encode())
            assert state.load_response("work", url) == url.encode()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.load_response("work", "u7-19") == b"u7-19"


def test_two_processes_share_the_file(path, state, warnings):
    other = State(path, warn=warnings.append)
    state.store_response("work", "a", b"1")
    other.store_response("work", "b", b"2")
    assert other.load_response("work", "a") == b"1"
    assert state.load_response("work", "b") == b"2"
    other.close()
    assert warnings == []


@pytest.mark.parametrize(
    "rubbish",
    [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000],
    ids=["text", "broken header"],
)
def test_a_damaged_file_is_set_aside_and_replaced(path, warnings, rubbish):
    path.parent.mkdir()
    path.write_bytes(rubbish)
    state = State(path, warn=warnings.append)
    assert state.load_response("work", "a") is None
    state.store_response("work", "a", b"1")
    assert state.load_response("work", "a") == b"1"
    state.close()
    assert path.with_name("state.db.damaged").read_bytes() == rubbish
    assert len(warnings) == 1
    assert "was damaged" in warnings[0]


def test_rot_in_the_middle_of_the_file_is_survived(path, state, warnings):
    for number in range(200):
        state.store_response("work", f"u{number}", os.urandom(500))
    state.close()
    content = bytearray(path.read_bytes())
    for offset in range(4096, len(content), 4096):
        content[offset : offset + 200] = b"\xa5" * 200
    path.write_bytes(content)
    again = State(path, warn=warnings.append)
    assert again.load_response("work", "u100") is None
    again.store_response("work", "u100", b"new")
    assert again.load_response("work", "u100") == b"new"
    again.close()
    assert "was damaged" in warnings[0]


def test_rot_within_a_stored_answer_is_no_answer(path, state):
    state.store_response("work", "a", b"x" * 1000)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE responses SET body = substr(body, 1, 10)")
    connection.close()
    assert state.load_response("work", "a") is None


def test_a_listing_of_another_shape_is_no_listing(path, state):
    state.store_listing(Listing("work", (repo(),)))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE listings SET body = ?", (b"\x78\x9c\x03\x00\x00\x00\x00\x01",))
    connection.close()
    assert state.last_listing("work") is None


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("user_version", len(MIGRATIONS) + 1), ("application_id", APPLICATION_ID + 1)],
    ids=["newer mgit", "another program"],
)
def test_a_file_that_is_not_ours_to_read_is_set_aside(path, state, warnings, pragma, value):
    state.store_response("work", "a", b"1")
    state.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA {pragma} = {value}")
    connection.close()
    again = State(path, warn=warnings.append)
    assert again.load_response("work", "a") is None
    assert again.runs() == ()
    again.close()
    assert path.with_name("state.db.damaged").exists()
    assert len(warnings) == 1


def test_a_deleted_file_is_made_again(path, state, warnings):
    state.store_response("work", "a", b"1")
    state.close()
    path.unlink()
    assert state.load_response("work", "a") is None
    state.store_response("work", "a", b"2")
    assert state.load_response("work", "a") == b"2"
    assert warnings == []


@pytest.mark.fault("a folder that cannot be written")
def test_where_nothing_can_be_written_mgit_goes_on_and_says_so_once(tmp_path, warnings):
    (tmp_path / "file").write_text("in the way")
    state = State(tmp_path / "file" / "state.db", warn=warnings.append)
    for _ in range(3):
        assert state.load_response("work", "a") is None
        state.store_response("work", "a", b"1")
        assert state.freshness() == {}
    with pytest.raises(StateError, match="cannot be used"):
        state.check()
    state.close()
    assert len(warnings) == 1


def test_a_writer_that_holds_the_file_too_long_is_not_waited_for_for_ever(path, warnings):
    state = State(path, warn=warnings.append, patience=0.02)
    state.store_response("work", "a", b"1")
    state.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    state.store_response("work", "a", b"2")
    other.execute("ROLLBACK")
    other.close()
    assert state.load_response("work", "a") == b"1"
    state.close()
    assert "locked" in warnings[0]


def test_check_says_nothing_when_all_is_well(state):
    state.check()


def test_a_change_that_the_file_refuses_is_given_up_whole(path, state, warnings):
    state.begin_run("r1", path.parent)
    with sqlite3.connect(path) as other:
        other.execute(
            "CREATE TRIGGER planted BEFORE DELETE ON outcomes BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        other.execute(
            "INSERT INTO outcomes VALUES ('gone', '', '', '', '', '', '', '', '', 0, 0, 0)"
        )
    other.close()
    state.begin_run("r2", path.parent)
    assert [run.run_id for run in state.runs()] == ["r1"]  # not even its first half
    assert len(warnings) == 1
    assert "is not used: no" in warnings[0]
