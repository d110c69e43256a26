"""How long a forge asks to wait, and what it has left."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mgit.forges.interface import RateLimit
from mgit.forges.limits import is_rate_limit, rate_limit, server_time, wait_asked_for
from mgit.transport import Response

DATE = ("Date", "Mon, 23 Nov 2026 10:00:00 GMT")
NOW = 1795428000.0


def answer(status: int, *headers: tuple[str, str], body: bytes = b"") -> Response:
    return Response(status, headers, body)


def clock() -> float:
    return NOW


@pytest.mark.parametrize(
    ("response", "limited"),
    [
        (answer(429), True),
        (answer(403, ("Retry-After", "1")), True),
        (answer(403, ("X-RateLimit-Remaining", "0")), True),
        (answer(403, ("X-RateLimit-Remaining", "7")), False),
        (answer(403, body=b'{"message": "API rate limit exceeded for 1.2.3.4"}'), True),
        (answer(403, body=b'{"message": "Resource not accessible"}'), False),
        (answer(401, ("Retry-After", "1")), False),
        (answer(200, ("Retry-After", "1")), False),
    ],
)
def test_a_limit_is_told_from_a_refusal(response, limited):
    assert is_rate_limit(response) is limited


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((("Retry-After", "30"),), 30.0),
        ((("Retry-After", "Mon, 23 Nov 2026 10:00:09 GMT"), DATE), 9.0),
        ((("Retry-After", "Mon, 23 Nov 2026 09:00:00 GMT"),), 0.0),
        ((("Retry-After", "soon"),), None),
        ((), None),
        (
            (
                ("X-RateLimit-Limit", "60"),
                ("X-RateLimit-Remaining", "0"),
                ("X-RateLimit-Reset", str(int(NOW) + 25)),
            ),
            25.0,
        ),
        (
            (
                ("X-RateLimit-Limit", "60"),
                ("X-RateLimit-Remaining", "3"),
                ("X-RateLimit-Reset", str(int(NOW) + 25)),
            ),
            None,
        ),
    ],
)
def test_how_long(headers, seconds):
    assert wait_asked_for(answer(429, *headers), clock) == seconds


def test_the_forges_own_clock_counts_and_not_ours():
    response = answer(429, ("Retry-After", "Mon, 23 Nov 2026 10:00:09 GMT"), DATE)
    assert wait_asked_for(response, lambda: NOW - 86400) == 9.0


def test_an_allowance_needs_three_numbers():
    headers = [("X-RateLimit-Limit", "60"), ("X-RateLimit-Remaining", "1")]
    assert rate_limit(answer(200, *headers)) is None
    assert rate_limit(answer(200, *headers, ("X-RateLimit-Reset", "9"))) == RateLimit(60, 1, 9)
    assert rate_limit(answer(200, *headers, ("X-RateLimit-Reset", "9" * 50))) is None


@given(st.text(max_size=40))
@example("²")
@example("9" * 400)
def test_no_header_breaks_the_reader(text):
    response = answer(
        429,
        ("Retry-After", text),
        ("Date", text),
        ("X-RateLimit-Limit", text),
        ("X-RateLimit-Remaining", text),
        ("X-RateLimit-Reset", text),
    )
    wait = wait_asked_for(response, clock)
    assert wait is None or wait >= 0
    server_time(response)
