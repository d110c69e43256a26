"""Values as JSON documents: the words that scripts rely on. See docs/schemas.

Every document and every line of JSON Lines names its schema. A field may be added without a new
version; one that goes or changes its meaning asks for `/2`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mgit.cli.records import (
    Json,
    action_record,
    change_record,
    held_record,
    line_of,
    local_record,
    outcome_record,
    problem_record,
    ran_record,
    remote_record,
    scrubbed_record,
)
from mgit.config import Settings
from mgit.errors import ExitCode
from mgit.model import (
    Listing,
    LocalRepo,
    Outcome,
    Plan,
    RemoteRepo,
    RepoKey,
    Result,
    SourceProblem,
    action_key,
)

if TYPE_CHECKING:
    from mgit.fleet.values import Change, Ran
    from mgit.state import HeldRepo
    from mgit.telemetry.events import Scrubbed

    Held = Mapping[RepoKey, HeldRepo]

__all__ = [
    "Json",
    "ack_document",
    "changes_document",
    "config_document",
    "line_of",
    "listing_document",
    "plan_document",
    "problems_of",
    "run_document",
    "run_summary",
    "scrub_document",
    "status_document",
    "sync_document",
    "sync_summary",
]

_NOBODY: Held = {}
_NOTABLE = (
    Result.FAILED,
    Result.CLONED,
    Result.HEALED,
    Result.MOVED,
    Result.REMOVED,
    Result.ARCHIVED,
    Result.FAST_FORWARDED,
    Result.FETCHED,
    Result.SKIPPED,
    Result.CURRENT,
)


def listing_document(
    listings: Sequence[Listing], repos: Sequence[RemoteRepo], held: Held = _NOBODY
) -> Json:
    """`mgit list`: schema `mgit.list/1`."""
    return {
        "schema": "mgit.list/1",
        "complete": all(listing.complete for listing in listings),
        "repositories": [remote_record(repo, held.get(repo.key)) for repo in repos],
        "problems": [problem_record(problem) for problem in problems_of(listings)],
    }


def plan_document(plan: Plan) -> Json:
    """`mgit sync --dry-run`: schema `mgit.plan/1`."""
    records = [action_record(action) for action in plan.actions]
    return {
        "schema": "mgit.plan/1",
        "actions": records,
        "problems": [problem_record(problem) for problem in plan.problems],
        "summary": dict(sorted(Counter(str(record["action"]) for record in records).items())),
    }


def sync_document(plan: Plan, outcomes: Sequence[Outcome], code: ExitCode) -> Json:
    """`mgit sync`: schema `mgit.sync/1`."""
    return {
        "schema": "mgit.sync/1",
        "outcomes": [outcome_record(outcome) for outcome in outcomes],
        "problems": [problem_record(problem) for problem in plan.problems],
        "summary": sync_summary(outcomes),
        "exit_code": int(code),
    }


def status_document(
    root: str,
    repos: Iterable[tuple[LocalRepo, Sequence[str]]],
    unreached: Mapping[str, str],
    held: Held = _NOBODY,
) -> Json:
    """`mgit status`: schema `mgit.status/1`."""
    return {
        "schema": "mgit.status/1",
        "root": root,
        "repositories": [
            local_record(
                local,
                states,
                unreached.get(local.folder, ""),
                held.get(local.key) if local.key else None,
            )
            for local, states in repos
        ],
    }


def config_document(settings: Settings) -> Json:
    """`mgit config show`: schema `mgit.config/1`."""
    return {
        "schema": "mgit.config/1",
        "file": str(settings.paths.config_file),
        "values": [
            {"key": shown.key, "value": shown.value, "origin": shown.origin}
            for shown in settings.values
        ],
        "warnings": list(settings.warnings),
    }


def run_document(command: Sequence[str], root: str, ran: Sequence[Ran], code: ExitCode) -> Json:
    """`mgit run`: schema `mgit.run/1`."""
    return {
        "schema": "mgit.run/1",
        "command": list(command),
        "root": root,
        "repositories": [ran_record(one) for one in ran],
        "summary": run_summary(ran),
        "exit_code": int(code),
    }


def run_summary(ran: Iterable[Ran]) -> dict[str, int]:
    """How the commands ended; `ok`, `failed` and `ended` add up to `repositories`."""
    codes = [one.returncode for one in ran]
    return {
        "repositories": len(codes),
        "ok": codes.count(0),
        "failed": len(codes) - codes.count(0) - codes.count(None),
        "ended": codes.count(None),
    }


def changes_document(changes: Sequence[Change], problems: Iterable[SourceProblem] = ()) -> Json:
    """`mgit changes`: schema `mgit.changes/1`."""
    counts = Counter(change.what.value for change in changes)
    return {
        "schema": "mgit.changes/1",
        "changes": [change_record(change) for change in changes],
        "problems": [problem_record(problem) for problem in problems],
        "summary": dict(sorted(counts.items())),
    }


def ack_document(held: Iterable[HeldRepo], acknowledged: Collection[RepoKey]) -> Json:
    """`mgit ack`: schema `mgit.ack/1`."""
    return {
        "schema": "mgit.ack/1",
        "held": [held_record(one, acknowledged=one.key in acknowledged) for one in held],
    }


def scrub_document(scrubbed: Iterable[Scrubbed], code: ExitCode) -> Json:
    """`mgit scrub`: schema `mgit.scrub/1`."""
    return {
        "schema": "mgit.scrub/1",
        "clones": [scrubbed_record(one) for one in scrubbed],
        "exit_code": int(code),
    }


def problems_of(listings: Iterable[Listing]) -> tuple[SourceProblem, ...]:
    """What went wrong while listing."""
    return tuple(listing.failure for listing in listings if listing.failure is not None)


def sync_summary(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many repositories there were and how they ended; the parts add up to `repositories`.

    A repository with several actions (moved, then fetched) counts once, by the most notable end.
    """
    ends: dict[object, Result] = {}
    for outcome in outcomes:
        who = action_key(outcome.action) or outcome.action.folder
        ends[who] = min(ends.get(who, outcome.result), outcome.result, key=_NOTABLE.index)
    counts = Counter(ends.values())
    return {
        "repositories": len(ends),
        **{result.value: counts[result] for result in _NOTABLE if counts[result]},
    }
