"""What is said to keep a run from being faster follows from its figures alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.model import Measures
from mgit.plan.limiting import Limit, judge

CALM = Measures(total=100.0, listing=5.0, comparing=15.0, applying=80.0, workers=4, cores=4)


@pytest.mark.parametrize(
    ("measures", "worked", "seconds", "longest", "limit", "word"),
    [
        (replace(CALM, total=0.4), 2, 0.1, 0.1, Limit.NOTHING, "0.40 s"),
        (replace(CALM, paused=120.0, asking=10.0), 40, 200.0, 9.0, Limit.FORGE_RATE, "36%"),
        (replace(CALM, own_cpu=20.0, git_cpu=350.0), 90, 310.0, 9.0, Limit.CPU, "most of it git"),
        (replace(CALM, own_cpu=350.0), 90, 310.0, 9.0, Limit.CPU, "most of it mgit"),
        (CALM, 90, 310.0, 9.0, Limit.CONCURRENCY, "all 4 gits"),
        (CALM, 4, 100.0, 79.0, Limit.NETWORK, "one repository took 79.0 s"),
        (CALM, 30, 120.0, 9.0, Limit.NETWORK, "4.0 s a repository"),
        (
            replace(CALM, listing=90.0, applying=1.0, sources={"work": 88.0, "home": 3.0}),
            *(1, 0.5, 0.5),
            *(Limit.FORGE_ANSWERS, "the listing of work took 88.0 s"),
        ),
        (
            replace(CALM, listing=2.0, applying=0.0, asked=1000, asking=50.0),
            *(0, 0.0, 0.0),
            *(Limit.FORGE_ANSWERS, "1000 repositories were asked for their refs, 50 ms each"),
        ),
        (replace(CALM, listing=2.0, applying=0.0), 0, 0.0, 0.0, Limit.NOTHING, "nothing stands"),
    ],
)
def test_the_gravest_limit_is_named_with_its_figures(
    measures: Measures, worked: int, seconds: float, longest: float, limit: Limit, word: str
) -> None:
    found = judge(measures, worked=worked, seconds=seconds, longest=longest)
    assert found.limit is limit
    assert word in found.why


SECONDS = st.floats(0, 1e6)


@given(
    st.builds(
        Measures,
        *(SECONDS,) * 5,
        st.integers(0, 10**6),
        SECONDS,
        st.integers(0, 10**6),
        *(SECONDS,) * 4,
        workers=st.integers(1, 64),
        cores=st.integers(1, 256),
        sources=st.dictionaries(st.text(min_size=1), SECONDS, max_size=3),
    ),
    st.integers(0, 10**6),
    SECONDS,
    SECONDS,
)
def test_every_run_can_be_judged(
    measures: Measures, worked: int, seconds: float, longest: float
) -> None:
    assert judge(measures, worked=worked, seconds=seconds, longest=longest).why
