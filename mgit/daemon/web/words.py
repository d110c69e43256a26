"""Numbers and times as people say them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from mgit.daemon.web.markup import Markup, tag

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def count(number: int) -> str:
    """10000 as `10,000`."""
    return f"{number:,}"


def these(number: int, one: str, several: str = "") -> str:
    """A number with its noun."""
    return f"{count(number)} {one if number == 1 else several or one + 's'}"


def lapse(seconds: float) -> str:
    """A time span with one unit: `40 s`, `12 min`, `3 h`, `5 d`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def took(seconds: float) -> str:
    """How long something took: `80 ms`, `1.4 s`, `12 min`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else lapse(seconds)


def size(number: int) -> str:
    """A number of bytes: `12.3 GB`."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} PB"


def since(at: float | None, now: float, never: str = "never") -> Markup:
    """A moment of the past, as `4 min ago`; the exact time is in its title."""
    if at is None:
        return tag("span", never, class_="faint")
    past = now - at
    return _time(at, "just now" if past < 2 else f"{lapse(past)} ago")


def until(at: float | None, now: float) -> Markup:
    """A moment to come, as `in 4 min`."""
    if at is None:
        return tag("span", "not known yet", class_="faint")
    left = at - now
    return _time(at, f"in {lapse(left)}" if left >= 1 else "now")


def _time(at: float, words: str) -> Markup:
    moment = datetime.fromtimestamp(at, UTC)
    exact = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return tag("time", words, datetime=exact, title=exact)
