"""Runs a command and says what it and all that it started has cost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Runs the command as its only child and takes in every orphan, so that nothing that the command
# leaves behind is missed. 36 is PR_SET_CHILD_SUBREAPER of Linux; elsewhere orphans are not seen.
_WRAPPER = """
import json, os, resource, subprocess, sys, time
try:
    import ctypes
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
except (ImportError, OSError, AttributeError):
    pass
before = resource.getrusage(resource.RUSAGE_CHILDREN)
began = time.monotonic()
code = subprocess.call(sys.argv[2:])
wall = time.monotonic() - began
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
with open(sys.argv[1], "w") as file:
    json.dump({"code": code, "wall": wall, "cpu": cpu, "peak": used.ru_maxrss}, file)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command took.

    Args:
        cpu: seconds of CPU, user and system, of the command and all its descendants.
        wall: seconds until the command ended.
        peak_mb: largest resident size of one of its processes, in MB of 2**20 bytes.
    """

    cpu: float
    wall: float
    peak_mb: float


class CommandFailed(RuntimeError):
    """A command that is measured did not do what it should."""


def measure(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], *, cwd: Path | None = None
) -> Cost:
    """Run a command to its end.

    Args:
        argv: the command.
        folder: where its output and the figures go; files of an earlier run are replaced.
        environment: all that the command sees.
        cwd: where it runs.

    Raises:
        CommandFailed: it did not end with 0.
    """
    figures, output = folder / "cost.json", folder / "output.txt"
    figures.unlink(missing_ok=True)
    with output.open("wb") as stream:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _WRAPPER, str(figures), *argv],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=cwd,
            check=True,
        )
    told = json.loads(figures.read_text(encoding="utf-8"))
    if told["code"] != 0:
        words = output.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise CommandFailed(f"{' '.join(argv)} ended with {told['code']}:\n{words}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # getrusage(2): bytes there, KiB elsewhere
    return Cost(told["cpu"], told["wall"], told["peak"] / unit)
