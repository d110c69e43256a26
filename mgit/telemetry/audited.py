"""Which events are worth an audit record: credentials, and what makes, moves or ends a clone."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from mgit.errors import ExitCode, StateError
from mgit.model import (
    Archive,
    Heal,
    Listing,
    Move,
    Outcome,
    Remove,
    Result,
    action_key,
    action_name,
)
from mgit.telemetry.audit import AuditTrail
from mgit.telemetry.events import (
    CredentialFound,
    Ended,
    Event,
    Listed,
    Observer,
    Planned,
    RunEnded,
    RunStarted,
)


class _Audited:
    def __init__(self, trail: AuditTrail, warn: Callable[[str], None]) -> None:
        self._trail = trail
        self._warn = warn
        self._warned = False

    def __call__(self, event: Event) -> None:
        run_id = event.run_id
        match event:
            case RunStarted(root=root, sources=sources):
                self._put("run-started", "success", run_id, root=root, sources=", ".join(sources))
            case CredentialFound(source=source, origin=origin, found_in=place):
                self._put(
                    "credential-used",
                    "unknown",
                    run_id,
                    source=source,
                    origin=origin,
                    found_in=place,
                )
            case Listed(listing=listing):
                self._listed(run_id, listing)
            case Planned():
                pass
            case Ended(outcome=outcome, source=source):
                self._ended(run_id, outcome, source)
            case RunEnded(code=code):
                outcome_word = "success" if code is ExitCode.OK else "failure"
                self._put("run-ended", outcome_word, run_id, exit_code=str(int(code)))
            case _:
                assert_never(event)

    def _listed(self, run_id: str, listing: Listing) -> None:
        if (problem := listing.failure) is None:
            return
        if problem.exit_code == ExitCode.AUTHENTICATION:
            self._put(
                "credential-refused",
                "failure",
                run_id,
                source=problem.source,
                message=problem.message,
            )
        elif listing.repos or problem.exit_code == ExitCode.USAGE:
            self._put(
                "input-refused", "failure", run_id, source=problem.source, message=problem.message
            )

    def _ended(self, run_id: str, outcome: Outcome, source: str) -> None:
        action = outcome.action
        if outcome.result is Result.SKIPPED:  # nothing was done
            return
        refused = outcome.result is Result.FAILED and outcome.exit_code == ExitCode.AUTHENTICATION
        if refused:
            name = "credential-refused"
        elif outcome.result is Result.CLONED:
            name = "repository-cloned"
        elif isinstance(action, Move):
            name = "repository-moved"
        elif isinstance(action, Archive):
            name = "repository-archived"
        elif isinstance(action, Remove):
            name = "repository-removed"
        elif isinstance(action, Heal):
            name = "repository-healed"
        else:
            return
        key = action_key(action)
        self._put(
            name,
            "failure" if outcome.result is Result.FAILED else "success",
            run_id,
            source=source,
            repo=action_name(action),
            repo_key=str(key) if key else "",
            folder=action.folder,
            to=action.to if isinstance(action, Move | Archive) else "",
            damage=action.damage if isinstance(action, Heal) else "",
            message=outcome.message,
        )

    def _put(self, action: str, outcome: str, run_id: str, **labels: str) -> None:
        try:
            self._trail.record(action, outcome, run_id=run_id, **labels)
        except StateError as error:
            # A full disk must not end the mirroring; it is said once, and in the metrics' place
            # by mgit_storage_free_bytes.
            if not self._warned:
                self._warned = True
                self._warn(f"{error.message}; {error.advice}")


def audit_observer(trail: AuditTrail, warn: Callable[[str], None]) -> Observer:
    """Keeps the audit trail from the stream of events.

    Args:
        trail: where records go.
        warn: told once when they can't be kept.
    """
    return _Audited(trail, warn)
