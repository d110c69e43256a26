"""What is held outlives a run; what a person accepted counts for exactly that, and once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.model import LostRef, Reason, RefLoss, RepoKey, loss_of
from mgit.state import State, StoredScrub

ROOT, OTHER = Path("/data"), Path("/elsewhere")
KEY = RepoKey("git.example.com", "7")
LOSS = loss_of(
    Reason.REF_LOSS, [LostRef("refs/heads/b", "b" * 40), LostRef("refs/heads/a", "a" * 40)]
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path, clock: Clock) -> Iterator[State]:
    state = State(tmp_path / "state.db", warn=pytest.fail, clock=clock)
    yield state
    state.close()


def hold(state: State, loss: RefLoss = LOSS) -> None:
    state.held.note(ROOT, KEY, name="acme/app", folder="acme/app", source="work", loss=loss)


def test_it_is_held_since_this_very_loss_was_first_seen(state: State, clock: Clock) -> None:
    hold(state)
    clock.now = 2000.0
    hold(state)
    assert state.held.all(ROOT)[KEY].since == 1000.0
    assert state.held.all(OTHER) == {}
    hold(state, loss_of(Reason.EMPTIED, LOSS.refs))
    held = state.held.all(ROOT)[KEY]
    assert held.since == 2000.0
    assert held.loss.reason is Reason.EMPTIED
    assert [one.name for one in held.loss.refs] == ["refs/heads/a", "refs/heads/b"]


def test_what_was_accepted_goes_with_what_was_held(state: State) -> None:
    hold(state)
    assert state.held.acknowledge(ROOT, KEY, LOSS)
    assert state.held.acknowledged(ROOT) == {KEY: frozenset({LOSS.digest})}
    state.held.release(ROOT, [KEY])
    assert state.held.all(ROOT) == {}
    assert state.held.acknowledged(ROOT) == {}


def test_a_rotten_row_is_as_if_it_were_not_there(state: State, tmp_path: Path) -> None:
    hold(state)
    state._database.write(lambda db: db.execute("UPDATE held SET body = x'00'") and None)
    assert state.held.all(ROOT) == {}


def test_how_far_a_clone_was_read(state: State) -> None:
    one = StoredScrub("acme/app", 5.0, None, "pack/pack-1.pack")
    state.scrubs.store(ROOT, one)
    assert state.scrubs.load(ROOT) == {"acme/app": one}
    state.scrubs.forget(ROOT, ["acme/app"])
    assert state.scrubs.load(ROOT) == {}
