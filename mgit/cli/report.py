"""What `mgit sync` says in the end: what was done, what was left alone and why, what failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mgit.cli.console import Console
from mgit.cli.records import action_record
from mgit.cli.tables import Findings, Table, make_findings, make_table
from mgit.cli.words import count, some_of
from mgit.model import (
    Action,
    Archive,
    Outcome,
    Plan,
    Reason,
    Remove,
    Result,
    Skip,
    SourceProblem,
    action_name,
)

_CROWD = 10
_MANY = 40
_QUIET_RESULTS = (Result.CURRENT, Result.SKIPPED, Result.FAILED)


def sync_report(outcomes: Sequence[Outcome], *, verbose: bool) -> Iterable[Table | Findings]:
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
        rows = list(_done_rows(done, verbose=verbose))
        yield make_table(("result", "repository", "details"), rows)
    held = [one for one in outcomes if _is_held(one)]
    if held:
        rows = list(_held_rows(held, verbose=verbose))
        yield make_table(("repository", "why", "details"), rows, title="left alone:")
    failed = [one for one in outcomes if one.result is Result.FAILED]
    if failed:
        yield make_findings("failed:", _failures(failed))


def _done_rows(done: Sequence[Outcome], *, verbose: bool) -> Iterator[tuple[object, ...]]:
    """A row for each; of a first sync of a thousand repositories one row says it."""
    kinds: dict[tuple[Result, str], list[Outcome]] = {}
    for one in done:
        kinds.setdefault((one.result, _said(one)), []).append(one)
    for (result, said), those in kinds.items():
        if len(those) > _MANY and not verbose:
            yield result, some_of([action_name(one.action) for one in those]), said
        else:
            for one in those:
                yield result, action_name(one.action), said


def failure_kind(outcome: Outcome) -> tuple[str, str]:
    """What happened and what to do, in words that do not name the repository."""
    said = outcome.message or str(outcome.reason or "")
    return _nameless(said, outcome), _nameless(outcome.advice, outcome)


def _failures(failed: Sequence[Outcome]) -> list[tuple[str, list[str]]]:
    """Failures of one kind as one entry: a host that is gone fails for all of its repositories."""
    kinds: dict[tuple[str, str], list[Outcome]] = {}
    for one in failed:
        kinds.setdefault(failure_kind(one), []).append(one)
    found = []
    for (said, advice), those in kinds.items():
        first = those[0]
        names = list(dict.fromkeys(action_name(one.action) for one in those))
        alone = len(those) == 1
        happened = first.message or str(first.reason or "") if alone else said
        todo = first.advice if alone else advice
        found.append((some_of(names), [happened, todo and f"-> {todo}"]))
    return found


def _nameless(text: str, outcome: Outcome) -> str:
    """Put `…` in the place of what differs from repository to repository."""
    action = outcome.action
    names = {action_name(action), action.folder}
    if not isinstance(action, Skip | Archive | Remove):
        names.add(str(action.repo.url))
    for name in sorted(names, key=len, reverse=True):
        if name:
            text = text.replace(name, "…")
    return text


def _held_rows(held: Sequence[Outcome], *, verbose: bool) -> Iterator[tuple[object, ...]]:
    """A row for each repository; a crowd with one reason is one row unless all are wanted."""
    kinds: dict[tuple[object, str], list[Outcome]] = {}
    for one in held:
        kinds.setdefault((one.reason, _nameless(one.message, one)), []).append(one)
    for (reason, said), those in kinds.items():
        if len(those) > _CROWD and not verbose:
            yield some_of([action_name(one.action) for one in those]), reason or "", said
        else:
            for one in those:
                yield action_name(one.action), one.reason or "", one.message


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
