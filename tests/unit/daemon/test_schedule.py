"""When the next run begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.daemon.schedule import FIRST_RETRY_SECONDS, JITTER, next_start

seconds = st.floats(min_value=0, max_value=1e6)
chances = st.floats(min_value=0, max_value=1)


def start(*, started=100.0, now=110.0, interval=900.0, failures=0, chance=0.5) -> float:
    return next_start(started=started, now=now, interval=interval, failures=failures, chance=chance)


def test_the_interval_is_from_beginning_to_beginning():
    assert start() == 1000.0


def test_a_run_that_took_too_long_is_followed_at_once():
    assert start(now=5000.0) == 5000.0


def test_failures_are_tried_again_soon_and_then_ever_later():
    pauses = [start(failures=failures, chance=0) - 110 for failures in range(1, 8)]
    assert pauses == [30, 60, 120, 240, 480, 900, 900]


def test_a_short_interval_is_never_undercut_by_much():
    assert start(interval=5.0, failures=1, chance=0) == 115.0


@pytest.mark.fault("the wall clock jumps")
@given(seconds, seconds, st.floats(min_value=1, max_value=1e5), st.integers(0, 10**6), chances)
def test_never_in_the_past_and_never_later_than_the_interval(
    started, took, interval, failures, chance
):
    now = started + took
    moment = next_start(
        started=started, now=now, interval=interval, failures=failures, chance=chance
    )
    assert moment >= now
    assert moment <= now + max(interval, FIRST_RETRY_SECONDS) * (1 + JITTER) + 1e-6


@given(chances)
def test_chance_spreads_by_a_tenth(chance):
    assert 900 * 0.9 <= start(chance=chance) - 100 <= 900 * 1.1 + 1e-6
