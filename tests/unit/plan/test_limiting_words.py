"""What a person is told about the limits of a run, whole; and where one limit ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mgit.model import Measures
from mgit.plan.limiting import Judgement, Limit, judge

CALM = Measures(total=100.0, listing=5.0, comparing=15.0, applying=80.0, workers=4, cores=4)
PAUSED = Judgement(
    Limit.FORGE_RATE,
    "25% of the time of all threads was waiting for hosts that wanted a pause",
    "a longer interval, or a credential with a greater allowance",
)
GITS = Judgement(
    Limit.CPU,
    "75% of 4 processors were busy, most of it git",
    "more processors, or shards on several machines",
)
OURS = replace(GITS, why="75% of 4 processors were busy, most of it mgit")
ALL = Judgement(
    Limit.CONCURRENCY,
    "all 4 gits worked all the time, the processors had room",
    "a higher `concurrency`, if the forge likes it",
)
ONE = Judgement(
    Limit.NETWORK,
    "one repository took 40.0 s of 80.0 s: its bytes have to come",
    "a faster line to the forge, or keep less (`--depth`, `--blobs`)",
)
EACH = Judgement(
    Limit.NETWORK,
    "50.0 s a repository, waiting for the network and the disk",
    "a faster line to the forge, or a faster disk",
)
LISTING = Judgement(
    Limit.FORGE_ANSWERS,
    "the listing of work took 30.0 s of 100.0 s",
    "`mgit sync --recent` between whole runs; owners for work",
)
NOTHING = Judgement(Limit.NOTHING, "nothing stands out")
SHORT = Judgement(Limit.NOTHING, "the whole run took 0.99 s")
QUIET = replace(CALM, applying=0.0)
ASKING = replace(QUIET, asking=25.0, sources={"a": 10.0, "b": 15.0})


@pytest.mark.parametrize(
    ("measures", "worked", "seconds", "longest", "expected"),
    [
        (replace(CALM, total=0.99), 1, 1.0, 1.0, SHORT),
        (replace(QUIET, total=1.0), 0, 0.0, 0.0, NOTHING),
        # A quarter of the time of all threads: the asking, the work and the sources count.
        (replace(ASKING, paused=25.0), 1, 25.0, 0.0, PAUSED),
        (replace(ASKING, paused=24.9), 0, 25.0, 0.0, NOTHING),
        (replace(QUIET, paused=1.0), 0, 3.0, 0.0, PAUSED),
        (replace(QUIET, paused=0.99), 0, 0.0, 0.0, NOTHING),
        # Three quarters of all processors.
        (replace(QUIET, own_cpu=100.0, git_cpu=200.0), 0, 0.0, 0.0, GITS),
        (replace(QUIET, own_cpu=150.0, git_cpu=150.0), 0, 0.0, 0.0, OURS),
        (replace(QUIET, own_cpu=150.0, git_cpu=149.0), 0, 0.0, 0.0, NOTHING),
        # Half of the run, with something done.
        (CALM, 5, 256.0, 0.0, ALL),
        (CALM, 4, 256.0, 40.0, ONE),
        (CALM, 5, 255.0, 40.0, ONE),
        (CALM, 5, 250.0, 39.0, EACH),
        (replace(CALM, applying=50.0), 2, 100.0, 24.0, EACH),
        (replace(CALM, applying=49.0), 2, 100.0, 24.0, NOTHING),
        (CALM, 0, 250.0, 40.0, NOTHING),
        # Half of the run for the listing, of a source that is known.
        (replace(QUIET, listing=50.0, sources={"work": 30.0, "other": 3.0}), 0, 0.0, 0.0, LISTING),
        (replace(QUIET, listing=49.0, sources={"work": 30.0}), 0, 0.0, 0.0, NOTHING),
        (replace(QUIET, listing=90.0), 0, 0.0, 0.0, NOTHING),
    ],
)  # fmt: skip
def test_the_words_and_where_they_begin(
    measures: Measures, worked: int, seconds: float, longest: float, expected: Judgement
) -> None:
    assert judge(measures, worked=worked, seconds=seconds, longest=longest) == expected


def test_without_the_longest_no_single_repository_is_blamed() -> None:
    assert judge(CALM, worked=5, seconds=250.0) == EACH


def test_what_each_question_cost() -> None:
    asked = replace(QUIET, asked=3, asking=0.6)
    expected = Judgement(
        Limit.FORGE_ANSWERS, "3 repositories were asked for their refs, 200 ms each"
    )
    assert judge(asked, worked=0, seconds=0.0) == expected
