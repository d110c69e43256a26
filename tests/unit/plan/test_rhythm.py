"""How often each repository is asked: busy ones often, quiet ones seldom, none never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.model import RepoKey
from mgit.plan.rhythm import (
    FIRST_RETRY_SECONDS,
    Book,
    KeptVisit,
    Pass,
    Rhythm,
    Seen,
    Visit,
    kept,
    resumed,
    share_of,
)

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
STEADY = Rhythm(15 * MINUTE, 15 * MINUTE, 15 * MINUTE)
WIDE = Rhythm(15 * MINUTE, MINUTE, 6 * HOUR)


def key(number: int) -> RepoKey:
    return RepoKey("git.example.com", str(number))


def visit(asked: float = 0.0, changed: float | None = None, failures: int = 0) -> Visit:
    return Visit("work", "acme/tool", asked, changed, failures)


def seen(**facts: object) -> Seen:
    return Seen("work", "acme/tool", **facts)  # type: ignore[arg-type]


def test_by_default_everything_has_the_gap_of_its_source():
    for quiet in (None, 0.0, MINUTE, DAY, 400 * DAY):
        assert STEADY.gap(quiet) == 15 * MINUTE
        assert STEADY.gap(quiet, failures=7) == 15 * MINUTE


def test_the_longer_it_was_quiet_the_longer_it_may_rest():
    assert WIDE.gap(None) == 15 * MINUTE
    assert WIDE.gap(0.0) == MINUTE
    assert WIDE.gap(HOUR) == 3 * MINUTE
    assert WIDE.gap(DAY) == 72 * MINUTE
    assert WIDE.gap(30 * DAY) == 6 * HOUR


def test_one_that_fails_alone_is_tried_again_ever_later():
    gaps = [WIDE.gap(None, failures) for failures in range(1, 12)]
    assert gaps[:4] == [MINUTE, MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 6 * HOUR
    assert WIDE.gap(None, 10**6) == 6 * HOUR
    assert FIRST_RETRY_SECONDS == 30.0


@given(
    st.floats(1, 1e6),
    st.floats(1, 1e6),
    st.floats(1, 1e6),
    st.none() | st.floats(0, 1e9),
    st.integers(0, 10**6),
)
def test_no_gap_is_beyond_its_bounds(one, two, three, quiet, failures):
    shortest, interval, longest = sorted((one, two, three))
    assert shortest <= Rhythm(interval, shortest, longest).gap(quiet, failures) <= longest


def test_what_may_rest_is_asked_before_its_gap_ends():
    book = Book({"work": WIDE}, {key(1): visit(asked=0.0, changed=-30 * DAY)})
    due = 6 * HOUR * (1 - 0.2 * share_of(key(1)))
    assert book.resting(["work"], now=HOUR) == {key(1)}
    assert book.resting(["work"], now=due - 17 * MINUTE) == {key(1)}
    # The next turn may come a tenth late; then it would be too late for this one.
    assert book.resting(["work"], now=due - 16 * MINUTE) == frozenset()
    assert book.resting(["other"], now=HOUR) == frozenset()


def test_by_default_nothing_rests_and_nothing_is_asked_in_between():
    visits = {key(number): visit(changed=-1.0 * number) for number in range(100)}
    book = Book({"work": STEADY}, visits)
    assert book.resting(["work"], now=1.0) == frozenset()
    assert book.due(now=DAY) == {}
    assert book.next() == {}


def test_a_busy_one_is_asked_between_the_turns_of_its_source():
    visits = {key(1): visit(asked=0.0, changed=0.0), key(2): visit(asked=0.0, changed=-DAY)}
    book = Book({"work": WIDE}, visits)
    assert book.next() == {"work": MINUTE}
    assert book.due(now=30.0) == {}
    assert book.due(now=MINUTE) == {"work": frozenset({key(1)})}


def test_what_was_found_out_counts_for_the_next_time():
    book = Book({"work": WIDE}).after(Pass(100.0, seen={key(1): seen(pushed=-DAY)}))
    assert book.visits[key(1)] == visit(100.0, -DAY)
    book = book.after(Pass(200.0, seen={key(1): seen(changed=True)}))
    assert book.visits[key(1)] == visit(200.0, 200.0)
    book = book.after(Pass(300.0, seen={key(1): seen(failed=True), key(2): seen()}))
    assert book.visits[key(1)] == visit(300.0, 200.0, 1)
    book = book.after(Pass(400.0, seen={key(1): seen()}))
    assert book.visits[key(1)] == visit(400.0, 200.0)


def test_one_of_which_nothing_is_known_begins_with_the_interval_of_its_source():
    book = Book({"work": WIDE}).after(Pass(0.0, seen={key(1): seen()}))
    assert book.next() == {}
    assert book.resting(["work"], now=1.0) == frozenset()
    for turn in range(1, 40):
        book = book.after(Pass(turn * HOUR, seen={key(1): seen()}))
    assert book.resting(["work"], now=39 * HOUR + 1) == {key(1)}


def test_a_forge_that_is_down_is_no_fault_of_its_repositories():
    before = Book({"work": WIDE}, {key(n): visit(float(n)) for n in range(3)})
    after = before.after(Pass(500.0, seen={key(n): seen(failed=True) for n in range(3)}))
    assert after == before  # all of them stay due


def test_what_is_listed_no_more_is_forgotten():
    book = Book({"work": WIDE}, {key(1): visit(), key(2): visit()})
    assert set(book.after(Pass(1.0, there={"work": {key(2)}})).visits) == {key(2)}
    assert set(book.after(Pass(1.0, there={"other": set()})).visits) == {key(1), key(2)}


def test_those_first_that_were_not_asked_for_longest():
    book = Book({"work": WIDE}, {key(n): visit(asked=float(n)) for n in range(1, 6)})
    assert book.stalest({key(n) for n in range(6)}, room=2) == {key(0), key(1)}
    assert book.stalest({key(4)}, room=2) == {key(4)}
    assert book.stalest({key(4)}, room=0) == frozenset()


@given(st.floats(-1e8, 1e8), st.floats(0, 1e6), st.floats(0, 1e9))
@pytest.mark.fault("the wall clock jumps")
def test_after_a_restart_nothing_was_asked_in_the_future(jump, ago, quiet):
    """However the clock of the machine jumped, nobody rests for longer than its bound."""
    now, wall = 50.0, 2e9
    stored = KeptVisit(key(1), "work", "f", wall - ago, wall - ago - quiet, 0)
    book = resumed({"work": WIDE}, [stored], now=now, wall=wall + jump)
    one = book.visits[key(1)]
    assert one.asked <= now
    assert book.resting(["work"], now + WIDE.longest) == frozenset()


def test_visits_survive_a_restart():
    book = Book({"work": WIDE}, {key(1): visit(40.0, 10.0, 2), key(2): visit(45.0)})
    stored = list(kept(book, [key(1), key(2), key(3)], now=50.0, wall=1000.0))
    again = resumed({"work": WIDE}, stored, now=70.0, wall=1020.0)
    assert again == book
    assert resumed({"other": WIDE}, stored, now=70.0, wall=1020.0).visits == {}
