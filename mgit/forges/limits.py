"""Reads from an answer's head how long to wait, and what is left of an allowance. Pure.

Sources: RFC 9110 section 10.2.3; GitHub's "Rate limits for the REST API"; GitLab's "Rate limits"
(`RateLimit-*`); Azure DevOps' "Rate and usage limits" (`Retry-After` and `X-RateLimit-Delay` on an
answer that is good).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mgit.transport import Response

LEAST_WAIT = 60.0
"""Seconds to wait after a limit that does not say how long: GitHub asks for a minute."""
_WORDS = b"rate limit"
_DELAY = "x-ratelimit-delay"
_BEFORE_ANY_FORGE = 1_000_000_000
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What is left of an allowance.

    Args:
        limit: requests per window.
        remaining: requests left in it.
        resets_at: seconds since the epoch when the next window begins.
    """

    limit: int
    remaining: int
    resets_at: int


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
    return wait_when_empty(response, clock)


def wait_when_empty(response: Response, clock: Callable[[], float]) -> float | None:
    """Seconds until a used-up allowance begins anew, None where something is left of it.

    Azure DevOps counts another thing under the same names: it never refuses when nothing is
    left but makes every answer slow, and says how slow.
    """
    limit = rate_limit(response)
    if limit is None or limit.remaining > 0 or response.header(_DELAY) is not None:
        return None
    # The IETF's draft counts seconds from now, GitHub and GitLab since 1970.
    if limit.resets_at < _BEFORE_ANY_FORGE:
        return float(max(1, limit.resets_at))
    return max(1.0, limit.resets_at - _now(response, clock))


def asked_to_slow_down(response: Response, clock: Callable[[], float]) -> float | None:
    """Seconds before the next request, said with an answer that is good; None for none.

    Azure DevOps first makes answers late (`X-RateLimit-Delay`, seconds) and asks for a pause
    (`Retry-After`) with a 200; who goes on without one is refused later.
    """
    if response.header("retry-after") is not None:
        return wait_asked_for(response, clock)
    delay = _seconds(response.header(_DELAY) or "")
    return min(delay, LEAST_WAIT) if delay else None


def rate_limit(response: Response) -> RateLimit | None:
    """What is left of an allowance, None where the answer does not say."""
    for prefix in ("x-ratelimit", "ratelimit"):
        names = (f"{prefix}-limit", f"{prefix}-remaining", f"{prefix}-reset")
        match [whole_number(response.header(name) or "") for name in names]:
            case [int(limit), int(remaining), int(resets_at)]:
                return RateLimit(limit, remaining, resets_at)
            case _:
                continue
    return None


def server_time(response: Response) -> datetime | None:
    """The forge's own clock, None without a readable `Date`."""
    return _moment(response.header("date") or "")


def whole_number(text: str) -> int | None:
    """A header's number, None for anything else (`str.isdigit` alone lets `²` through)."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _seconds(text: str) -> float:
    """A header's decimal number, 0 for anything else."""
    text = text.strip()
    return float(text) if _DECIMAL.fullmatch(text) else 0.0


def _now(response: Response, clock: Callable[[], float]) -> float:
    there = server_time(response)  # its own clock: ours may be wrong
    return there.timestamp() if there is not None else clock()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a zone of more hours than a number holds
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
