"""One action, done by git with the credential of its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import assert_never

from mgit.address import CloneUrl
from mgit.fleet.pacing import turn
from mgit.fleet.sources import Source, Sources
from mgit.fleet.tools import GitTools
from mgit.fleet.values import skipped
from mgit.forges.budget import Budget
from mgit.git import healing, operations, removing
from mgit.git.effects import Done, Drifted, Effect
from mgit.model import (
    Action,
    Archive,
    Clone,
    FastForward,
    Fetch,
    Heal,
    Move,
    Outcome,
    Reason,
    RefSnapshot,
    RemoteRepo,
    Remove,
    Result,
    Skip,
)


@dataclass(frozen=True, slots=True)
class Performer:
    """Does actions below one root; `Applier` decides on their order.

    Args:
        root: folder of the clones.
        sources: whose credential belongs to which action.
        tools: start git.
    """

    root: Path
    sources: Sources
    tools: GitTools

    def __call__(self, action: Action) -> Outcome:
        """Do it.

        Raises:
            Later: its host pauses.
            MgitError: it could not be done; the clone is as it was.
            OSError: the disk refused.
        """
        local = self.tools.local
        match action:
            case Skip():
                return skipped(action)
            case Clone() | Fetch() | FastForward() | Heal():
                return self.sources.asking(action.repo.source, partial(self._with, action))
            case Move():
                return _outcome(action, operations.move(local, self.root, action), Result.MOVED)
            case Archive():
                effect = operations.archive(local, self.root, action)
                return _outcome(action, effect, Result.ARCHIVED)
            case Remove():
                effect = removing.remove(local, self.root, action)
                return _outcome(action, effect, Result.REMOVED)
            case _:
                assert_never(action)

    def _with(self, action: Clone | Fetch | FastForward | Heal, source: Source) -> Outcome:
        """Do what talks to the upstream, with the credential that its source has now."""
        budget = self.tools.budget(source, action.repo.url)
        runner = self.tools.runner(source)
        with turn(budget):
            match action:
                case Clone():
                    look = self._look(action.repo, source, budget)
                    effect = operations.clone(runner, self.root, action, look=look)
                    return _outcome(action, effect, Result.CLONED)
                case Fetch():
                    effect = operations.fetch(runner, self.root, action)
                    return _outcome(action, effect, Result.FETCHED, action.held)
                case FastForward():
                    effect = operations.fast_forward(runner, self.root, action)
                    return _outcome(action, effect, Result.FAST_FORWARDED)
                case Heal():
                    look = self._look(action.repo, source, budget)
                    effect = healing.heal(runner, self.root, action, look=look)
                    return _outcome(action, effect, Result.HEALED)
                case _:
                    assert_never(action)

    def _look(
        self, repo: RemoteRepo, source: Source, budget: Budget
    ) -> Callable[[CloneUrl], RefSnapshot]:
        client = self.tools.refs(source, repo.url)

        def look(url: CloneUrl) -> RefSnapshot:
            budget.answered()  # by the git before; else this question would wait for that git
            return client.ls_refs(url)

        return look


def _outcome(action: Action, effect: Effect, result: Result, held: Reason | None = None) -> Outcome:
    match effect:
        case Drifted(reason=reason, detail=detail):
            return Outcome(action, Result.SKIPPED, reason, detail)
        case Done():
            held = effect.held or held
            if held is not None and result is Result.FAST_FORWARDED:
                result = Result.FETCHED  # the refs arrived, the work tree stayed
            return Outcome(
                action,
                result,
                held,
                effect.detail,
                refs_changed=effect.refs_changed,
                rewritten=effect.rewritten,
            )
        case _:
            assert_never(effect)
