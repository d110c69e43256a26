"""What is remembered of visits and of deliveries."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.model import RepoKey
from mgit.state import State, StoredVisit
from mgit.state.deliveries import KEPT, WaitingHint, marks_in

PLACE = Path("/srv/clones")


@pytest.fixture
def state(tmp_path):
    opened = State(tmp_path / "state.db", warn=pytest.fail)
    yield opened
    opened.close()


def visit(number: int, asked: float = 5.0, changed: float | None = None) -> StoredVisit:
    return StoredVisit(RepoKey("h", str(number)), "work", f"acme/{number}", asked, changed, 0)


def test_visits_are_kept_by_place_and_replaced_one_by_one(state):
    state.visits.store(PLACE, [visit(1), visit(2, changed=1.5)])
    state.visits.store(PLACE / "other", [visit(1)])
    state.visits.store(PLACE, [visit(1, asked=9.0)], gone=[RepoKey("h", "2")])
    assert state.visits.load(PLACE) == (visit(1, asked=9.0),)
    assert state.visits.load(PLACE / "other") == (visit(1),)
    assert state.visits.load(PLACE / "nowhere") == ()


WORK = WaitingHint("work", "1")


def test_a_delivery_is_new_once(state, tmp_path):
    assert state.deliveries.remember(WORK, ["id", "body"]) == 1
    assert state.deliveries.remember(WORK, ["another-id", "body"]) is None
    assert state.deliveries.remember(WaitingHint("other", "1"), ["id", "body"]) == 2
    assert set(marks_in(tmp_path / "state.db", "work")) == {"id", "body", "another-id"}
    assert marks_in(tmp_path / "nothing.db", "work") == ()
    assert not (tmp_path / "nothing.db").exists()


def test_the_oldest_deliveries_are_forgotten(tmp_path):
    clock = iter(range(10**6))
    state = State(tmp_path / "state.db", warn=pytest.fail, clock=lambda: float(next(clock)))
    state.deliveries.remember(WORK, [f"old-{n}" for n in range(5)])
    state.deliveries.remember(WORK, [str(n) for n in range(KEPT)])
    state.deliveries.remember(WORK, ["last"])
    state.close()
    kept = marks_in(tmp_path / "state.db", "work")
    assert "old-0" not in kept
    assert kept[-1] == "last"


def test_where_nothing_can_be_kept_every_delivery_is_new(tmp_path):
    (tmp_path / "file").write_text("in the way")
    said: list[str] = []
    state = State(tmp_path / "file" / "state.db", warn=said.append)
    assert state.deliveries.remember(WORK, ["id"]) == 0
    assert state.deliveries.remember(WORK, ["id"]) == 0
    assert said
    state.close()
