"""How a run of the release ended, and how facts are written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.journal import Event, Journal
from pipeline.project import Project
from pipeline.step import Exit, Facts

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step ended.

    Args:
        name: the step.
        state: `done` (by this run), `there` (was done already), `blocked`, `failed`, `waiting`,
            `undone`.
        seconds: wall time of looking and doing, earlier runs of a resumed release not counted.
        note: why it was blocked or failed.
    """

    name: str
    state: str
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    Args:
        exit_code: for the shell.
        facts: all that is known.
        steps: one result per step of the list, in order.
        message: what stopped it, one line; empty when done.
        advice: what to do next.
    """

    exit_code: Exit
    facts: Facts
    steps: tuple[StepResult, ...]
    message: str = ""
    advice: str = ""


def journal_path(project: Project) -> Path:
    """Where the journal of a release lies."""
    return project.out / "journal.jsonl"


def resume_line(project: Project) -> str:
    """How to go on after a stop."""
    if project.ci:
        return "run the same job again: it goes on where it stopped"
    return "run the same command again with --resume"


def to_dict(facts: Facts) -> dict[str, object]:
    """Facts as plain values, for the journal and the report."""
    plain = msgspec.to_builtins(facts)
    return dict(plain)


def from_dict(plain: dict[str, object]) -> Facts:
    """The opposite of `to_dict`."""
    return msgspec.convert(plain, Facts)


def remembered(journal: Journal) -> Facts | None:
    """The facts that the last finished step left in the journal."""
    done = [entry for entry in journal.entries if entry.event is Event.DONE]
    return from_dict(done[-1].facts) if done else None
