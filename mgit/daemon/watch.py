"""Watches a run for the agenda: what was listed, what was found out of each repository."""

from __future__ import annotations

from dataclasses import replace

from mgit.model import Archive, Move, Outcome, Reason, Remove, RepoKey, Result, action_key
from mgit.plan.rhythm import Pass, Seen
from mgit.telemetry.events import Ended, Event, Listed

_CHANGED = frozenset({Result.FETCHED, Result.FAST_FORWARDED, Result.HEALED})
_NOT_OURS = frozenset({Reason.FOREIGN, Reason.OTHER_SHARD, Reason.GONE, Reason.LISTING_INCOMPLETE})


class Watch:
    """An observer of one run.

    Args:
        ahead: what to add to seconds since 1970 for monotonic seconds.
    """

    def __init__(self, ahead: float) -> None:
        self._ahead = ahead
        self._pushed: dict[RepoKey, float] = {}
        self._there: dict[str, frozenset[RepoKey]] = {}
        self._seen: dict[RepoKey, Seen] = {}

    def __call__(self, event: Event) -> None:
        """Note what matters; the rest is passed over."""
        match event:
            case Listed(listing=listing):
                for repo in listing.repos:
                    if repo.pushed_at is not None:
                        self._pushed[repo.key] = repo.pushed_at.timestamp() + self._ahead
                if listing.complete:
                    self._there[listing.source] = frozenset(repo.key for repo in listing.repos)
            case Ended(outcome=outcome, source=source):
                self._ended(outcome, source)
            case _:
                pass

    def seen(self, began: float, *, ended: bool) -> Pass:
        """What came of the run.

        Args:
            began: when the asking began; monotonic seconds.
            ended: see `Pass`.
        """
        return Pass(began, self._there, self._seen, ended)

    def _ended(self, outcome: Outcome, source: str) -> None:
        key = action_key(outcome.action)
        action = outcome.action
        gone = isinstance(action, Archive | Remove) or outcome.reason in _NOT_OURS
        if key is None or not source or gone:
            return
        now = Seen(
            source,
            action.to if isinstance(action, Move) else action.folder,
            outcome.result in _CHANGED and outcome.refs_changed > 0,
            outcome.result is Result.FAILED,
            self._pushed.get(key),
        )
        before = self._seen.get(key)
        if before is not None:  # a move, and then a fetch
            now = replace(
                now, changed=now.changed or before.changed, failed=now.failed or before.failed
            )
        self._seen[key] = now
