"""Puts `python3` and `pipx` of the rehearsal on the PATH of the steps that follow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PYTHON = "MGIT_SANDBOX_PYTHON"


def main() -> int:
    """Write the two commands and announce their folder."""
    python = os.environ[PYTHON]
    here = Path(__file__).resolve().parent
    folder = Path(os.environ["RUNNER_TEMP"], "sandbox-bin")
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in (("python3", ""), ("pipx", f" {here / 'pipx.py'}")):
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec "{python}"{words} "$@"\n', encoding="utf-8")
        command.chmod(0o755)
    with Path(os.environ["GITHUB_PATH"]).open("a", encoding="utf-8") as path:
        path.write(f"{folder}\n")
    sys.stdout.write(f"python3 is {python}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
