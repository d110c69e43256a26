"""Runs of which `mgit perf` tells."""

from __future__ import annotations

from mgit.cli.timing import Report
from mgit.model import Measures
from mgit.plan.limiting import Judgement, Limit
from mgit.state.past import MeasuredRun, PastOutcome

BUSY = Measures(
    total=70.5,
    listing=2.0,
    comparing=8.5,
    applying=60.0,
    asking=12.0,
    asked=600,
    git=310.0,
    gits=96,
    paused=3.0,
    queued=0.5,
    own_cpu=6.0,
    git_cpu=40.0,
    workers=8,
    cores=4,
    sources={"work": 1.9, "home": 0.4},
)
QUIET = Measures(total=0.4, listing=0.1, comparing=0.3, asking=1.2, asked=40, cores=2, workers=8)


def _run(measures: Measures) -> MeasuredRun:
    return MeasuredRun("3f9a52d1c0de7788", "/home/mona/src", 1_790_000_000.0, 1.79e9, 1, measures)


REPORTS = (
    Report(
        _run(BUSY),
        BUSY,
        (48, 311.0),
        (
            PastOutcome("acme/monorepo", "fetch", "fetched", "dirty", 31.25),
            PastOutcome("acme/\x1b[31mevil\u202e", "clone", "failed", "unreachable", 4.0),
        ),
        Judgement(Limit.CONCURRENCY, "all 8 gits worked all the time", "a higher `concurrency`"),
    ),
    Report(_run(QUIET), QUIET, (0, 0.0), (), Judgement(Limit.NOTHING, "the whole run took 0.40 s")),
)
