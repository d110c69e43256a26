"""What `mgit sync` says in the end: what was done, what was left alone and why, what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mgit.cli.console import Console
from mgit.cli.documents import action_record, sync_summary
from mgit.cli.tables import Table, make_table
from mgit.cli.words import count
from mgit.model import (
    Action,
    Outcome,
    Plan,
    Reason,
    Result,
    Skip,
    SourceProblem,
    action_name,
)

_QUIET_RESULTS = (Result.CURRENT, Result.SKIPPED, Result.FAILED)


def sync_tables(outcomes: Sequence[Outcome], *, verbose: bool) -> Iterable[Table]:
    """The parts of the report that have something to say.

    Args:
        outcomes: of the whole run.
        verbose: also name what was current.
    """
    outcomes = sorted(outcomes, key=lambda one: action_name(one.action).lower())
    done = [one for one in outcomes if one.result not in _QUIET_RESULTS]
    if verbose:
        done += [one for one in outcomes if one.result is Result.CURRENT]
    rows: list[tuple[object, ...]]
    if done:
        rows = [(one.result, action_name(one.action), _said(one)) for one in done]
        yield make_table(("result", "repository", "details"), rows)
    held = [one for one in outcomes if _is_held(one)]
    if held:
        rows = [(action_name(one.action), one.reason or "", one.message) for one in held]
        yield make_table(("repository", "why", "details"), rows, title="left alone:")
    failed = [one for one in outcomes if one.result is Result.FAILED]
    if failed:
        rows = [
            (action_name(one.action), one.message or str(one.reason), one.advice) for one in failed
        ]
        yield make_table(("repository", "what happened", "what to do"), rows, title="failed:")


def plan_tables(plan: Plan, *, verbose: bool) -> Iterable[Table]:
    """A plan as `--dry-run` shows it."""
    effects = [action for action in plan.actions if not isinstance(action, Skip)]
    if effects:
        rows = [
            (action_record(action)["action"], action_name(action), action.folder, _aim(action))
            for action in effects
        ]
        yield make_table(("would", "repository", "folder", "details"), rows)
    skips = [
        action
        for action in plan.actions
        if isinstance(action, Skip) and (verbose or action.reason is not Reason.CURRENT)
    ]
    if skips:
        rows = [(action.name, action.folder, action.reason, action.detail) for action in skips]
        head = ("repository", "folder", "why", "details")
        yield make_table(head, rows, title="would be left alone:")


def sync_sentence(outcomes: Sequence[Outcome]) -> str:
    """`50 repositories: 5 fetched, 45 current`; the parts add up."""
    summary = sync_summary(outcomes)
    whole = count(summary.pop("repositories"), "repository")
    parts = ", ".join(f"{number} {word}" for word, number in summary.items())
    return f"{whole}: {parts}" if parts else f"{whole}: nothing to do"


def plan_sentence(plan: Plan) -> str:
    """`plan: 3 clone, 2 fetch, 45 skip`."""
    words = [str(action_record(action)["action"]) for action in plan.actions]
    parts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    return f"plan: {', '.join(parts) or 'nothing to do'}"


def tell_problems(console: Console, problems: Iterable[SourceProblem]) -> None:
    """What went wrong with a source, each with what to do."""
    for problem in problems:
        advice = problem.advice or "run the command again; `mgit doctor` finds out more"
        console.warn(f"source {problem.source}: {problem.message}", advice)


def last_word(console: Console, outcomes: Sequence[Outcome]) -> None:
    """The last line of a run in which something failed: what to do next."""
    failed = [one for one in outcomes if one.result is Result.FAILED]
    if failed:
        advice = next((one.advice for one in failed if one.advice), "")
        console.warn(
            f"{count(len(failed), 'repository')} failed",
            advice or "run the same command again; what is done stays done",
        )


def _said(outcome: Outcome) -> str:
    parts = [outcome.message] if outcome.message else []
    if outcome.refs_changed and outcome.result is not Result.CLONED:
        parts.append(count(outcome.refs_changed, "ref") + " changed")
    return "; ".join(parts)


def _is_held(outcome: Outcome) -> bool:
    return (
        outcome.result is not Result.FAILED
        and outcome.reason is not None
        and outcome.reason is not Reason.CURRENT
    )


def _aim(action: Action) -> str:
    record = action_record(action)
    if record.get("held"):
        return f"work tree stays: {record['held']}"
    if record.get("to"):
        return f"to {record['to']}"
    return str(record.get("branch") or record.get("kind") or "")
