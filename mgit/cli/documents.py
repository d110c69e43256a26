"""Values as JSON documents: the words that scripts rely on. See docs/schemas.

Every document and every line of JSON Lines names its schema. A field may be added without a new
version; one that goes or changes its meaning asks for `/2`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from mgit.config import Settings
from mgit.errors import ExitCode
from mgit.model import (
    Action,
    Archive,
    Clone,
    FastForward,
    Fetch,
    Heal,
    Listing,
    LocalRepo,
    Move,
    Outcome,
    Plan,
    RemoteRepo,
    Remove,
    RepoKey,
    Result,
    Skip,
    SourceProblem,
    WorkTree,
    action_key,
    action_name,
)

Json = Mapping[str, object]

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


def listing_document(listings: Sequence[Listing], repos: Sequence[RemoteRepo]) -> Json:
    """`mgit list`: schema `mgit.list/1`."""
    return {
        "schema": "mgit.list/1",
        "complete": all(listing.complete for listing in listings),
        "repositories": [remote_record(repo) for repo in repos],
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


def status_document(root: str, repos: Iterable[tuple[LocalRepo, Sequence[str]]]) -> Json:
    """`mgit status`: schema `mgit.status/1`."""
    return {
        "schema": "mgit.status/1",
        "root": root,
        "repositories": [local_record(local, states) for local, states in repos],
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


def line_of(schema: str, record: Json) -> Json:
    """A record as one line of JSON Lines."""
    return {"schema": schema, **record}


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


def remote_record(repo: RemoteRepo) -> Json:
    """One repository as a forge lists it."""
    return {
        "source": repo.source,
        "key": key_record(repo.key),
        "path": str(repo.path),
        "url": str(repo.url),
        "default_branch": repo.default_branch,
        "archived": repo.archived,
        "fork": repo.fork,
        "empty": repo.empty,
        "visibility": repo.visibility.value if repo.visibility else None,
        "size_kib": repo.size_kib,
        "pushed_at": repo.pushed_at.isoformat() if repo.pushed_at else None,
        "unavailable": repo.unavailable,
    }


def key_record(key: RepoKey | None) -> Json | None:
    """What a repository is, whatever its name."""
    return {"forge": key.forge, "id": key.id} if key else None


def problem_record(problem: SourceProblem) -> Json:
    """Why a source could not be listed whole."""
    return {
        "source": problem.source,
        "message": problem.message,
        "advice": problem.advice,
        "exit_code": problem.exit_code,
    }


def action_record(action: Action) -> Json:
    """One action of a plan."""
    match action:
        case Clone():
            more: Json = {"kind": action.kind.value, "url": str(action.repo.url)}
            return _action("clone", action, more)
        case Fetch():
            held = action.held.value if action.held else None
            return _action("fetch", action, {"kind": action.kind.value, "held": held})
        case FastForward():
            more = {"branch": action.branch, "from": action.expects_oid or None}
            return _action("fast-forward", action, more)
        case Move():
            return _action("move", action, {"to": action.to})
        case Archive():
            return _action("archive", action, {"to": action.to})
        case Remove():
            return _action("remove", action, {})
        case Heal():
            more = {"kind": action.kind.value, "damage": action.damage}
            return _action("heal", action, more)
        case Skip():
            more = {"reason": action.reason.value, "detail": action.detail}
            return _action("skip", action, more)
        case _:
            assert_never(action)


def outcome_record(outcome: Outcome) -> Json:
    """How one action ended."""
    return {
        **action_record(outcome.action),
        "result": outcome.result.value,
        "reason": outcome.reason.value if outcome.reason else None,
        "message": outcome.message,
        "advice": outcome.advice,
        "exit_code": outcome.exit_code,
        "seconds": round(outcome.seconds, 3),
        "refs_changed": outcome.refs_changed,
    }


def local_record(local: LocalRepo, states: Sequence[str]) -> Json:
    """One clone on disk."""
    return {
        "folder": local.folder,
        "path": str(local.path) if local.path else None,
        "source": local.source or None,
        "key": key_record(local.key),
        "kind": local.kind.value,
        "states": list(states),
        "branch": local.head_branch,
        "commit": local.head_oid,
        "broken": local.broken,
        "worktree": _worktree_record(local.worktree) if local.worktree else None,
    }


def _worktree_record(tree: WorkTree) -> Json:
    return {
        "branch": tree.branch,
        "upstream": tree.upstream,
        "ahead": tree.ahead,
        "behind": tree.behind,
        "changed": tree.changed,
        "untracked": tree.untracked,
        "conflicted": tree.conflicted,
        "stashes": tree.stashes,
        "operation": tree.operation.value if tree.operation else None,
    }


def _action(word: str, action: Action, more: Json) -> Json:
    return {
        "action": word,
        "name": action_name(action),
        "folder": action.folder,
        "key": key_record(action_key(action)),
        **more,
    }
