"""How fast work goes and when it will be done. Pure: the clock is passed in."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 15.0
_SAMPLE_SECONDS = 0.25
_SURE_AFTER_SECONDS = 2.0
_SURE_AFTER_DONE = 3


class Pace:
    """The speed over the last seconds, so that one slow repository does not shake the estimate.

    Args:
        window: seconds that are looked back.
    """

    def __init__(self, window: float = WINDOW_SECONDS) -> None:
        self._window = window
        self._samples: deque[tuple[float, int]] = deque()

    def mark(self, now: float, done: int) -> None:
        """Note how many were done at a time (seconds of any steady clock)."""
        samples = self._samples
        if len(samples) > 1 and now - samples[-2][0] < _SAMPLE_SECONDS:
            samples[-1] = (now, done)
        else:
            samples.append((now, done))
        while len(samples) > 2 and now - samples[1][0] > self._window:
            samples.popleft()

    def rate(self, now: float) -> float | None:
        """Things per second, None as long as it would be a guess."""
        if not self._samples:
            return None
        began, first = self._samples[0]
        done = self._samples[-1][1] - first
        elapsed = now - began
        if elapsed < _SURE_AFTER_SECONDS or done < _SURE_AFTER_DONE:
            return None
        return done / elapsed

    def left(self, now: float, total: int) -> float | None:
        """Seconds until all are done, None as long as it would be a guess."""
        rate = self.rate(now)
        if rate is None:
            return None
        return max(total - self._samples[-1][1], 0) / rate


def rate_words(rate: float) -> str:
    """`35/s`, `2.5/s`, `8/min`."""
    if rate >= 9.5:
        return f"{rate:.0f}/s"
    return f"{rate:.1f}/s" if rate >= 0.5 else f"{rate * 60:.0f}/min"


def left_words(seconds: float) -> str:
    """`8 s left`, `3 min left`, `1 h 20 min left`; rounded up, for nobody minds to be early."""
    whole = int(seconds) + 1
    if whole < 90:
        return f"{whole} s left"
    minutes = -(-whole // 60)
    if minutes < 90:
        return f"{minutes} min left"
    return f"{minutes // 60} h {minutes % 60} min left"
