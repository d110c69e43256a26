"""The marks for what the tests reach: lines and branches, of the product alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.covered import MARK, main, read_report, shares_of
from pipeline.step import Exit


def _report(**files: tuple[int, int, int, int]) -> bytes:
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    return json.dumps(
        {
            "meta": {"branch_coverage": True},
            "files": {
                name.replace("_", "/", 1) + ".py": {
                    "summary": dict(zip(names, counts, strict=True))
                }
                for name, counts in files.items()
            },
            "totals": {},
        }
    ).encode()


def test_only_the_product_counts() -> None:
    report = read_report(
        _report(mgit_a=(9, 10, 1, 4), mgit_b=(10, 10, 3, 4), pipeline_c=(0, 90, 0, 9))
    )
    lines, branches = shares_of(report, "mgit")
    assert (lines.per_cent, branches.per_cent) == (95.0, 50.0)


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ((95, 100, 95, 100), Exit.DONE),
        ((94, 100, 99, 100), Exit.GATE),
        ((100, 100, 94, 100), Exit.GATE),
        ((1, 1, 0, 0), Exit.DONE),
    ],
)
def test_each_mark_is_held_alone(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    counts: tuple[int, int, int, int],
    code: Exit,
) -> None:
    file = tmp_path / "coverage.json"
    file.write_bytes(_report(mgit_a=counts))
    assert main([str(file)]) == code
    said = capsys.readouterr().out
    assert (f"{MARK:g}% wanted" in said) is (code is Exit.GATE)
    assert ("left in mgit/a.py" in said) is (counts[:2] != (1, 1))
