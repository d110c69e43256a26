"""How many may be asked in a minute."""

from hypothesis import given
from hypothesis import strategies as st

from mgit.plan.purse import WINDOW_SECONDS, Purse


def test_without_a_limit_there_is_room_for_any_number():
    assert Purse().after(0.0, 10**6).room(0.0) is None


def test_what_was_spent_comes_back_after_a_minute():
    purse = Purse(10).after(0.0, 6)
    assert purse.room(1.0) == 4
    purse = purse.after(1.0, 4)
    assert purse.room(59.0) == 0
    assert purse.next(59.0) == 60.0
    assert purse.room(60.0) == 6
    assert purse.next(60.0) == 60.0


@given(st.integers(1, 50), st.lists(st.tuples(st.floats(0.1, 40), st.integers(0, 80)), max_size=40))
def test_within_any_minute_no_more_is_spent_than_there_is(per_minute, wishes):
    purse, now = Purse(per_minute), 0.0
    spent: list[tuple[float, int]] = []
    for pause, wanted in wishes:
        now += pause
        count = min(wanted, purse.room(now) or 0)
        purse = purse.after(now, count)
        spent.append((now, count))
        window = sum(number for at, number in spent if at > now - WINDOW_SECONDS)
        assert window <= per_minute
        assert len(purse.spent) <= len(wishes)
