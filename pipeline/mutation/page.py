"""The result for a person and for a machine. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from pipeline.mutation.mutants import Equivalent, Mutant, Score


def table(found: Sequence[Score], mark: float) -> str:
    """One line a package."""
    lines = [f"{'package':<20} {'mutants':>8} {'noticed':>8} {'excluded':>9} {'score':>7}"]
    for one in found:
        word = "" if one.share >= mark else f"  below {mark:.0%}"
        lines.append(
            f"{one.package:<20} {one.mutants:>8} {one.noticed:>8} {one.excluded:>9}"
            f" {one.share:>7.1%}{word}"
        )
    return "\n".join(lines) + "\n"


def list_survivors(left: Iterable[Mutant]) -> str:
    """What the tests did not notice, function by function."""
    lines: list[str] = []
    for function, group in groupby(left, key=lambda one: one.function):
        lines.append(f"\n{function}")
        for one in group:
            lines.append(f"  {one.name.rpartition('__mutmut_')[2]:>4}  - {' '.join(one.before)}")
            lines.append(f"        + {' '.join(one.after)}  [{one.verdict}]")
    return "\n".join(lines) + "\n" if lines else "\nnothing survived\n"


def list_stale(entries: Iterable[Equivalent]) -> str:
    """Entries of the list of equivalents that fit nothing any more."""
    return "".join(f"stale entry: {one.function}: {one.before} -> {one.after}\n" for one in entries)


def document(
    found: Sequence[Score], left: Sequence[Mutant], *, mark: float, sample: int | None, seed: int
) -> str:
    """The JSON of `mutation.json`."""
    tree = {
        "schema": "mgit.mutation/1",
        "mark": mark,
        "sample": sample,
        "seed": seed,
        "packages": [
            {
                "package": one.package,
                "mutants": one.mutants,
                "noticed": one.noticed,
                "excluded": one.excluded,
                "score": round(one.share, 4),
            }
            for one in found
        ],
        "survivors": [
            {
                "name": one.name,
                "function": one.function,
                "verdict": one.verdict.value,
                "before": list(one.before),
                "after": list(one.after),
            }
            for one in left
        ],
    }
    return json.dumps(tree, indent=2, sort_keys=True) + "\n"
