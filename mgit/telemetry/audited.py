"""Which events are worth an audit record: credentials, and what makes, moves or ends a clone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import assert_never

from mgit.errors import ExitCode, StateError
from mgit.model import (
    Archive,
    Clone,
    FastForward,
    Fetch,
    Heal,
    Listing,
    Move,
    Outcome,
    RefLoss,
    Remove,
    RepoKey,
    Result,
    Skip,
    action_key,
    action_name,
)
from mgit.telemetry.audit import AuditTrail
from mgit.telemetry.events import (
    CredentialFound,
    CredentialRejected,
    Ended,
    Event,
    Listed,
    Observer,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)

MANY_REFS = 10
"""A fetch that takes away so many refs is told of; one branch comes and goes every day."""
_CAUSES = 20
# Left out by the forge's own count, or a configuration that cannot be as it is.
_INPUT = (ExitCode.USAGE, ExitCode.SOME_FAILED)


class _Audited:
    def __init__(
        self,
        trail: AuditTrail,
        warn: Callable[[str], None],
        knows_loss: Callable[[RepoKey, RefLoss], bool],
    ) -> None:
        self._trail = trail
        self._warn = warn
        self._knows_loss = knows_loss
        self._warned = False
        self._routine = False

    def __call__(self, event: Event) -> None:
        run_id = event.run_id
        match event:
            case RunStarted(routine=True):
                self._routine = True  # every minute: what it does is told, not that it looked
            case RunStarted(root=root, sources=sources):
                self._routine = False
                why = {"cause": ", ".join(event.causes[:_CAUSES]), "trace_id": event.trace_id}
                names = ", ".join(sources)
                self._put("run-started", "success", run_id, root=root, sources=names, **why)
            case CredentialFound():
                self._credential(event)
            case CredentialRejected(source=source, origin=origin, found_in=place, message=said):
                about = {"source": source, "origin": origin, "found_in": place}
                self._put("credential-refused", "failure", run_id, message=said, **about)
            case Listed(listing=listing):
                self._listed(run_id, listing)
            case Planned():
                pass
            case Scrubbed():
                self._scrubbed(event)
            case Ended(outcome=outcome, source=source, cause=cause):
                self._ended(run_id, outcome, source, cause)
            case RunEnded(code=code):
                self._run_ended(run_id, code)
            case _:
                assert_never(event)

    def _run_ended(self, run_id: str, code: ExitCode) -> None:
        if not self._routine:
            outcome_word = "success" if code is ExitCode.OK else "failure"
            self._put("run-ended", outcome_word, run_id, exit_code=str(int(code)))

    def _scrubbed(self, event: Scrubbed) -> None:
        if event.damage:
            self._put(
                "damage-found",
                "failure",
                event.run_id,
                source=event.source,
                repo=event.name,
                repo_key=str(event.key),
                folder=event.folder,
                damage=event.damage,
            )

    def _credential(self, event: CredentialFound) -> None:
        about = {"source": event.source, "origin": event.origin, "found_in": event.found_in}
        if event.rotated:
            self._put("credential-rotated", "success", event.run_id, **about)
            return
        self._put("credential-used", "unknown", event.run_id, **about)
        if event.expiring and event.expires_at is not None:
            ends = moment(event.expires_at)
            self._put("credential-expiring", "unknown", event.run_id, expires=ends, **about)

    def _listed(self, run_id: str, listing: Listing) -> None:
        if (problem := listing.failure) is None:
            return
        labels = {"source": problem.source, "message": problem.message}
        if problem.exit_code == ExitCode.AUTHENTICATION:
            self._put("credential-refused", "failure", run_id, **labels)
        if listing.malformed or problem.exit_code in _INPUT:
            count = str(listing.malformed) if listing.malformed else ""
            self._put("input-refused", "failure", run_id, malformed=count, **labels)

    def _ended(self, run_id: str, outcome: Outcome, source: str, cause: str) -> None:
        if outcome.result is Result.SKIPPED:  # nothing was done
            return
        about = _labels(outcome, source) | {"cause": cause}
        if outcome.rewritten and isinstance(outcome.action, FastForward):
            branch, before = outcome.action.branch, outcome.action.expects_oid
            self._put("branch-forced", "success", run_id, branch=branch, before=before, **about)
        self._of_losses(run_id, outcome, about)
        if len(gone := _refs_gone(outcome)) >= MANY_REFS:
            count, some = str(len(gone)), ", ".join(gone)
            self._put("refs-deleted", "success", run_id, count=count, refs=some, **about)
        if name := _name(outcome):
            word = "failure" if outcome.result is Result.FAILED else "success"
            self._put(name, word, run_id, **about)

    def _of_losses(self, run_id: str, outcome: Outcome, about: dict[str, str]) -> None:
        """A loss that is held is told when it is new, and not on every run."""
        if outcome.kept:
            count, some = str(len(outcome.kept)), ", ".join(outcome.kept)
            self._put("refs-kept", "success", run_id, count=count, refs=some, **about)
        key, loss = action_key(outcome.action), outcome.loss
        if loss is not None and key is not None and not self._knows_loss(key, loss):
            self._put("refs-held", "failure", run_id, **loss_labels(loss), **about)

    def _put(self, action: str, outcome: str, run_id: str, **labels: str) -> None:
        try:
            self._trail.record(action, outcome, run_id=run_id, **labels)
        except StateError as error:
            # A full disk must not end the mirroring; it is said once, and in the metrics' place
            # by mgit_storage_free_bytes.
            if not self._warned:
                self._warned = True
                self._warn(f"{error.message}; {error.advice}")


def moment(seconds: float) -> str:
    """RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _name(outcome: Outcome) -> str:
    """What an outcome is called in the audit log; empty for what happens all day."""
    if outcome.result is Result.FAILED and outcome.exit_code == ExitCode.AUTHENTICATION:
        return "credential-refused"
    if outcome.result is Result.CLONED:
        return "repository-cloned"
    match outcome.action:
        case Move():
            return "repository-moved"
        case Archive():
            return "repository-archived"
        case Remove():
            return "repository-removed"
        case Heal():
            return "repository-healed"
        case Clone() | Fetch() | FastForward() | Skip():
            return ""
        case _:
            assert_never(outcome.action)


