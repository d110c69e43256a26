"""What came of the scenes, for a program and for a person."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.soak.scenes import CROWDED, UNREADY_MOST, UPDATES, Outcome
from tests.soak.world import Pace

Outcomes = Mapping[str, Sequence[Outcome]]
"""By target, in the order of play."""


def is_kept(outcomes: Outcomes) -> bool:
    """Whether every scene ended as intended, and updates are as short as promised.

    One update that is late on a crowded machine counts against nobody; their median does.
    """
    return all(
        not any(one.problems for one in those) and _median(those) < UNREADY_MOST
        for those in outcomes.values()
    )


def write(
    out: Path, name: str, outcomes: Outcomes, *, pace: Pace, seed: int, seconds: float
) -> None:
    """Write `NAME.json` and `NAME.md` into a folder.

    Args:
        out: the folder.
        name: of the files.
        outcomes: what came of it.
        pace: of the environment.
        seed: of what was drawn.
        seconds: that all took.
    """
    out.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": "mgit.deploy-soak/1",
        "seed": seed,
        "seconds": round(seconds),
        "pace": asdict(pace),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "kept": is_kept(outcomes),
        "unready": {target: figures(those) for target, those in outcomes.items()},
        "cycles": {target: [_entry(one) for one in those] for target, those in outcomes.items()},
    }
    (out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    page = _page(outcomes, pace=pace, seed=seed, seconds=seconds)
    (out / f"{name}.md").write_text(page, encoding="utf-8")


def figures(those: Sequence[Outcome]) -> dict[str, float]:
    """Seconds without a word of readiness in good updates and rollbacks."""
    updates = [one for one in those if one.scene in UPDATES]
    times = sorted(one.unready for one in updates)
    if not times:
        return {"updates": 0}
    return {
        "updates": len(times),
        "median": round(_median(those), 2),
        "p99": round(times[min(len(times) - 1, int(len(times) * 0.99))], 2),
        "max": round(times[-1], 2),
        f"late (from {UNREADY_MOST:g} s)": sum(one.is_late for one in updates),
        "late on a crowded machine": sum(one.is_late and one.is_crowded for one in updates),
        "load for each processor, median": round(statistics.median(o.load for o in updates), 2),
    }


def line(one: Outcome) -> str:
    """One scene for a terminal."""
    ended = "; ".join(one.problems) or "as intended"
    return f"{one.scene}: {ended} ({one.seconds:.1f} s, unready {one.unready:.2f} s)"


def _median(those: Sequence[Outcome]) -> float:
    times = [one.unready for one in those if one.scene in UPDATES]
    return statistics.median(times) if times else 0.0


def _entry(one: Outcome) -> dict[str, object]:
    entry = asdict(one)
    return {**entry, **{key: round(entry[key], 2) for key in ("seconds", "unready", "load")}}


def _page(outcomes: Outcomes, *, pace: Pace, seed: int, seconds: float) -> str:
    words = (
        f"`nox -s deploy-soak`, seed {seed}, {seconds / 60:.0f} minutes. A version has "
        f"{pace.timeout} s to get healthy and settles for {pace.settle} s; the one that crashes "
        f"does so after {pace.crash_after:g} s. A machine is called crowded when more than "
        f"{CROWDED:g} processes want to run for each processor."
    )
    lines = ["# Deployments and rollbacks in a row", "", words]
    for target, those in outcomes.items():
        good = sum(not one.problems for one in those)
        lines += [
            "",
            f"## {target}",
            "",
            f"{good} of {len(those)} ended as intended. Seconds unready in updates and rollbacks:",
            "",
        ]
        lines += _table([figures(those)])
        lines += ["", *_table(_by_scene(those)), "", *_table(_by_cycle(those))]
    return "\n".join(lines) + "\n"


def _by_scene(those: Sequence[Outcome]) -> list[dict[str, object]]:
    groups: defaultdict[str, list[Outcome]] = defaultdict(list)
    for one in those:
        groups[one.scene].append(one)
    return [
        {
            "scene": scene,
            "times": len(group),
            "as intended": sum(not one.problems for one in group),
            "the ledger says": ", ".join(sorted({one.event or "no new line" for one in group})),
            "seconds, median": round(statistics.median(one.seconds for one in group), 1),
            "unready, median": round(statistics.median(one.unready for one in group), 2),
            "at most": round(max(one.unready for one in group), 2),
        }
        for scene, group in sorted(groups.items())
    ]


def _by_cycle(those: Sequence[Outcome]) -> list[dict[str, object]]:
    return [
        {
            "cycle": number,
            "scene": one.scene,
            "exit": one.code,
            "ledger": one.event or "no new line",
            "live": one.live[7:15],
            "seconds": round(one.seconds, 1),
            "unready": round(one.unready, 2),
            "load": round(one.load, 1),
            "ended": "; ".join(one.problems).replace("|", "/") or "as intended",
        }
        for number, one in enumerate(those, start=1)
    ]


def _table(rows: Sequence[Mapping[str, object]]) -> list[str]:
    if not rows:
        return []
    heads = list(rows[0])
    return [
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
        *(f"| {' | '.join(str(row.get(head, '')) for head in heads)} |" for row in rows),
    ]
