"""Values of flags that are no keys of the configuration: read, or refused with the flag's name."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from mgit.config.values import Reader, Unfit, Where, read_count, read_duration
from mgit.errors import InvalidInput

T = TypeVar("T")

_LONGEST_SECONDS = 10 * 366 * 86400
_RECORDS = 20


def read_flag(flag: str, text: str | None, read: Reader[T]) -> T | None:
    """The checked value of a flag, None where it was not given.

    Raises:
        InvalidInput: the value is not what the flag needs.
    """
    if text is None:
        return None
    try:
        return read(text, Where(flag, Path.cwd(), None))
    except Unfit as error:
        raise InvalidInput(f"{flag} must be {error}", advice="correct it and try again") from None


def read_limit(text: str | None) -> int | None:
    """`--limit N`."""
    return read_flag("--limit", text, read_count(1, 1_000_000))


def read_records(text: str | None) -> int:
    """`--records N`."""
    return read_flag("--records", text, read_count(1, 1_000_000)) or _RECORDS


def read_timeout(text: str | None) -> float | None:
    """`--timeout 90s`, in seconds."""
    return read_flag("--timeout", text, read_duration(1, 86400))


def read_since(text: str | None, clock: Callable[[], float] = time.time) -> float | None:
    """`--since 7d` or `--since 2026-01-31`, in seconds since 1970.

    Args:
        text: how long ago, or a date or time as ISO 8601 has it (without a zone: UTC).
        clock: seconds since 1970.

    Raises:
        InvalidInput: neither, or a time to come.
    """
    if text is None:
        return None
    now = clock()
    since = _date(text)
    if since is None:
        ago = read_flag("--since", text, _duration_or_date)
        since = now - (ago or 0.0)
    if since > now:
        raise InvalidInput(
            "--since names a time that is still to come", advice="name one in the past, such as 7d"
        )
    return since


def _duration_or_date(value: object, where: Where) -> float:
    try:
        return read_duration(1, _LONGEST_SECONDS)(value, where)
    except Unfit:
        raise Unfit("a duration such as 7d or 12h, or a date such as 2026-01-31") from None


def _date(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.timestamp()
