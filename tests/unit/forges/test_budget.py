"""What one host allows one credential: all who ask it wait together."""

from __future__ import annotations

import pytest

from mgit.errors import RateLimited
from mgit.forges.budget import Budget, Lane, Limits, Pause
from mgit.transport import Response


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Notebook:
    """A memory between runs."""

    def __init__(self, pause: Pause | None = None) -> None:
        self.pause = pause

    def load(self) -> Pause | None:
        return self.pause

    def store(self, pause: Pause) -> None:
        self.pause = pause


@pytest.fixture
def clock() -> Clock:
    return Clock()


def budget(clock: Clock, notebook: Notebook | None = None, told: list[Pause] | None = None):
    return Budget(
        "git.example.com",
        limits=Limits(longest=60.0, total=180.0, at_once=4),
        memory=notebook,
        tell=None if told is None else told.append,
        clock=clock,
        wall=clock,
        jitter=lambda: 0.0,
    )


def answer(status: int, **headers: str) -> Response:
    return Response(status, tuple((k.replace("_", "-"), v) for k, v in headers.items()))


LATER = answer(429, Retry_After="30")
GOOD = answer(200)


def ask(one: Budget, response: Response, lane: Lane = Lane.GIT) -> None:
    assert one.admit(lane) == 0.0
    one.note(response, lane)
    one.leave()


def test_nothing_asked_for_nothing_waited_for(clock):
    one = budget(clock)
    for _ in range(3):
        ask(one, GOOD)
    assert one.check(Lane.GIT) == one.check(Lane.API) == 0.0


def test_a_refusal_of_one_makes_everybody_wait(clock):
    one = budget(clock)
    ask(one, LATER)
    assert (one.check(Lane.GIT), one.check(Lane.API)) == (30.0, 30.0)
    clock.now += 30.1
    assert one.check(Lane.GIT) == 0.0


def test_after_a_pause_one_goes_first_and_the_others_follow_when_it_is_answered(clock):
    one = budget(clock)
    ask(one, LATER)
    clock.now += 31
    assert one.admit(Lane.GIT) == 0.0
    assert one.admit(Lane.GIT) > 0
    assert one.admit(Lane.API) > 0
    one.note(GOOD, Lane.GIT)
    one.leave()
    assert [one.admit(Lane.GIT) for _ in range(4)] == [0.0] * 4


def test_the_first_that_ends_without_an_answer_leaves_its_place_to_another(clock):
    one = budget(clock)
    ask(one, LATER)
    clock.now += 31
    assert one.admit(Lane.GIT) == 0.0
    one.leave()  # the connection broke
    assert one.admit(Lane.GIT) == 0.0
    assert one.admit(Lane.GIT) > 0


def test_a_storm_gets_one_request_for_each_pause(clock):
    one = budget(clock)
    sent = 0
    for _ in range(200):
        if clock.now > 1120:
            break
        try:
            wait = one.admit(Lane.GIT)
        except RateLimited:
            break
        if wait == 0.0:
            sent += 1
            one.note(answer(429, Retry_After="10"), Lane.GIT)
            one.leave()
        clock.now += 1.0
    assert sent <= 13  # in 120 s, with pauses of 10 s


def test_what_was_under_way_when_the_storm_began_does_not_end_it(clock):
    one = budget(clock)
    assert one.admit(Lane.GIT) == one.admit(Lane.GIT) == 0.0
    one.note(LATER, Lane.GIT)
    one.leave()
    one.note(GOOD, Lane.GIT)
    one.leave()
    clock.now += 31
    assert one.admit(Lane.GIT) == 0.0
    assert one.admit(Lane.GIT) > 0


def test_refusals_without_a_time_double(clock):
    one = budget(clock)
    waits = []
    for _ in range(5):
        ask(one, answer(503))
        waits.append(one.check(Lane.GIT))
        clock.now += waits[-1] + 0.1
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_limit_that_does_not_say_how_long_means_a_minute(clock):
    one = budget(clock)
    ask(one, Response(403, (), b'{"message": "You have exceeded a secondary rate limit"}'))
    assert one.check(Lane.API) == 60.0


