"""How a run is judged: outcomes and problems to an exit code."""

import pytest

from mgit.address import Origin
from mgit.errors import AuthenticationError, ExitCode, NetworkError, NotFound, RateLimited
from mgit.fleet.breaker import Breaker
from mgit.fleet.values import exit_code, skipped
from mgit.model import Outcome, Reason, Result, Skip, SourceProblem


def failed(code: int) -> Outcome:
    return Outcome(Skip("a", "a", Reason.BROKEN), Result.FAILED, exit_code=code)


def problem(code: int) -> SourceProblem:
    return SourceProblem("work", "no", exit_code=code)


@pytest.mark.parametrize(
    ("problems", "outcomes", "code"),
    [
        ([], [], ExitCode.OK),
        ([problem(4)], [], ExitCode.UNREACHABLE),
        ([problem(4)], [failed(1)], ExitCode.SOME_FAILED),
        ([problem(3)], [failed(1)], ExitCode.AUTHENTICATION),
        ([problem(2)], [failed(1)], ExitCode.USAGE),
        ([problem(4), problem(3)], [], ExitCode.AUTHENTICATION),
        ([], [failed(4)], ExitCode.UNREACHABLE),
        ([], [failed(4), failed(1)], ExitCode.SOME_FAILED),
        ([], [failed(99)], ExitCode.SOME_FAILED),
    ],
)
def test_the_gravest_decides(problems, outcomes, code):
    assert exit_code(problems, outcomes) is code


def test_only_failures_count():
    done = Outcome(Skip("a", "a", Reason.DIRTY), Result.SKIPPED, exit_code=1)
    assert exit_code((), [done]) is ExitCode.OK


@pytest.mark.parametrize("reason", Reason)
def test_a_skip_is_a_courtesy_or_a_failure(reason):
    outcome = skipped(Skip("a", "a", reason, "because"))
    expected = {
        Reason.CURRENT: (Result.CURRENT, 0),
        Reason.UNREACHABLE: (Result.FAILED, 4),
        Reason.REFUSED: (Result.FAILED, 3),
        Reason.BROKEN: (Result.FAILED, 1),
        Reason.EMPTIED: (Result.FAILED, 1),
        Reason.REF_LOSS: (Result.FAILED, 1),
        Reason.REWRITTEN: (Result.FAILED, 1),
    }.get(reason, (Result.SKIPPED, 0))
    assert (outcome.result, outcome.exit_code) == expected
    assert outcome.reason is reason
    assert outcome.message == "because"


HERE = (Origin("https", "git.example.com", 443), "work")
THERE = (Origin("https", "other.example.com", 443), "work")


def test_a_host_that_fails_again_and_again_is_left_alone():
    breaker = Breaker(limit=3)
    for number in range(3):
        breaker.check(HERE)
        breaker.failed(HERE, NetworkError(f"try {number}"))
    with pytest.raises(NetworkError, match="try 2"):
        breaker.check(HERE)
    breaker.check(THERE)


def test_one_answer_in_between_begins_the_count_anew():
    breaker = Breaker(limit=2)
    breaker.failed(HERE, NetworkError("one"))
    breaker.succeeded(HERE)
    breaker.failed(HERE, NetworkError("two"))
    breaker.check(HERE)


def test_a_missing_repository_says_nothing_about_its_host():
    breaker = Breaker(limit=1)
    breaker.failed(HERE, NotFound("gone"))
    breaker.check(HERE)


def test_a_refused_credential_counts():
    breaker = Breaker(limit=1)
    breaker.failed(HERE, AuthenticationError("no"))
    with pytest.raises(AuthenticationError):
        breaker.check(HERE)


def test_a_pause_that_a_forge_asks_for_is_no_failure():
    breaker = Breaker(limit=1)
    breaker.failed(HERE, RateLimited("slow down", retry_after=60))
    breaker.check(HERE)


@pytest.mark.fault("a token that expired")
def test_a_refused_credential_of_one_source_leaves_the_others_at_its_host_alone():
    breaker = Breaker(limit=1)
    breaker.failed(HERE, AuthenticationError("no"))
    breaker.check((HERE[0], "another source"))
