"""The keys that say how often repositories are asked; part of the table in `keys`."""

from __future__ import annotations

from mgit.config.key import Key
from mgit.config.values import format_duration, read_count, read_duration

MIN_INTERVAL: Key[float] = Key(
    "serve",
    "min_interval",
    read_duration(1, 30 * 86400),
    None,
    "MGIT_MIN_INTERVAL",
    "how often a repository is asked at most, while it changes often",
    format_duration,
)
MAX_INTERVAL: Key[float] = Key(
    "serve",
    "max_interval",
    read_duration(1, 30 * 86400),
    None,
    "MGIT_MAX_INTERVAL",
    "how long a repository may go unasked, while it does not change",
    format_duration,
)
ASKS_PER_MINUTE: Key[int] = Key(
    "serve",
    "asks_per_minute",
    read_count(1, 100_000),
    None,
    "MGIT_ASKS_PER_MINUTE",
    "how many repositories of one host are asked in a minute",
)
