"""The edges of the rhythm: to the second, and whose fault a failure is."""

from __future__ import annotations

from mgit.model import RepoKey
from mgit.plan.purse import Purse
from mgit.plan.rhythm import (
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
WIDE = Rhythm(15 * MINUTE, MINUTE, 6 * HOUR)
BRISK = Rhythm(15 * MINUTE, MINUTE, 15 * MINUTE)
LAZY = Rhythm(15 * MINUTE, 15 * MINUTE, 6 * HOUR)


def key(number: int) -> RepoKey:
    return RepoKey("git.example.com", str(number))


def visit(asked: float = 0.0, changed: float | None = None, failures: int = 0) -> Visit:
    return Visit("work", "acme/tool", asked, changed, failures)


def seen(source: str = "work", **facts: object) -> Seen:
    return Seen(source, "acme/tool", **facts)  # type: ignore[arg-type]


def test_a_repository_keeps_its_share() -> None:
    """The number decides who is asked when: another one would ask everybody at once."""
    assert share_of(key(1)) == 0.9443993298336864
    shares = [share_of(key(number)) for number in range(200)]
    assert len(set(shares)) == 200
    assert 0.4 < sum(shares) / 200 < 0.6
    half_a_pair = RepoKey("git.example.com", "\udcff")
    assert 0 <= share_of(half_a_pair) < 1, "which may be in an id"


def test_only_sources_with_room_above_or_below_their_interval_have_a_rhythm() -> None:
    old = {key(1): visit(asked=0.0, changed=-30 * DAY)}
    assert Book({"work": LAZY}, old).resting(["work"], now=1.0) == {key(1)}
    assert Book({"work": BRISK}, old).resting(["work"], now=1.0) == frozenset()
    busy = {key(1): visit(asked=0.0, changed=0.0)}
    assert Book({"work": BRISK}, busy).next() == {"work": MINUTE}
    assert Book({"work": LAZY}, busy).next() == {}


def test_what_is_due_at_the_very_moment_is_due() -> None:
    book = Book({"work": WIDE}, {key(1): visit(asked=100.0, changed=100.0)})
    assert book.due(now=160.0) == {"work": {key(1)}}
    assert book.due(now=159.9) == {}
    # A gap as long as the interval belongs to the turn.
    quiet = Book({"work": WIDE}, {key(1): visit(asked=0.0, changed=-5 * HOUR)})
    assert quiet.next() == {}
    almost = Book({"work": WIDE}, {key(1): visit(asked=0.0, changed=-5 * HOUR + 20)})
    assert almost.next() == {"work": 15 * MINUTE - 1}


def test_the_first_of_a_source_is_next_and_each_source_has_its_own() -> None:
    visits = {
        key(1): visit(asked=50.0, changed=50.0),
        key(2): visit(asked=10.0, changed=10.0),
        key(3): Visit("home", "a", 30.0, 30.0),
        key(4): Visit("gone", "b", 0.0, 0.0),
    }
    book = Book({"work": WIDE, "home": WIDE}, visits)
    assert book.next() == {"work": 70.0, "home": 90.0}
    assert book.due(now=100.0) == {"work": {key(2)}, "home": {key(3)}}
    assert set(book.of(["home"])) == {key(3)}


def test_a_clock_that_went_back_makes_nothing_quiet_for_less_than_nothing() -> None:
    book = Book({"work": WIDE}, {key(1): visit(asked=10.0, changed=500.0)})
    assert book.next() == {"work": 70.0}


def test_one_that_fails_alone_counts_and_one_among_failures_does_not() -> None:
    book = Book({"work": WIDE, "home": WIDE})
    alone = book.after(Pass(10.0, seen={key(1): seen(failed=True), key(2): seen(changed=True)}))
    assert alone.visits[key(1)] == visit(10.0, None, 1)
    assert alone.visits[key(2)] == visit(10.0, 10.0)
    again = alone.after(Pass(20.0, seen={key(1): seen(failed=True), key(2): seen()}))
    assert again.visits[key(1)] == visit(20.0, None, 2)
    # That another source answers excuses nobody.
    other = book.after(Pass(10.0, seen={key(1): seen(failed=True), key(2): seen("home")}))
    assert set(other.visits) == {key(2)}
    moved = alone.after(
        Pass(30.0, seen={key(1): Seen("work", "acme/new", failed=True), key(2): seen()})
    )
    assert moved.visits[key(1)].folder == "acme/new"


def test_what_changed_last_counts_whoever_says_so() -> None:
    book = Book({"work": WIDE}, {key(1): visit(asked=100.0, changed=50.0)})
    for facts, expected in (
        ({"pushed": 70.0}, 70.0),
        ({"pushed": 20.0}, 50.0),
        ({"changed": True}, 200.0),
        ({"changed": True, "pushed": 250.0}, 250.0),
        ({}, 50.0),
    ):
        after = book.after(Pass(200.0, seen={key(1): seen(**facts)}))
        assert after.visits[key(1)] == visit(200.0, expected), facts
    fresh = Book({"work": WIDE}).after(Pass(200.0, seen={key(1): seen()}))
    assert fresh.visits[key(1)] == visit(200.0, 200.0 - 20 * 15 * MINUTE)
    unknown = Book({}).after(Pass(200.0, seen={key(1): seen()}))
    assert unknown.visits[key(1)] == visit(200.0, None)


def test_what_is_not_listed_any_more_is_not_seen_either() -> None:
    book = Book({"work": WIDE}, {key(1): visit(), key(2): visit()})
    done = Pass(1.0, there={"work": {key(2)}}, seen={key(1): seen(), key(2): seen(changed=True)})
    assert book.after(done).visits == {key(2): visit(1.0, 1.0)}


def test_what_a_pass_reached() -> None:
    nothing = Pass(0.0)
    assert not nothing.reached("work")
    assert nothing.ended
    assert Pass(0.0, there={"work": ()}).reached("work")
    failed = {key(1): seen(failed=True), key(2): seen("home")}
    assert not Pass(0.0, there={"work": ()}, seen=failed).reached("work")
    assert Pass(0.0, seen=failed).reached("home")
    assert Pass(0.0, seen={**failed, key(3): seen()}).reached("work")


def test_as_good_as_never_seen() -> None:
    book = Book({"work": WIDE}, {key(1): visit(), key(2): visit()})
    assert book.without(()) is book
    assert set(book.without({key(1), key(3)}).visits) == {key(2)}
    assert book.without({key(1)}).rhythms == book.rhythms


def test_of_those_asked_at_the_same_time_the_order_is_the_same_each_time() -> None:
    book = Book({"work": WIDE}, {key(n): visit(asked=5.0) for n in range(4)})
    assert book.stalest([key(3), key(2), key(1)], room=2) == {key(1), key(2)}
    assert book.stalest([key(3), key(2)], room=2) == {key(2), key(3)}


def test_what_is_kept_is_whole() -> None:
    book = Book({"work": WIDE}, {key(1): visit(40.0, 10.0, 2), key(2): visit(45.0)})
    assert list(kept(book, [key(1), key(9), key(2)], now=50.0, wall=1000.0)) == [
        KeptVisit(key(1), "work", "acme/tool", 990.0, 960.0, 2),
        KeptVisit(key(2), "work", "acme/tool", 995.0, None, 0),
    ]
    later = KeptVisit(key(1), "work", "acme/tool", 2000.0, 2000.0, 1)
    again = resumed({"work": WIDE}, [later], now=50.0, wall=1000.0)
    assert again.visits == {key(1): visit(50.0, 50.0, 1)}


def test_a_purse_forgets_after_a_minute_and_never_owes() -> None:
    assert Purse().after(1.0, 5) == Purse()
    assert Purse().next(5.0) == 5.0
    assert Purse(3).after(1.0, 0) == Purse(3)
    purse = Purse(3, ((0.0, 2), (30.0, 4)))
    assert purse.room(40.0) == 0
    assert purse.next(40.0) == 60.0
    assert purse.after(70.0, 1) == Purse(3, ((30.0, 4), (70.0, 1)))
    assert Purse(0).next(7.0) == 67.0
