"""What came of the kills, for a program and for a person."""

from __future__ import annotations

import json
import platform
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.faults.random_kills import Kill
from tests.faults.traced import MGIT, Traced

_FAMILY = {
    **dict.fromkeys(("rename", "renameat", "renameat2"), "rename"),
    **dict.fromkeys(("fsync", "fdatasync", "sync_file_range"), "flush"),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), "removal"),
}


def write(
    out: Path, kills: Sequence[Kill], traced: Sequence[Traced], *, seed: int, seconds: float
) -> bool:
    """Write `faults.json` and `faults.md` into a folder.

    Returns:
        Whether nothing was lost and all healed by itself.
    """
    rows = _rows(kills, traced)
    out.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": "mgit.faults/1",
        "seed": seed,
        "seconds": round(seconds),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "rows": rows,
        "problems": [
            *(
                {"what": f"{k.work} {k.whom} {k.at:.3f}", "is": k.verdict.problems}
                for k in kills
                if k.verdict.problems
            ),
            *(
                {"what": str(t.case), "is": t.verdict.problems}
                for t in traced
                if t.verdict.problems
            ),
        ],
    }
    (out / "faults.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (out / "faults.md").write_text(_page(rows, seed, seconds), encoding="utf-8")
    return not document["problems"]


def _rows(kills: Sequence[Kill], traced: Sequence[Traced]) -> list[dict[str, object]]:
    groups: defaultdict[str, list[Kill | Traced]] = defaultdict(list)
    for kill in kills:
        groups[
            f"{kill.work}, at random, {'mgit' if kill.whom == 'mgit' else 'mgit and its gits'}"
        ].append(kill)
    for one in traced:
        who = "mgit" if one.case.target == MGIT else "a git"
        groups[f"every {_FAMILY[one.case.call]} of {who}"].append(one)
    return [_row(what, those) for what, those in sorted(groups.items())]


def _row(what: str, those: Sequence[Kill | Traced]) -> dict[str, object]:
    times = [one.verdict.seconds for one in those]
    return {
        "what": what,
        "kills": len(those),
        "met at work": sum(one.hit for one in those),
        "refs lost": sum("lost" in text for one in those for text in one.verdict.problems),
        "repairs by hand": sum(bool(one.verdict.problems) for one in those),
        "runs with something left": sum(bool(one.verdict.left) for one in those),
        "seconds to heal, median": round(statistics.median(times), 2),
        "at most": round(max(times), 2),
    }


def _page(rows: Sequence[dict[str, object]], seed: int, seconds: float) -> str:
    heads = list(rows[0]) if rows else ["what"]
    words = (
        f"`nox -s faults`, seed {seed}, {seconds / 60:.0f} minutes. *Left* are files that stand in "
        "nobody's way: they go with the next fetch, or after an hour."
    )
    lines = [
        "# Kills and what came of them",
        "",
        words,
        "",
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
        *(f"| {' | '.join(str(row[head]) for head in heads)} |" for row in rows),
    ]
    total = sum(int(str(row["kills"])) for row in rows)
    lost = sum(int(str(row["refs lost"])) for row in rows)
    hand = sum(int(str(row["repairs by hand"])) for row in rows)
    lines += ["", f"{total} kills: {lost} with a ref lost, {hand} that did not heal by themselves."]
    return "\n".join(lines) + "\n"
