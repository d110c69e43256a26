"""What a status page asks of the state: pages, filters, and a file that may be anything."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.model import Reason
from mgit.state.overview import Filter, Overview, Show, Sort
from tests.story.scenes import HOUR, MINUTE, Scene, failed, fetched, held, remote

CUT = HOUR


@pytest.fixture
def scene(tmp_path):
    made = Scene(tmp_path)
    made.run(3 * HOUR, [fetched(one, "a") for one in range(4)])
    made.run(
        MINUTE,
        [
            fetched(10, "a", seconds=3.0),
            fetched(11, "b", refs=0),
            held(12, "b", Reason.DIRTY, "2 files"),
            failed(13, "b", "no", "try"),
            fetched(14, "rests"),
        ],
    )
    yield made
    made.state.close()


@pytest.fixture
def overview(scene):
    return Overview(scene.folder / "state.db")


@pytest.fixture
def cutoffs(scene):
    return {"a": scene.now - CUT, "b": scene.now - CUT}


def test_what_was_recorded_is_told(overview, cutoffs, scene):
    row = overview.repository("b.example.com", "1013", cutoffs)
    assert (row.state, row.message, row.advice, row.source) == ("failed", "no", "try", "b")
    assert row.last_success is None
    assert not row.stale  # it was met only now
    (seen,) = overview.outcomes("b.example.com", "1013")
    assert (seen.action, seen.result, seen.message) == ("fetch", "failed", "no")
    old = overview.repository("a.example.com", "1000", cutoffs)
    assert (old.state, old.stale, old.last_changed) == ("current", True, scene.now - 3 * HOUR)
    assert overview.repository("a.example.com", "9", cutoffs) is None
    assert overview.repository("rests.example.com", "1014", cutoffs) is None


def test_while_a_forge_does_not_answer_its_repositories_stay_as_they_were(overview, cutoffs, scene):
    why = "the forge did not list everything"
    unknown = [held(one, "b", Reason.LISTING_INCOMPLETE, why) for one in (11, 13, 15)]
    scene.run(1.0, unknown)
    failing = overview.repository("b.example.com", "1013", cutoffs)
    assert (failing.state, failing.message) == ("failed", "no")
    assert failing.last_seen <= scene.now - MINUTE
    assert overview.repository("b.example.com", "1011", cutoffs).state == "current"
    never_met = overview.repository("b.example.com", "1015", cutoffs)
    assert (never_met.state, never_met.message) == ("held", why)


def test_sources_are_counted_apart(overview, cutoffs, scene):
    tallies = overview.tallies(cutoffs)
    assert set(tallies) == {"a", "b"}
    one = tallies["a"]
    assert (one.total, one.current, one.well, one.stale) == (5, 5, 1, 4)
    two = tallies["b"]
    assert (two.total, two.held, two.failed, two.well) == (3, 1, 1, 1)
    assert one.oldest == scene.now - 3 * HOUR


def test_filters(overview, cutoffs):
    def keys(**chosen):
        rows = overview.repositories(Filter(cutoffs, **chosen), Sort.NAME, limit=50)
        assert overview.count(Filter(cutoffs, **chosen)) == len(rows)
        return {int(row.repo_id) - 1000 for row in rows}

    assert keys() == {0, 1, 2, 3, 10, 11, 12, 13}
    assert keys(source="b") == {11, 12, 13}
    assert keys(show=Show.STALE) == {0, 1, 2, 3}
    assert keys(show=Show.WELL) == {10, 11}
    assert keys(show=Show.HELD) == {12}
    assert keys(show=Show.FAILED, source="a") == set()
    assert keys(text=str(remote(2, "a").path).upper()) == {2}
    assert keys(text="%") == keys(text="_") == set()


def test_who_needs_attention_comes_first(overview, cutoffs):
    def order(sort):
        rows = overview.repositories(Filter(cutoffs), sort, limit=50)
        return [int(row.repo_id) - 1000 for row in rows]

    attention = order(Sort.ATTENTION)
    assert attention[0] == 13
    assert set(attention[1:5]) == {0, 1, 2, 3}
    assert attention[5] == 12
    assert set(order(Sort.STALEST)[:4]) == {0, 1, 2, 3}
    assert order(Sort.CHANGED)[0] == 10
    assert order(Sort.SLOWEST)[0] == 10


@settings(max_examples=25)
@given(sort=st.sampled_from(Sort), limit=st.integers(1, 9))
def test_pages_together_are_the_whole(tmp_path_factory, sort, limit):
    scene = Scene(tmp_path_factory.mktemp("scene"))
    scene.run(MINUTE, [fetched(one, "a", one % 2, one % 3) for one in range(11)])
    scene.state.close()
    overview = Overview(scene.folder / "state.db")
    chosen = Filter({"a": scene.now - CUT})
    whole = overview.repositories(chosen, sort, limit=50)
    assert len(whole) == 11
    pages, after = [], None
    while page := overview.repositories(chosen, sort, limit=limit, after=after):
        assert page == overview.repositories(chosen, sort, limit=limit, skip=len(pages))
        pages += page
        after = page[-1].mark
    assert tuple(pages) == whole


def test_runs_newest_first(overview, scene):
    scene.run(0, [], code=None, run_id="f" * 16, seconds=5)
    running, last, first = overview.runs(9)
    assert running.ended_at is None
    assert (last.repos, last.changed, last.failed, last.git_processes) == (5, 2, 1, 14)
    assert overview.runs(1) == (running,)
    assert overview.runs(9, last.started_at) == (first,)


def test_a_repository_that_is_gone_is_told_no_more(scene, overview, cutoffs):
    with sqlite3.connect(scene.folder / "state.db") as connection:
        connection.execute("UPDATE repos SET last_result = 'removed' WHERE repo_id = '1010'")
    connection.close()
    assert overview.repository("a.example.com", "1010", cutoffs) is None
    assert overview.count(Filter(cutoffs)) == 7


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 1000])
@pytest.mark.fault(
    "the state file is not there, damaged or another mgit's while a page is asked for"
)
def test_a_file_that_is_not_there_or_damaged_tells_nothing(tmp_path, content):
    path = tmp_path / "odd?name#%.db"
    if content is not None:
        path.write_bytes(content)
    overview = Overview(path)
    assert overview.repositories(Filter({"a": 0.0}), Sort.NAME, limit=5) == ()
    assert overview.tallies({"a": 0.0}) == {}
    assert overview.runs(5) == ()
    assert path.exists() == (content is not None)


def test_a_file_of_another_mgit_tells_nothing(scene, overview, cutoffs):
    with sqlite3.connect(scene.folder / "state.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert overview.count(Filter(cutoffs)) == 0
