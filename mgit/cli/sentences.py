"""Sums in one line each; the parts add up to the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mgit.cli.documents import sync_summary
from mgit.cli.records import action_record
from mgit.cli.words import count
from mgit.model import Action, Outcome, Plan, Reason, Skip

if TYPE_CHECKING:
    from mgit.fleet.values import Change, Ran


def sync_sentence(outcomes: Sequence[Outcome]) -> str:
    """`50 repositories: 5 fetched, 45 current`; the parts add up."""
    summary = sync_summary(outcomes)
    whole = count(summary.pop("repositories"), "repository")
    parts = ", ".join(f"{number} {word}" for word, number in summary.items())
    return f"{whole}: {parts}" if parts else f"{whole}: nothing to do"


def plan_sentence(plan: Plan) -> str:
    """`plan: 3 clone, 2 fetch, 45 current`."""
    words = Counter(_word(action) for action in plan.actions)
    parts = [f"{number} {word}" for word, number in words.items()]
    return f"plan: {', '.join(parts) or 'nothing to do'}"


def _word(action: Action) -> str:
    if isinstance(action, Skip) and action.reason is Reason.CURRENT:
        return "current"
    return str(action_record(action)["action"])


def run_sentence(results: Iterable[Ran]) -> str:
    """`ran in 58: 55 ok, 2 exit 1, 1 exit 127`."""
    ends = Counter(_end(one.returncode) for one in results)
    total = sum(ends.values())
    ok = ends.pop("ok", 0)
    parts = [f"{ok} ok"] if ok else []
    parts += [f"{number} {word}" for word, number in sorted(ends.items())]
    return f"ran in {total}: {', '.join(parts)}" if parts else "ran nowhere"


def status_sentence(root: str, states: Sequence[Sequence[str]]) -> str:
    """`60 clones in /src: 3 dirty, 1 unpushed; 56 need no attention`."""
    kinds = Counter(state for one in states for state in one)
    well = sum(not one for one in states)
    parts = ", ".join(f"{number} {state}" for state, number in kinds.items())
    rest = f"{well} need no attention"
    return f"{count(len(states), 'clone')} in {root}: {parts}; {rest}".replace(": ; ", ": ")


def changes_sentence(changes: Iterable[Change]) -> str:
    """`12 changes in 5 repositories: 2 new, 10 ref-moved`."""
    kinds: Counter[str] = Counter()
    names = set()
    for change in changes:
        kinds[change.what.value] += 1
        names.add(change.name)
    if not kinds:
        return "nothing changed"
    parts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    where = count(len(names), "repository")
    return f"{count(kinds.total(), 'change')} in {where}: {parts}"


def _end(code: int | None) -> str:
    if code is None:
        return "ended early"
    if code == 0:
        return "ok"
    return f"ended by signal {-code}" if code < 0 else f"exit {code}"
