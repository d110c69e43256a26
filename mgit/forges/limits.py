"""Reads from an answer's head how long to wait, and what is left of an allowance. Pure.

Sources: RFC 9110 section 10.2.3, and GitHub's "Rate limits for the REST API".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mgit.forges.interface import RateLimit
from mgit.transport import Response

LEAST_WAIT = 60.0
"""Seconds to wait after a limit that does not say how long: GitHub asks for a minute."""
_WORDS = b"rate limit"


def is_rate_limit(response: Response) -> bool:
    """Whether a forge refused because of too many requests, and not because of the credential."""
    if response.status == 429:
        return True
    if response.status != 403:
        return False
    return (
        response.header("retry-after") is not None
        or response.header("x-ratelimit-remaining") == "0"
        or _WORDS in response.body[:4096].lower()
    )


def wait_asked_for(response: Response, clock: Callable[[], float]) -> float | None:
    """Seconds until the forge wants to hear again, None when it does not say.

    Args:
        response: its answer.
        clock: seconds since the epoch; only asked where the answer holds no `Date`.
    """
    asked = response.header("retry-after")
    if asked is not None:
        seconds = whole_number(asked)
        if seconds is not None:
            return float(seconds)
        at = _moment(asked)
        if at is not None:
            return max(0.0, at.timestamp() - _now(response, clock))
    limit = rate_limit(response)
    if limit is not None and limit.remaining == 0:
        return max(1.0, limit.resets_at - _now(response, clock))
    return None


def rate_limit(response: Response) -> RateLimit | None:
    """GitHub's allowance, None where the answer holds none."""
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    match [whole_number(response.header(name) or "") for name in names]:
        case [int(limit), int(remaining), int(resets_at)]:
            return RateLimit(limit, remaining, resets_at)
        case _:
            return None


def server_time(response: Response) -> datetime | None:
    """The forge's own clock, None without a readable `Date`."""
    return _moment(response.header("date") or "")


def whole_number(text: str) -> int | None:
    """A header's number, None for anything else (`str.isdigit` alone lets `²` through)."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _now(response: Response, clock: Callable[[], float]) -> float:
    there = server_time(response)  # its own clock: ours may be wrong
    return there.timestamp() if there is not None else clock()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
