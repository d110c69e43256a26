"""The demo does what it shows: every command in it ends well, and nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_demo_shows_all_of_it_and_leaves_nothing(tmp_path: Path) -> None:
    passed = {
        name: value
        for name, value in os.environ.items()
        if name == "PATH" or name.startswith("COVERAGE_")
    }
    ran = subprocess.run(
        [sys.executable, "-m", "sandbox.demo", "--fast", "--share", "0.3"],
        cwd=REPOSITORY,
        env={**passed, "TMPDIR": str(tmp_path), "HOME": str(tmp_path / "nobody")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    typed = [line for line in ran.stdout.splitlines() if line.startswith("$ mgit ")]
    shown = {"login", "list", "sync", "changes", "status", "run"}
    assert {line.split()[2] for line in typed} == shown
    assert "acme/product-catalogue" in ran.stdout
    assert "unpushed" in ran.stdout
    assert "\x1b" not in ran.stdout
    assert not list(tmp_path.iterdir())
