"""The README's first page and CI promise the same three commands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["nox", "nox -s demo", "nox -s rehearse -- --provision"]
INSTALL = 'python3 -m pip install "nox[uv]" && '


def test_ci_runs_the_commands_of_the_first_page_and_nothing_else() -> None:
    first_page = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[:3]
    promised = re.findall(rf"^{re.escape(INSTALL)}(nox.*)$", "\n".join(first_page), re.MULTILINE)
    run = (ROOT / ".ci/run").read_text(encoding="utf-8")
    called = re.findall(rf"^\({re.escape(INSTALL)}(nox.*)\) \|\| exit$", run, re.MULTILINE)
    assert sorted(promised) == sorted(called) == COMMANDS
    assert len([line for line in run.splitlines() if line and not line.startswith("#")]) == 5
