"""Renders the metrics ahead of whoever asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from mgit.telemetry.events import Event, RunEnded
from mgit.telemetry.metrics import Metrics

EVERY_SECONDS = 1.0


class Figures:
    """Keeps the published text of the metrics close to what they are. Of one thread, but for two.

    An observer in front of the metrics: it passes every event on to them. Put it before the
    observer that logs, so that who reads of the end of a run finds its figures.

    Args:
        metrics: what is rendered.
        publish: gets the text.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        publish: Callable[[bytes], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = metrics
        self._publish = publish
        self._clock = clock
        self._changed = False
        self.now()

    def __call__(self, event: Event) -> None:
        """Count an event; a run that has ended is published at once."""
        self.metrics(event)
        self._changed = True
        if isinstance(event, RunEnded):
            self.now()

    def storage(
        self, free_bytes: int, *, size_bytes: int | None = None, free_inodes: int | None = None
    ) -> None:
        self.metrics.storage(free_bytes, size_bytes=size_bytes, free_inodes=free_inodes)
        self._changed = True

    def quarantine(self, entries: int) -> None:
        self.metrics.quarantine(entries)
        self._changed = True

    def intervals(self, seconds: Mapping[str, float]) -> None:
        self.metrics.intervals(seconds)
        self._changed = True

    def health_restarted(self) -> None:
        """Count a new start of the helper; from any thread."""
        self.metrics.health_restarted()
        self._changed = True

    def rests(self, seconds: Mapping[str, float]) -> None:
        self.metrics.rests(seconds)
        self._changed = True

    def webhook(self, outcome: str) -> None:
        """Count a delivery of a forge; from any thread."""
        self.metrics.webhook(outcome)
        self._changed = True

    def scrub(self, read_bytes: int, oldest: float | None) -> None:
        self.metrics.scrub(read_bytes, oldest)
        self._changed = True

    def next_run(self, timestamp: float) -> None:
        self.metrics.next_run(timestamp)
        self._changed = True

    def refresh(self) -> None:
        """Publish what has changed, unless that was done within the last second."""
        if self._changed and self._clock() - self._published >= EVERY_SECONDS:
            self.now()

    def now(self) -> None:
        """Publish."""
        self._publish(self.metrics.render())
        self._published = self._clock()
        self._changed = False
