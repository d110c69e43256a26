"""What the benchmarks write, and the command itself at its smallest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.command import MISSED, main
from bench.figures import Point, Scale
from bench.reach import GOALS, figure
from bench.reporting import write_report

ROOT = Path(__file__).resolve().parents[3]


def test_the_document_has_one_record_for_each_figure(tmp_path: Path) -> None:
    figures = [figure("noop_cpu_ms", [0.8, 0.9, 1.4], "a note"), figure("noop_vs_fetch", [39.0])]

    write_report(tmp_path, figures, [Point(100, 1.0), Point(1000, 0.9)], {"git": "2.40"})

    assert json.loads((tmp_path / "bench.json").read_text()) == [
        {"name": "noop_cpu_ms", "value": 0.9, "unit": "ms", "reach": "<= 1", "holds": True},
        {
            "name": "noop_vs_fetch",
            "value": 39.0,
            "unit": "times less",
            "reach": ">= 40",
            "holds": False,
        },
    ]
    text = (tmp_path / "bench.md").read_text()
    assert "| 0.9 ms | 0.8 to 1.4 | <= 1 | yes | a note |" in text
    assert "* git: 2.40" in text
    assert "growth.svg" in text
    ET.fromstring((tmp_path / "growth.svg").read_text())


def test_one_point_is_a_picture_too(tmp_path: Path) -> None:
    write_report(tmp_path, [], [Point(5, 0.0)], {})
    ET.fromstring((tmp_path / "growth.svg").read_text())


def test_large_is_ten_times_small_but_when_it_has_to_be_quick() -> None:
    assert (Scale.of(None, quick=False).small, Scale.of(None, quick=False).large) == (1000, 10_000)
    assert (Scale.of(50, quick=False).small, Scale.of(50, quick=False).large) == (50, 500)
    assert (Scale.of(None, quick=True).small, Scale.of(None, quick=True).large) == (100, 300)


@pytest.mark.slow
@pytest.mark.parametrize(
    "only",
    [("noop_cpu_ms", "noop_git_processes"), pytest.param((), marks=pytest.mark.long, id="all")],
)
def test_the_command_over_a_handful_of_repositories(tmp_path: Path, only: tuple[str, ...]) -> None:
    # So few repositories that the start outweighs them: some figures cannot hold.
    words = ["--quick", "--check", "--repos", "6", "--output", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words, *(["--only", *only] if only else [])],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == MISSED, done.stderr
    told = json.loads((tmp_path / "out" / "bench.json").read_text())
    wanted = [goal.name for goal in GOALS if not only or goal.name in only]
    assert [one["name"] for one in told] == wanted
    exact = {one["name"]: one["holds"] for one in told}
    assert exact["noop_git_processes"]
    assert "not reached: noop_cpu_ms" in done.stderr


def test_figures_that_nobody_takes_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "speed"])
    assert "invalid choice: 'speed'" in capsys.readouterr().err