def test_a_pause_longer_than_a_run_waits_is_told_and_not_made(clock):
    one = budget(clock)
    ask(one, answer(429, Retry_After="900"))
    with pytest.raises(RateLimited, match=r"answered 429.*nothing more is asked of") as caught:
        one.admit(Lane.GIT)
    assert caught.value.retry_after == 900.0
    assert caught.value.advice


def test_short_pauses_without_end_are_given_up_and_a_new_run_begins_anew(clock):
    one = budget(clock)
    for _ in range(3):
        ask(one, answer(429, Retry_After="50"))
        clock.now += one.check(Lane.GIT) + 0.1
    ask(one, answer(429, Retry_After="50"))
    with pytest.raises(RateLimited):
        one.check(Lane.GIT)
    one.begin_run()
    assert one.check(Lane.GIT) > 0


def test_a_used_up_allowance_stops_the_api_and_not_git(clock):
    one = budget(clock)
    head = {"X_RateLimit_Limit": "60", "X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "25"}
    ask(one, answer(200, **head), Lane.API)
    assert (one.check(Lane.API), one.check(Lane.GIT)) == (25.0, 0.0)


def test_gitlabs_names_count_too(clock):
    one = budget(clock)
    head = {"RateLimit_Limit": "60", "RateLimit_Remaining": "0", "RateLimit_Reset": "12"}
    ask(one, answer(200, **head), Lane.API)
    assert one.check(Lane.API) == 12.0


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "7", "X_RateLimit_Delay": "1.5"}, 7.0),
        ({"X_RateLimit_Delay": "1.5"}, 1.5),
        ({"X_RateLimit_Delay": "0"}, 0.0),
        ({"X_RateLimit_Delay": "later"}, 0.0),
    ],
)
def test_azure_devops_asks_for_a_pause_with_a_good_answer(clock, head, seconds):
    one = budget(clock)
    ask(one, answer(200, **head), Lane.API)
    assert one.check(Lane.API) == one.check(Lane.GIT) == seconds
    clock.now += seconds + 0.1
    assert [one.admit(Lane.API) for _ in range(2)] == [0.0, 0.0]  # nobody need go first


def test_what_azure_devops_has_left_is_no_number_of_requests(clock):
    one = budget(clock)
    head = {
        "X_RateLimit_Limit": "200",
        "X_RateLimit_Remaining": "0",
        "X_RateLimit_Reset": "9000",
        "X_RateLimit_Delay": "0.25",
    }
    ask(one, answer(200, **head), Lane.API)
    assert one.check(Lane.API) == 0.25


def test_a_server_error_of_one_repository_pauses_nobody(clock):
    one = budget(clock)
    ask(one, answer(500))
    assert one.check(Lane.GIT) == 0.0


def test_no_more_than_so_many_at_once(clock):
    one = budget(clock)
    assert [one.admit(Lane.GIT) for _ in range(4)] == [0.0] * 4
    assert one.admit(Lane.GIT) > 0
    one.leave()
    assert one.admit(Lane.GIT) == 0.0


def test_a_pause_outlives_the_run(clock):
    notebook = Notebook()
    ask(budget(clock, notebook), LATER)
    assert notebook.pause == Pause("git.example.com", 30.0, "git.example.com answered 429")
    assert budget(clock, notebook).check(Lane.GIT) == 30.0


def test_a_pause_from_a_clock_that_was_wrong_is_not_believed(clock):
    notebook = Notebook(Pause("git.example.com", 10.0**9, "because"))
    assert budget(clock, notebook).check(Lane.GIT) == 0.0


def test_each_pause_is_told_once(clock):
    told: list[Pause] = []
    one = budget(clock, told=told)
    assert one.admit(Lane.GIT) == one.admit(Lane.GIT) == 0.0
    for _ in range(2):
        one.note(LATER, Lane.GIT)
        one.leave()
    assert [pause.seconds for pause in told] == [30.0]
