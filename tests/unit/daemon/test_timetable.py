"""Each source has its turn: days of service on a clock that only the test moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.daemon.schedule import JITTER, KeptTurn, Timetable

DAY = 86400.0
MINUTE = 60.0
INTERVALS = {"busy": 5 * MINUTE, "usual": 15 * MINUTE, "vendored": 6 * 3600.0}
Down = Callable[[str, float], bool]


def nobody_is_down(source: str, moment: float) -> bool:
    del source, moment
    return False


@dataclass
class Service:
    """A loop without a fleet; `wall` and `boot` are where the two clocks began."""

    intervals: Mapping[str, float] = field(default_factory=lambda: dict(INTERVALS))
    chance: Callable[[], float] = lambda: 0.5
    down: Down = nobody_is_down
    took: float = 2.0
    time: float = 0.0
    boot: float = 1000.0
    wall: float = 1.8e9
    kept: dict[str, KeptTurn] = field(default_factory=dict)
    passes: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)

    def run(self, until: float) -> None:
        """From a start of the process to its end."""
        table = Timetable.resume(
            self.intervals, self.kept, now=self.boot + self.time, wall=self.wall + self.time
        )
        while True:
            self.time = max(self.time, table.next - self.boot)
            if self.time >= until:
                self.time = until
                return
            started = max(self.boot + self.time, table.next)  # whatever rounding does
            sources = table.due(started)
            assert sources
            self.passes.append((self.time, sources))
            failed = [source for source in sources if self.down(source, self.time)]
            self.time += self.took
            table = table.after(
                sources, failed, started=started, now=self.boot + self.time, chance=self.chance()
            )
            kept = table.kept(now=self.boot + self.time, wall=self.wall + self.time)
            self.kept = dict(kept)

    def restart(self, *, away: float = 0.0) -> None:
        """The machine is started again: its monotonic clock begins anywhere."""
        self.time += away
        self.boot = 77.0 - self.time

    def moments(self, source: str) -> list[float]:
        return [moment for moment, sources in self.passes if source in sources]


def gaps(moments: list[float]) -> list[float]:
    return [late - early for early, late in pairwise(moments)]


def cycle(values: Collection[float]) -> Callable[[], float]:
    """These chances, again and again."""
    state = {"at": -1}
    chances = list(values)

    def chance() -> float:
        state["at"] += 1
        return chances[state["at"] % len(chances)]

    return chance


def test_a_day_of_sources_that_keep_their_own_time() -> None:
    service = Service()
    service.run(DAY)
    counts = {source: len(service.moments(source)) for source in INTERVALS}
    assert counts == {"busy": 288, "usual": 96, "vendored": 4}
    assert service.passes[0] == (0.0, ("busy", "usual", "vendored"))
    assert service.passes[1] == (300.0, ("busy",))
    for source, interval in INTERVALS.items():
        assert set(gaps(service.moments(source))) == {interval}


def test_sources_of_one_interval_go_together() -> None:
    """One pass for all, as long as they fare alike: the disk is looked through once."""
    service = Service(dict.fromkeys("abc", 600.0), chance=cycle([0.1, 0.9, 0.4]))
    service.run(DAY)
    assert {sources for _, sources in service.passes} == {("a", "b", "c")}


def test_one_that_is_down_backs_off_and_comes_back_while_the_others_go_on() -> None:
    until = 3 * 3600.0
    service = Service(down=lambda source, moment: source == "usual" and moment < until)
    service.run(DAY)
    tries = service.moments("usual")
    pauses = [gap - service.took for gap in gaps(tries)]
    assert pauses[:6] == pytest.approx([31.5, 63, 126, 252, 504, 945])
    assert max(pauses[:6]) <= 15 * MINUTE * (1 + JITTER)
    back = next(moment for moment in tries if moment >= until)
    assert back - until <= 15 * MINUTE * (1 + JITTER) + service.took
    assert set(gaps([moment for moment in tries if moment >= back])) == {15 * MINUTE}
    # Nobody else noticed, but for the passes that were under way when they were due.
    for source in ("busy", "vendored"):
        late = [gap - INTERVALS[source] for gap in gaps(service.moments(source))]
        assert max(map(abs, late)) <= service.took
        assert len(service.moments(source)) >= DAY / INTERVALS[source] - 2


def test_one_that_is_slow_to_fail_holds_others_up_only_for_its_own_pass() -> None:
    service = Service(down=lambda source, moment: source == "vendored", took=90.0)
    service.run(DAY)
    assert max(gaps(service.moments("busy"))) <= INTERVALS["busy"] + 90.0


@pytest.mark.parametrize("away", [0.0, 20.0])
def test_a_restart_in_the_middle_keeps_the_phase(away: float) -> None:
    whole, broken = Service(), Service()
    whole.run(DAY)
    broken.run(40_030.0)  # between two turns
    broken.restart(away=away)
    broken.run(DAY)
    for source in INTERVALS:
        assert broken.moments(source) == pytest.approx(whole.moments(source))


def test_what_became_due_while_nobody_ran_goes_at_once_and_no_more_than_once() -> None:
    service = Service()
    service.run(40_000.0)
    service.restart(away=7 * 3600.0)
    service.run(DAY)
    back = 40_000.0 + 7 * 3600.0
    first = next((moment, sources) for moment, sources in service.passes if moment >= back)
    assert first == (pytest.approx(back), ("busy", "usual", "vendored"))
    assert min(gaps(service.moments("busy"))) >= 300.0 - 1e-3


def test_a_restart_does_not_make_one_that_is_down_be_hammered() -> None:
    service = Service({"down": 900.0}, down=lambda source, moment: True)
    service.run(4000.0)
    tries = len(service.passes)
    for _ in range(50):
        service.restart(away=1.0)
        service.run(service.time + 1.0)
    assert len(service.passes) == tries
    assert service.kept["down"].failures == tries


def test_without_a_memory_all_are_due_at_once() -> None:
    service = Service()
    service.run(1000.0)
    service.kept = {}
    service.restart()
    service.run(1001.0)
    assert service.passes[-1] == (pytest.approx(1000.0), ("busy", "usual", "vendored"))


def test_a_new_source_is_due_at_once_and_one_that_was_taken_out_is_forgotten() -> None:
    service = Service({"old": 600.0, "stays": 600.0})
    service.run(700.0)
    service.intervals = {"stays": 600.0, "new": 600.0}
    service.restart()
    service.run(701.0)
    assert service.passes[-1] == (pytest.approx(700.0), ("new",))
    assert set(service.kept) == {"stays", "new"}


def test_a_clock_that_jumped_back_costs_no_more_than_one_interval() -> None:
    service = Service()
    service.run(40_000.0)
    service.restart()
    service.wall -= 400 * DAY
    service.run(DAY)
    for source, interval in INTERVALS.items():
        assert max(gaps(service.moments(source))) <= interval * (2 + JITTER) + 1e-3


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.builds(KeptTurn, st.floats(-1e12, 1e12), st.integers(0, 10**9)),
    ),
    st.floats(0, 1e6),
    st.floats(0, 4e9),
)
def test_whatever_was_kept_nobody_waits_longer_than_an_interval(
    kept: dict[str, KeptTurn], now: float, wall: float
) -> None:
    intervals = {"a": 1.0, "b": 900.0, "c": 30 * DAY}
    table = Timetable.resume(intervals, kept, now=now, wall=wall)
    assert list(table.turns) == list(intervals)
    for source, turn in table.turns.items():
        assert now <= turn.due <= now + intervals[source] * (1 + JITTER) + 1e-6
    assert table.due(table.next)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_jitter_stays_within_a_tenth(chances: list[float]) -> None:
    service = Service({"one": 600.0}, chance=cycle(chances))
    service.run(DAY / 4)
    assert all(540.0 - 1e-3 <= gap <= 660.0 + 1e-3 for gap in gaps(service.moments("one")))


def test_jitter_spreads_services_that_were_started_together() -> None:
    """100 services, 15 minutes: after a day no minute has more than a few of them."""
    minutes: dict[int, int] = defaultdict(int)
    for number in range(100):
        # Weyl sequences: as even as chance, and the same on every machine.
        chances = [(number * 0.618034 + step * 0.414214 * (number + 1)) % 1 for step in range(97)]
        service = Service({"one": 900.0}, chance=cycle(chances))
        service.run(DAY)
        minutes[int(service.moments("one")[-1] % 900.0 // 60)] += 1
    assert max(minutes.values()) <= 20
    assert len(minutes) >= 12
