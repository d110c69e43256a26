"""What the service does next, played through without a clock."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mgit.daemon.agenda import LISTING_SECONDS, TRIES, Agenda, Errand, Told
from mgit.daemon.schedule import Timetable
from mgit.fleet.narrow import started
from mgit.fleet.values import SyncRequest
from mgit.model import RepoKey
from mgit.plan.rhythm import Book, Pass, Rhythm, Seen, Visit

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
STEADY = Rhythm(HOUR, HOUR, HOUR)
WIDE = Rhythm(15 * MINUTE, MINUTE, 6 * HOUR)


def key(number: int, host: str = "git.example.com") -> RepoKey:
    return RepoKey(host, str(number))


def agenda(
    rhythm: Rhythm = STEADY, number: int = 3, *, per_minute: int | None = None, asked: float = 0.0
) -> Agenda:
    """One source, listed just now."""
    table = Timetable.resume({"work": rhythm.interval}, {}, now=0.0, wall=0.0)
    table = table.after(["work"], [], started=0.0, now=0.0, chance=0.5)
    visits = {key(n): Visit("work", f"acme/{n}", asked) for n in range(number)}
    return Agenda(table, Book({"work": rhythm}, visits), per_minute)


def told(*ids: int | str, cause: str = "request-1") -> list[Told]:
    return [Told("work", str(one), cause) for one in ids]


def came_of(errand: Errand, plan: Agenda, now: float, *, failed: Iterable[RepoKey] = ()) -> Agenda:
    """The agenda after an errand in which all that was asked answered, but for these."""
    asked = {one for keys in errand.only.values() for one in keys}
    asked |= plan.book.of(errand.sources).keys() - errand.asleep
    there = {name: set(plan.book.of([name])) for name in errand.sources}
    bad = set(failed)
    seen = {
        one: replace(_seen(plan.book.visits[one]), failed=one in bad)
        for one in asked
        if one in plan.book.visits
    }
    after = plan.begun(errand, now).after(errand, Pass(now, there, seen), now=now)
    if errand.turn:
        table = after.table.after(errand.sources, [], started=now, now=now, chance=0.5)
        after = replace(after, table=table)
    return after


def _seen(visit: Visit) -> Seen:
    return Seen(visit.source, visit.folder)


# --- hints -------------------------------------------------------------------------------------


def test_a_hint_makes_one_repository_due_and_nothing_else():
    plan = agenda()
    assert plan.pick(1.0) is None
    assert plan.next(1.0) == HOUR
    plan = plan.hear(told(1), 1.0)
    assert plan.next(1.0) == 1.0
    errand = plan.pick(1.0)
    assert errand == Errand(only={"work": frozenset({key(1)})}, causes={key(1): "request-1"})
    plan = came_of(errand, plan, 1.0)
    assert plan.pick(2.0) is None
    assert plan.next(2.0) == HOUR  # the turn of the source is where it was
    assert plan.book.visits[key(1)].asked == 1.0


def test_a_clone_that_was_found_damaged_is_due_at_once_and_nobody_had_to_ask():
    plan = agenda().hear(told(1, cause=""), 1.0)
    errand = plan.pick(1.0)
    assert errand is not None
    assert errand.only == {"work": frozenset({key(1)})}
    request = SyncRequest(only={"work": {key(1): "acme/1"}}, causes=errand.causes)
    began = started("run", Path("/root"), ["work"], request, "")
    assert (began.causes, began.routine) == ((), False)  # worth a word, and nobody's wish
    assert came_of(errand, plan, 1.0).pick(2.0) is None


def test_many_hints_about_one_repository_are_one_errand():
    hints = [one for number in range(1000) for one in told(1, cause=f"request-{number}")]
    errand = agenda().hear(hints, 1.0).pick(1.0)
    assert errand is not None
    assert errand.only == {"work": frozenset({key(1)})}
    assert errand.causes == {key(1): "request-0"}


def test_a_hint_about_something_new_lists_the_source_and_asks_only_what_is_new():
    plan = agenda().hear(told("99"), 1.0)
    errand = plan.pick(1.0)
    assert errand is not None
    assert errand.sources == ("work",)
    assert not errand.turn
    assert errand.asleep == {key(0), key(1), key(2)}


def test_listings_for_hints_are_some_time_apart_and_turns_do_not_count():
    plan = agenda()
    turn = plan.pick(HOUR)
    assert turn is not None
    plan = came_of(turn, plan, HOUR)
    plan = replace(plan, listed={"work": 0.0}).hear(told("99"), 1.0)
    errand = plan.pick(1.0)
    assert errand is not None
    assert not errand.turn
    plan = came_of(errand, plan, 1.0).hear(told("100"), 2.0)
    assert plan.pick(2.0) is None
    assert plan.next(2.0) == 1.0 + LISTING_SECONDS
    assert plan.pick(1.0 + LISTING_SECONDS) is not None


def test_what_is_listed_and_not_kept_here_is_no_news():
    """Left out by a pattern, or another shard's: a company's webhook tells of all of them."""
    plan = agenda().hear(told("99"), 1.0)
    errand = plan.pick(1.0)
    assert errand is not None
    there = {"work": {key(0), key(1), key(2), key(99)}}
    plan = plan.begun(errand, 1.0).after(errand, Pass(1.0, there), now=1.0)
    plan = plan.hear(told("99"), 200.0)
    assert plan.pick(200.0) is None


def test_hints_about_sources_that_are_not_there_are_nothing():
    assert agenda().hear([Told("nobody", "1")], 1.0).pick(1.0) is None


def test_more_hints_than_are_kept_bring_the_turn_of_the_source_forward():
    errand = agenda().hear([Told("work", everything=True)], 40.0).pick(40.0)
    assert errand is not None
    assert errand.turn
    assert errand.asleep == frozenset()


def test_a_hint_that_cannot_be_followed_is_tried_again_a_few_times():
    plan = agenda().hear(told(1), 0.0)
    now, moments = 0.0, []
    while now < HOUR:
        errand = plan.pick(now)
        if errand is not None:
            plan = came_of(errand, plan, now, failed=[key(1)])
            moments.append(now)
        now = max(plan.next(now), now + 1.0)
    assert moments == [0.0, 30.0, 90.0, 210.0]
    assert len(moments) == TRIES


def test_a_clone_that_is_not_where_it_was_makes_the_source_be_listed():
    plan = agenda().hear(told(1), 1.0)
    errand = plan.pick(1.0)
    assert errand is not None
    plan = plan.begun(errand, 1.0).after(errand, Pass(1.0), now=1.0)
    following = plan.pick(1.0)
    assert following is not None
    assert following.sources == ("work",)
    assert key(1) not in following.asleep


def test_a_listing_that_was_broken_off_is_made_again():
    plan = agenda().hear(told("99"), 1.0)
    errand = plan.pick(1.0)
    assert errand is not None
    after = plan.begun(errand, 1.0).after(errand, Pass(1.0, ended=False), now=1.0)
    assert after.pick(2.0) is None
    again = after.pick(1.0 + LISTING_SECONDS)
    assert again is not None
    assert again.sources == ("work",)


def test_a_pass_that_was_broken_off_forgets_nothing():
    plan = agenda().hear(told(1), 1.0)
    errand = plan.pick(1.0)
    assert errand is not None
    after = plan.begun(errand, 1.0).after(errand, Pass(1.0, ended=False), now=1.0)
    assert after.book == plan.book
    assert after.pick(1.0) is None
    again = after.pick(31.0)
    assert again is not None
    assert again.only == errand.only


# --- turns ---------------------------------------------------------------------------------------


def test_at_its_turn_a_steady_source_is_asked_whole():
    errand = agenda().pick(HOUR)
    assert errand == Errand(("work",), turn=True)


def test_a_stream_of_hints_does_not_keep_a_source_from_its_turn():
    plan, kinds = agenda().hear(told(0), HOUR), []
    for second in range(4):
        now = HOUR + second
        errand = plan.pick(now)
        if errand is None:
            break
        kinds.append(errand.turn)
        plan = came_of(errand, plan, now).hear(told(second), now)
    assert kinds[:3] == [False, True, False]


def test_the_repositories_of_a_source_that_is_down_wait_for_its_turn():
    plan = agenda(WIDE)
    plan = replace(plan, book=plan.book.after(Pass(0.0, seen={key(0): Seen("work", "f", True)})))
    assert plan.pick(MINUTE) is not None
    turn = plan.pick(HOUR)
    assert turn is not None
    while not turn.turn:
        plan = came_of(turn, plan, HOUR)
        turn = plan.pick(HOUR)
        assert turn is not None
    seen = {one: Seen("work", "f", failed=True) for one in plan.book.visits}
    down = plan.begun(turn, HOUR).after(turn, Pass(HOUR, {}, seen), now=HOUR)
    table = down.table.after(["work"], ["work"], started=HOUR, now=HOUR, chance=0.0)
    down = replace(down, table=table)
    assert down.pick(HOUR + 20.0) is None
    again = down.pick(HOUR + 30.0)
    assert again is not None
    assert again.turn


# --- how many a minute ---------------------------------------------------------------------------


def test_no_host_is_asked_more_often_than_it_should_be():
    plan = agenda(number=250, per_minute=100)
    asked: list[tuple[float, int]] = []
    now = HOUR
    while sum(count for _, count in asked) < 250:
        errand = plan.pick(now)
        if errand is not None:
            only = {one for keys in errand.only.values() for one in keys}
            count = len(only) + len(plan.book.of(errand.sources).keys() - errand.asleep)
            asked.append((now, count))
            plan = came_of(errand, plan, now)
        assert now < 2 * HOUR
        now = max(plan.next(now), now + 0.5)
    assert asked == [(HOUR, 100), (HOUR + 60, 100), (HOUR + 120, 50)]


def test_what_a_hint_is_about_goes_first():
    plan = agenda(number=50, per_minute=2).hear(told(49), HOUR)
    errand = plan.pick(HOUR)
    assert errand is not None
    assert key(49) in errand.only["work"]


# --- for days ------------------------------------------------------------------------------------


@dataclass
class World:
    """Repositories that change by themselves, and a service that goes round them."""

    plan: Agenda
    every: dict[RepoKey, float]
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    now: float = 0.0
    asked: Counter[RepoKey] = field(default_factory=Counter)
    worst: dict[RepoKey, float] = field(default_factory=dict)
    runs: int = 0

    def live(self, until: float) -> None:
        changed = {one: self.chance.random() * pace for one, pace in self.every.items()}
        while self.now < until:
            self.now = max(self.plan.next(self.now), self.now + 0.5)
            errand = self.plan.pick(self.now)
            if errand is None:
                continue
            self.runs += 1
            asked = {one for keys in errand.only.values() for one in keys}
            asked |= self.plan.book.of(errand.sources).keys() - errand.asleep
            seen = {}
            for one in asked:
                visit = self.plan.book.visits[one]
                self.asked[one] += 1
                gap = self.now - visit.asked
                self.worst[one] = max(self.worst.get(one, 0.0), gap)
                moved = changed[one] <= self.now
                if moved:
                    behind = self.chance.expovariate(1 / self.every[one])
                    changed[one] = self.now + behind
                seen[one] = Seen(visit.source, visit.folder, changed=moved)
            there = {name: set(self.every) for name in errand.sources}
            plan = self.plan.begun(errand, self.now)
            plan = plan.after(errand, Pass(self.now, there, seen), now=self.now)
            if errand.turn:
                table = plan.table.after(
                    errand.sources,
                    [],
                    started=self.now,
                    now=self.now,
                    chance=self.chance.random(),
                )
                plan = replace(plan, table=table)
            self.plan = plan


@pytest.mark.parametrize("seed", [1, 2])
def test_over_a_week_busy_ones_are_asked_often_quiet_ones_seldom_and_none_too_late(seed):
    busy, quiet = 10 * MINUTE, 60 * DAY
    every = {key(n): (busy if n < 3 else quiet) for n in range(40)}
    plan = agenda(WIDE, number=40)
    world = World(plan, every, random.Random(seed))
    world.live(7 * DAY)
    often = [world.asked[key(n)] for n in range(3)]
    seldom = [world.asked[key(n)] for n in range(3, 40)]
    turns = 7 * DAY / WIDE.interval
    assert min(often) > 3 * turns
    assert sum(seldom) / len(seldom) < turns / 2
    assert max(world.worst.values()) <= WIDE.longest + 1.0


def test_a_steady_service_asks_each_one_once_in_each_turn():
    world = World(agenda(STEADY, number=10), dict.fromkeys(map(key, range(10)), DAY))
    world.live(2 * DAY)
    assert set(world.asked.values()) == {world.runs}
    assert 40 <= world.runs <= 54
