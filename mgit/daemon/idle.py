"""What the service does while nothing is due: it looks for bit rot, slowly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mgit.config.settings import Settings
from mgit.daemon.agenda import Told
from mgit.daemon.figures import Figures
from mgit.fleet.scrubbing import Scrubber
from mgit.fleet.wiring import Parts, log_events
from mgit.telemetry.audited import audit_observer
from mgit.telemetry.events import Observer, Scrubbed


class Idle:
    """Reads clones at a bounded rate, and tells what it finds.

    Args:
        settings: the root, and how quickly to read.
        parts: state, log and audit.
        figures: count what is read.
    """

    def __init__(self, settings: Settings, parts: Parts, figures: Figures) -> None:
        self._rate = settings.serve.scrub_rate
        self._allowance = 0.0
        self._figures = figures
        self._scrubber = Scrubber(
            Path(settings.root), parts.state, every=settings.serve.scrub_every
        )
        self._observers: tuple[Observer, ...] = (
            audit_observer(parts.audit, _warner(parts)),
            figures,
            log_events(parts),
        )

    def work(self, seconds: float) -> tuple[Told, ...]:
        """Read as much as the rate allows in so many seconds; what was too much, later is less.

        Returns:
            The clones that turned out to be damaged, for they are due at once.
        """
        found: list[Told] = []
        count = 0
        self._allowance = min(self._allowance + self._rate * seconds, float(self._rate))
        for one in self._scrubber.work(int(self._allowance)):
            if isinstance(one, Scrubbed):
                for observe in self._observers:
                    observe(one)
                if one.damage:
                    found.append(Told(one.source, one.key.id))
            else:
                count += one
        self._allowance -= count
        if count:
            self._figures.scrub(count, self._scrubber.oldest)
        return tuple(found)

    def close(self) -> None:
        """Keep where it stands."""
        self._scrubber.close()


def _warner(parts: Parts) -> Callable[[str], None]:
    return lambda words: parts.events.warning("audit.problem", words)
