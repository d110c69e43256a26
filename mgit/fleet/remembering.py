"""What a run leaves in the state: listings, outcomes, what is held, and the run itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from mgit.model import (
    Outcome,
    RefLoss,
    RepoKey,
    Result,
    Skip,
    action_key,
    action_name,
    holds_upstream,
)
from mgit.state import RunFigures, State, is_change
from mgit.telemetry.events import (
    CredentialFound,
    CredentialRejected,
    Ended,
    Event,
    Listed,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)

_BATCH = 200
_AWAY = (Result.ARCHIVED, Result.REMOVED)


class StateObserver:
    """Keeps listings, runs and outcomes; outcomes in batches, a transaction each.

    Args:
        state: the memory.
        root: folder of the clones.
    """

    def __init__(self, state: State, root: Path) -> None:
        self._state = state
        self._root = root
        self._run: str | None = None
        self._routine = False
        self._outcomes: list[Outcome] = []
        self._held: frozenset[RepoKey] = frozenset()
        self._sources: dict[RepoKey, str] = {}
        self._ends: dict[RepoKey | str, tuple[bool, bool]] = {}  # -> changed, failed

    def __call__(self, event: Event) -> None:
        """Keep what it tells."""
        match event:
            case RunStarted(routine=routine):
                self._routine = routine
            case CredentialFound() | CredentialRejected() | Scrubbed():
                pass
            case Listed(listing=listing):
                self._state.store_listing(listing)
            case Planned(run_id=run_id, plan=plan):
                self._held = frozenset(self._state.held.all(self._root))
                # A look at some repositories that found nothing new is no run to remember.
                if not (self._routine and all(isinstance(one, Skip) for one in plan.actions)):
                    self._run = run_id
                    self._state.begin_run(run_id, self._root)
            case Ended():
                self._ended(event)
            case RunEnded(run_id=run_id, code=code, measures=measures):
                self._flush(run_id)
                if self._run is not None:
                    self._state.end_run(run_id, int(code), self._figures(event), measures)
            case _:
                assert_never(event)

    def _ended(self, event: Ended) -> None:
        outcome = event.outcome
        key = action_key(outcome.action)
        if key is not None and event.source:
            self._sources[key] = event.source
        who = key or action_name(outcome.action)
        changed, failed = self._ends.get(who, (False, False))
        self._ends[who] = changed or is_change(outcome), failed or outcome.result is Result.FAILED
        self._outcomes.append(outcome)
        self._note_loss(outcome, event.source)
        if len(self._outcomes) >= _BATCH:
            self._flush(event.run_id)

    def _note_loss(self, outcome: Outcome, source: str) -> None:
        """Keep who is held; forget it where the clone follows its upstream again, or is gone."""
        key = action_key(outcome.action)
        if key is None:
            return
        if outcome.loss is not None:
            name, folder = action_name(outcome.action), outcome.action.folder
            self._state.held.note(
                self._root, key, name=name, folder=folder, source=source, loss=outcome.loss
            )
        elif key in self._held and (holds_upstream(outcome) or outcome.result in _AWAY):
            self._state.held.release(self._root, [key])

    def _figures(self, event: RunEnded) -> RunFigures:
        ends = self._ends.values()
        return RunFigures(
            event.seconds,
            len(ends),
            sum(changed for changed, _ in ends),
            sum(failed for _, failed in ends),
            event.git_processes,
        )

    def _flush(self, run_id: str) -> None:
        self._state.record(run_id, self._outcomes, self._sources)
        self._outcomes.clear()
        self._sources.clear()


def loss_known(state: State, root: Path) -> Callable[[RepoKey, RefLoss], bool]:
    """Tells whether the state knows a loss already."""

    def knows(key: RepoKey, loss: RefLoss) -> bool:
        held = state.held.all(root).get(key)
        return held is not None and held.loss == loss

    return knows
