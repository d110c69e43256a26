"""One action, done by git with the credential of its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from mgit.address import CloneUrl
from mgit.fleet.pacing import turn
from mgit.fleet.sources import Sources
from mgit.fleet.tools import GitTools
from mgit.fleet.values import FAILURES, HELD_ADVICE, skipped
from mgit.forges.budget import Budget
from mgit.git import healing, operations, removing
from mgit.git.effects import Done, Drifted, Effect
from mgit.git.maintenance import maintain
from mgit.git.runner import GitRunner
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
                with turn(self._budget(action.repo)):
                    effect = operations.clone(
                        self._runner(action.repo), self.root, action, look=self._look(action.repo)
                    )
                return _outcome(action, effect, Result.CLONED)
            case Fetch():
                with turn(self._budget(action.repo)):
                    effect = operations.fetch(self._runner(action.repo), self.root, action)
                effect = self._maintained(action, effect)
                return _outcome(action, effect, Result.FETCHED, action.held)
            case FastForward():
                with turn(self._budget(action.repo)):
                    effect = operations.fast_forward(self._runner(action.repo), self.root, action)
                return _outcome(action, effect, Result.FAST_FORWARDED)
            case Move():
                return _outcome(action, operations.move(local, self.root, action), Result.MOVED)
            case Archive():
                effect = operations.archive(local, self.root, action)
                return _outcome(action, effect, Result.ARCHIVED)
            case Remove():
                effect = removing.remove(local, self.root, action)
                return _outcome(action, effect, Result.REMOVED)
            case Heal():
                with turn(self._budget(action.repo)):
                    look = self._look(action.repo)
                    effect = healing.heal(self._runner(action.repo), self.root, action, look=look)
                return _outcome(action, effect, Result.HEALED)
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

    def _budget(self, repo: RemoteRepo) -> Budget:
        return self.tools.budget(self.sources.open(repo.source), repo.url)

    def _look(self, repo: RemoteRepo) -> Callable[[CloneUrl], RefSnapshot]:
        client = self.tools.refs(self.sources.open(repo.source), repo.url)
        budget = self._budget(repo)

        def look(url: CloneUrl) -> RefSnapshot:
            budget.answered()  # by the git before; else this question would wait for that git
            return client.ls_refs(url)

        return look

    def _runner(self, repo: RemoteRepo) -> GitRunner:
        return self.tools.runner(self.sources.open(repo.source))


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
