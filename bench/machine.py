"""Facts about the machine that measures."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path


def process_cpu(pid: int) -> float:
    """CPU seconds of a process and the children that it has waited for; 0.0 where unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    # proc(5): the name may hold blanks; utime, stime, cutime, cstime are fields 14 to 17.
    fields = text.rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, str]:
    """What stands above the table."""
    git = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": sys.version.split()[0],
        "git": git.strip().removeprefix("git version "),
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line)
    return next(names, platform.machine())
