"""When to run next. Pure: the clock and chance are passed in."""

from __future__ import annotations

JITTER = 0.1
FIRST_RETRY_SECONDS = 30.0


def next_start(
    *, started: float, now: float, interval: float, failures: int, chance: float
) -> float:
    """The moment at which the next run begins.

    After a run that reached nobody the next one comes sooner, then ever later up to the interval:
    30 s, 60 s, 120 s, … A run that took longer than the interval is followed at once.

    Args:
        started: when the last run began; monotonic seconds, as all moments here.
        now: when it ended.
        interval: seconds from one beginning to the next.
        failures: how many runs in a row reached nobody.
        chance: from 0 to 1; spreads many services over time by up to a tenth.
    """
    if failures:
        pause = min(interval, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 20))
        return now + pause * (1 + JITTER * chance)
    return max(now, started + interval * (1 - JITTER + 2 * JITTER * chance))
