"""The report of a rehearsal: that of a release, with the scenes and what went on inside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pipeline.journal import Event, read_journal
from pipeline.rehearsal.story import State
from pipeline.rehearsal.world import Places
from pipeline.report import Report, write_report
from pipeline.result import StepResult
from pipeline.step import Exit
from pipeline.table import markdown_table
from pipeline.waterfall import waterfall


@dataclass(frozen=True, slots=True)
class Ending:
    """How a rehearsal ended.

    Args:
        exit_code: for the shell.
        message: what stopped it, one line; empty when done.
        advice: what to do next.
        skipped: what was not done, and why.
        tools: how looking for (or getting) the tools went.
    """

    exit_code: Exit
    message: str = ""
    advice: str = ""
    skipped: Sequence[str] = ()
    tools: StepResult = field(default=StepResult("tools", "done", 0.0))


def write_records(places: Places, state: State, ending: Ending) -> None:
    """Write `report.json` and `report.md` into the folder of the rehearsal."""
    report = Report(
        title="Rehearsal of mgit",
        exit_code=ending.exit_code,
        steps=(ending.tools, *state.scenes),
        facts=state.facts,
        skipped=(*ending.skipped, *state.facts.skipped),
        proofs=state.proofs,
        message=ending.message,
        advice=ending.advice,
    )
    as_json, as_page = write_report(report, places.root)
    halves = inside(places, state)
    document: dict[str, Any] = msgspec.json.decode(as_json.read_bytes())
    document["steps"] += [
        {"name": f"{half}: {s.name}", "state": s.state, "seconds": round(s.seconds, 3)}
        for half, steps in halves.items()
        for s in steps
    ]
    as_json.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    with as_page.open("a", encoding="utf-8") as page:
        for number, (half, steps) in enumerate(halves.items(), 1):
            picture = places.root / f"inside-{number}.svg"
            picture.write_text(waterfall(steps, f"Inside the {half}"), encoding="utf-8")
            rows = [(s.name, s.state, f"{s.seconds:.1f}") for s in steps]
            table = markdown_table(("step", "state", "seconds"), rows, "seconds")
            shown = f"![Where the time of the {half} went]({picture.name})"
            page.write(f"\n## Inside the {half}\n\n{shown}\n\n{table}\n")


def inside(places: Places, state: State) -> dict[str, tuple[StepResult, ...]]:
    """The steps of each half, from their journals."""
    version = state.facts.version
    folders = {"laptop half": places.clone / "dist" / "release" / version}
    for number in range(1, state.attempts + 1):
        folders[f"CI half, attempt {number}"] = places.attempt(number) / "publish" / version
    return {half: steps for half, folder in folders.items() if (steps := _steps(folder))}


def _steps(folder: Path) -> tuple[StepResult, ...]:
    """The last word of the journal on each step, in the order in which they ran."""
    words = {Event.DONE: "done", Event.FAILED: "failed", Event.START: "begun"}
    found: dict[str, StepResult] = {}
    for entry in read_journal(folder / "journal.jsonl"):
        if not entry.step or entry.event not in words:
            continue
        before = found.get(entry.step)
        if before is not None and before.state == "done":
            continue  # a resumed half looks again; the time that counts is the first one
        found[entry.step] = StepResult(entry.step, words[entry.event], entry.seconds)
    return tuple(found.values())
