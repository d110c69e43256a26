"""One action, done by git with the credential of its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import assert_never

from mgit.address import CloneUrl
from mgit.fleet.pacing import turn
from mgit.fleet.sources import Source, Sources
from mgit.fleet.tools import GitTools
from mgit.fleet.values import FAILURES, HELD_ADVICE, skipped
from mgit.forges.budget import Budget
from mgit.git import healing, operations, removing
from mgit.git.effects import Done, Drifted, Effect
from mgit.git.maintenance import maintain
from mgit.model import (
    Action,
    Archive,
    Clone,
    CopyKind,
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

_Asking = Clone | Fetch | FastForward | Heal


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
            case Clone():
                return _outcome(action, self._asked(action), Result.CLONED)
            case Fetch():
                effect = self._maintained(action, self._asked(action))
                return _outcome(action, effect, Result.FETCHED, action.held)
            case FastForward():
                return _outcome(action, self._asked(action), Result.FAST_FORWARDED)
            case Heal():
                return _outcome(action, self._asked(action), Result.HEALED)
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

    def _maintained(self, action: Fetch, effect: Effect) -> Effect:
        """Pack a mirror anew where it needs it: it is locked, and no host waits for it."""
        if not isinstance(effect, Done) or action.kind is not CopyKind.MIRROR:
            return effect
        if action.options.filter:  # older gits cannot pack what lacks objects
            return effect
        said = maintain(self.tools.local, self.root / action.folder)
        return replace(effect, detail="; ".join(filter(None, (effect.detail, said))))

    def _asked(self, action: _Asking) -> Effect:
        """Do what talks to the upstream."""
        return self.sources.asking(action.repo.source, partial(self._with, action))

    def _with(self, action: _Asking, source: Source) -> Effect:
        """The same, with the credential that its source has now."""
        budget = self.tools.budget(source, action.repo.url)
        runner = self.tools.runner(source)
        with turn(budget):
            match action:
                case Clone():
                    look = self._look(action.repo, source, budget)
                    return operations.clone(runner, self.root, action, look=look)
                case Fetch():
                    return operations.fetch(runner, self.root, action)
                case FastForward():
                    return operations.fast_forward(runner, self.root, action)
                case Heal():
                    look = self._look(action.repo, source, budget)
                    return healing.heal(runner, self.root, action, look=look)
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
        case Drifted(reason=reason, detail=detail, loss=loss) if loss is not None:
            code = int(FAILURES[reason])
            return Outcome(action, Result.FAILED, reason, detail, HELD_ADVICE, code, loss=loss)
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
                kept=effect.kept,
            )
        case _:
            assert_never(effect)
