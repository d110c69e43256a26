"""What a deployment or a rollback would do, for people; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.deployment.decide import Move, Way, decide_deploy, decide_rollback
from pipeline.deployment.environments import Approval, Environment
from pipeline.deployment.images import Wanted, check_policy
from pipeline.deployment.ledger import Action, ledger_folder, ledger_path, read_ledger
from pipeline.deployment.lock import lock_path, look
from pipeline.deployment.target import Running, Target, check_reference
from pipeline.project import Project

_WORDS = {Action.DEPLOY: "deploy", Action.ROLLBACK: "roll back to"}
_WAYS = {
    Way.KEEP: "nothing",
    Way.LOOK: "ask its gates, without replacing it",
    Way.PUT: "pull the image, then replace what runs",
}


def preview(
    project: Project, place: Environment, target: Target, find: Callable[[], Wanted] | None
) -> str:
    """The plan as aligned lines.

    Args:
        project: where ledger and registry are.
        place: the environment.
        target: the same, on its platform.
        find: asks for the image that is wanted; None for a rollback.

    Raises:
        PipelineError: what would stop it.
    """
    records = read_ledger(ledger_path(project, place))
    now = target.observe()
    version = ""
    if find is None:
        move = decide_rollback(place.name, now, records)
    else:
        wanted = find()
        check_reference(wanted.reference)
        check_policy(place, wanted.reference, project.endpoints.registry)
        move, version = decide_deploy(wanted.reference, now, records), wanted.version
    lock = look(lock_path(ledger_folder(project, place), place.name))
    lines = (
        ("asked for", f"{_WORDS[move.action]} {_named(move.reference, version)}"),
        ("runs", _running(now)),
        ("would do", f"{_WAYS[move.way]}, because {move.why}"),
        *_gated(place, move),
        ("lock", str(lock)),
    )
    width = max(len(name) for name, _ in lines)
    context = f", context {place.context}" if place.context else ""
    body = "".join(f"  {name.ljust(width)}  {text}\n" for name, text in lines)
    return f"{place.name} ({place.kind}{context})\n{body}"


def _gated(place: Environment, move: Move) -> tuple[tuple[str, str], ...]:
    """What has to be passed, and what comes back otherwise."""
    if move.way is Way.KEEP:
        return (("or else", "replace it again, should it not be ready"),)
    gates = place.gates
    canary = f"; first a canary syncs {gates.canary}" if gates.canary else ""
    words = (
        f"healthy within {gates.timeout} s, ready, its version, an answer within "
        f"{gates.answer_ms} ms, {gates.settle} s without a restart{canary}"
    )
    back = move.fallback
    if back is None:
        otherwise = "nothing runs, as before"
    elif back.reference == move.reference:
        otherwise = "it stays: nothing better is known"
    else:
        otherwise = f"{back.reference} comes back"
    agree = "somebody: --approve NAME, or yes at the terminal"
    asked = place.approval is Approval.ASK and move.action is Action.DEPLOY
    approval = (("has to agree", agree),) if asked else ()
    return (("gates", words), ("or else", otherwise), *approval)


def _running(now: Running | None) -> str:
    if now is None:
        return "nothing"
    health = "healthy" if now.healthy else "not healthy"
    since = f", since {now.since}" if now.since else ""
    before = f"; before it {now.previous}" if now.previous else ""
    return f"{_named(now.reference, now.version)}, {health}{since}{before}"


def _named(reference: str, version: str) -> str:
    return f"{version} {reference}" if version else reference
