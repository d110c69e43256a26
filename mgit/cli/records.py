"""Values as records: the parts of JSON documents and the lines of JSON Lines. See docs/schemas."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from mgit.model import (
    Action,
    Archive,
    Clone,
    CopyOptions,
    FastForward,
    Fetch,
    Heal,
    LocalRepo,
    Move,
    Outcome,
    RemoteRepo,
    Remove,
    RepoKey,
    Skip,
    SourceProblem,
    WorkTree,
    action_key,
    action_name,
)

if TYPE_CHECKING:
    from mgit.fleet.values import Change, Ran
    from mgit.state import HeldRepo
    from mgit.telemetry.events import Scrubbed

Json = Mapping[str, object]


def line_of(schema: str, record: Json) -> Json:
    """A record as one line of JSON Lines."""
    return {"schema": schema, **record}


def remote_record(repo: RemoteRepo, held: HeldRepo | None = None) -> Json:
    """One repository as a forge lists it; `held` where its clone is."""
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
        "topics": list(repo.topics),
        "language": repo.language,
        "held": held.loss.reason.value if held else None,
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
            more: Json = {
                "kind": action.kind.value,
                "url": str(action.repo.url),
                "options": _options_record(action.options),
            }
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


def local_record(
    local: LocalRepo,
    states: Sequence[str],
    unreached: str = "",
    held: HeldRepo | None = None,
) -> Json:
    """One clone on disk.

    Args:
        local: the clone.
        states: of it.
        unreached: why its upstream could not be asked, empty when it was or nobody wanted it.
        held: why it is held, None where it is not.
    """
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
        "locked": local.locked,
        "unreached": unreached,
        "held": _loss_record(held) if held else None,
        "options": _options_record(local.options),
        "worktree": _worktree_record(local.worktree) if local.worktree else None,
    }


def held_record(held: HeldRepo, *, acknowledged: bool) -> Json:
    """One repository that is held, with all that it would lose."""
    return {
        "name": held.name,
        "folder": held.folder,
        "source": held.source,
        "key": key_record(held.key),
        "acknowledged": acknowledged,
        **_loss_record(held),
    }


def _loss_record(held: HeldRepo) -> Json:
    refs = held.loss.refs
    return {
        "reason": held.loss.reason.value,
        "since": _moment(held.since),
        "loss": held.loss.digest,
        "refs": [
            {"ref": one.name, "before": one.before, "after": one.after or None} for one in refs
        ],
    }


def scrubbed_record(scrubbed: Scrubbed) -> Json:
    """One clone that was read whole."""
    return {
        "folder": scrubbed.folder,
        "path": scrubbed.name,
        "source": scrubbed.source or None,
        "key": key_record(scrubbed.key),
        "bytes": scrubbed.bytes,
        "damage": scrubbed.damage,
    }


def change_record(change: Change) -> Json:
    """One difference."""
    return {
        "what": change.what.value,
        "where": change.where,
        "name": change.name,
        "key": key_record(change.key),
        "ref": change.ref or None,
        "before": change.before or None,
        "after": change.after or None,
        "at": _moment(change.at),
    }


def ran_record(ran: Ran) -> Json:
    """How a command ended in one clone.

    What it wrote is text where it is UTF-8, and base64 where it is not.
    """
    local = ran.local
    try:
        said: Json = {"output": ran.output.decode("utf-8"), "encoding": "utf-8"}
    except UnicodeDecodeError:
        said = {"output": base64.b64encode(ran.output).decode("ascii"), "encoding": "base64"}
    return {
        "folder": local.folder,
        "path": str(local.path) if local.path else None,
        "source": local.source or None,
        "key": key_record(local.key),
        "exit_code": ran.returncode,
        "problem": ran.problem,
        "seconds": round(ran.seconds, 3),
        **said,
    }


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _options_record(options: CopyOptions) -> Json:
    return {
        "depth": options.depth,
        "filter": options.filter,
        "lfs": options.lfs,
        "submodules": options.submodules,
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
