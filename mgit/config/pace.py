"""How often repositories are asked: the bounds of every source, and that they make sense."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mgit.config.settings import ServeSettings, SourceSettings
from mgit.config.values import format_duration
from mgit.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a source is listed, and its repositories are asked; seconds.

    Args:
        interval: between two passes over the source.
        shortest: after which a busy repository may be asked again; no more than the interval.
        longest: for which a quiet one may go unasked; no less than the interval.
    """

    interval: float
    shortest: float
    longest: float


def pace_of(serve: ServeSettings, source: SourceSettings) -> Pace:
    """What a source says of itself, else what is said of all; never beyond its interval."""
    interval = serve.interval if source.interval is None else source.interval
    least = source.min_interval or serve.min_interval or interval
    most = source.max_interval or serve.max_interval or interval
    return Pace(interval, min(least, interval), max(most, interval))


def check_pace(serve: ServeSettings, sources: Iterable[SourceSettings], file: Path) -> None:
    """Refuse bounds that lie on the wrong side of the interval beside which they stand.

    Raises:
        ConfigurationError: they do.
    """
    _check(f"{file}: [serve]", serve.interval, serve.min_interval, serve.max_interval)
    for source in sources:
        where = f"{file}: [sources.{source.name}]"
        interval = serve.interval if source.interval is None else source.interval
        _check(where, interval, source.min_interval, source.max_interval)


def _check(where: str, interval: float, least: float | None, most: float | None) -> None:
    if least is not None and least > interval:
        raise ConfigurationError(
            f"{where}: min_interval {format_duration(least)} is longer than the interval "
            f"{format_duration(interval)}",
            advice="shorten it, or lengthen `interval`",
        )
    if most is not None and most < interval:
        raise ConfigurationError(
            f"{where}: max_interval {format_duration(most)} is shorter than the interval "
            f"{format_duration(interval)}",
            advice="shorten `interval` to it: nothing goes unasked for longer than that",
        )
