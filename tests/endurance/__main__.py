"""`python -m tests.endurance CONFIG HOURS`: the real loop, with hours that pass in no time.

Only waiting is simulated: every pass asks the real forge, writes the real state and starts real
gits. One JSON line a pass on standard output: resident memory, descriptors, threads, and what came
of it. A process of its own, so that what is measured is the service's.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from mgit.config import Settings, load_settings
from mgit.daemon.figures import Figures
from mgit.daemon.health import Health
from mgit.daemon.loop import Loop
from mgit.fleet import Stop
from mgit.fleet.wiring import open_parts
from mgit.git.lock import RootLock
from mgit.telemetry.events import Event, RunEnded
from mgit.telemetry.metrics import Metrics

_SETTLES_SECONDS = 5.0


@dataclass
class Hours:
    """A clock that only moves when somebody waits; what is there then is weighed once a run."""

    stop: Stop
    ends: float
    now: float = 0.0
    wall_at: float = field(default_factory=time.time)
    ran: RunEnded | None = None
    published: bytes = b""

    def clock(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.wall_at + self.now

    def wait(self, seconds: float) -> None:
        if self.ran is not None:
            self._weigh(self.ran)
            self.ran = None
        self.now += seconds
        if self.now >= self.ends:
            self.stop.request()

    def publish(self, text: bytes) -> None:
        self.published = text

    def _weigh(self, run: RunEnded) -> None:
        threads = _settled()
        gc.collect()
        told = {
            "hour": round(self.now / 3600, 2),
            "code": int(run.code),
            "gits": run.git_processes,
            "rss": _resident(),
            "descriptors": len(list(Path("/proc/self/fd").iterdir())) - 1,
            "threads": threads,
            "text": len(self.published),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


class Noting(Figures):
    """Figures that note the end of each run."""

    def __init__(self, metrics: Metrics, hours: Hours) -> None:
        self._hours = hours
        super().__init__(metrics, hours.publish)

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, RunEnded):
            self._hours.ran = event


def _settled() -> int:
    """Threads, after those of the run have had time to end."""
    end = time.monotonic() + _SETTLES_SECONDS
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.01)
    return threading.active_count()


def _resident() -> int:
    """Bytes of memory that are really there."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def run(settings: Settings, hours: float) -> int:
    """Let the loop live for so many hours."""
    stop = Stop()
    passing = Hours(stop, hours * 3600)
    with RootLock(settings.root) as lock, open_parts(settings, stream=io.StringIO()) as parts:
        figures = Noting(Metrics(parts.state.freshness(), clock=passing.wall), passing)
        loop = Loop(
            settings,
            parts,
            Health(passing.clock),
            figures,
            stop,
            lock,
            chance=lambda: 0.5,
            clock=passing.clock,
            wall=passing.wall,
            wait=passing.wait,
        )
        return loop.run()


if __name__ == "__main__":
    sys.exit(run(load_settings(config_file=Path(sys.argv[1])), float(sys.argv[2])))