def _labels(outcome: Outcome, source: str) -> dict[str, str]:
    action = outcome.action
    key = action_key(action)
    return {
        "source": source,
        "repo": action_name(action),
        "repo_key": str(key) if key else "",
        "folder": action.folder,
        "to": action.to if isinstance(action, Move | Archive) else "",
        "damage": action.damage if isinstance(action, Heal) else "",
        "message": outcome.message,
    }


def _refs_gone(outcome: Outcome) -> list[str]:
    """Refs that a fetch took away, since upstream has them no more."""
    action = outcome.action
    # An upstream without refs is unknown, or held: then nothing is pruned.
    fetched = outcome.result in (Result.FETCHED, Result.FAST_FORWARDED)
    if not fetched or not isinstance(action, Fetch | FastForward) or not action.upstream.refs:
        return []
    return sorted(action.expects.refs.keys() - action.upstream.refs.keys())


def loss_labels(loss: RefLoss) -> dict[str, str]:
    """What an audit record says of a loss."""
    refs = (f"{one.name} {one.before[:12]}->{one.after[:12] or 'gone'}" for one in loss.refs)
    return {
        "reason": loss.reason.value,
        "count": str(len(loss.refs)),
        "refs": ", ".join(refs),
        "loss": loss.digest,
    }


def _nothing_known(_key: RepoKey, _loss: RefLoss) -> bool:
    return False


def audit_observer(
    trail: AuditTrail,
    warn: Callable[[str], None],
    knows_loss: Callable[[RepoKey, RefLoss], bool] = _nothing_known,
) -> Observer:
    """Keeps the audit trail from the stream of events.

    Args:
        trail: where records go.
        warn: told once when they can't be kept.
        knows_loss: whether a loss that is held was held before; then it is not told again.
    """
    return _Audited(trail, warn, knows_loss)
