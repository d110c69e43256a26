"""What a benchmark counts: every descendant, and nothing when the command failed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.measuring import CommandFailed, measure

BUSY = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"


def test_the_cpu_of_grandchildren_counts(tmp_path: Path) -> None:
    grandchild = f"import subprocess, sys; subprocess.call([sys.executable, '-c', {BUSY!r}])"

    cost = measure([sys.executable, "-c", grandchild], tmp_path, dict(os.environ))

    assert cost.cpu >= 0.2
    assert cost.peak_mb > 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a subreaper")
def test_the_cpu_of_those_that_are_left_behind_counts(tmp_path: Path) -> None:
    orphan = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BUSY!r}])"

    assert measure([sys.executable, "-c", orphan], tmp_path, dict(os.environ)).cpu >= 0.2


def test_a_command_that_fails_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="ended with 7:\nno luck"):
        measure(["sh", "-c", "echo no luck; exit 7"], tmp_path, dict(os.environ))
