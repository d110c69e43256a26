"""`pipx run --spec NAME==VERSION COMMAND …` with what this Python has installed, and no network.

Refuses anything whose version is not exactly the one asked for: a rehearsal runs what CI runs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

_SPEC = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+)")


def main(words: list[str]) -> int:
    """Check the specification, then become the command."""
    if len(words) < 4 or words[:2] != ["run", "--spec"]:
        sys.stderr.write("pipx (stand-in): only `run --spec NAME==VERSION COMMAND …`\n")
        return 2
    spec, command, rest = words[2], words[3], words[4:]
    match = _SPEC.fullmatch(spec)
    if match is None or match[1] != command:
        sys.stderr.write(f"pipx (stand-in): cannot run {command} from {spec}\n")
        return 2
    try:
        installed = version(command)
    except PackageNotFoundError:
        installed = "nothing"
    if installed != match[2]:
        sys.stderr.write(f"pipx (stand-in): {spec} is asked for, {installed} is here\n")
        return 1
    return subprocess.run([sys.executable, "-m", command, *rest], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
