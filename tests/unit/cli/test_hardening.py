"""What is in memory stays there: no core files, no other program that looks."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

_LOOK = """\
import ctypes, pathlib, resource
highest = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (highest, highest))
from mgit.cli.hardening import keep_memory_private
keep_memory_private(children={children})
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
limit = resource.getrlimit(resource.RLIMIT_CORE)[0]
kept = int(pathlib.Path("/proc/self/coredump_filter").read_text(), 16)
print(dumpable, limit, kept)
"""


def look(*, children: bool) -> list[int]:
    """PR_GET_DUMPABLE, the soft limit of core files, and what of memory would be in them."""
    done = subprocess.run(
        [sys.executable, "-c", _LOOK.format(children=children)],
        check=True,
        capture_output=True,
        text=True,
    )
    return [int(word) for word in done.stdout.split()]


def test_neither_this_process_nor_its_gits_leave_a_core_file() -> None:
    assert look(children=True) == [0, 0, 0]


def test_a_persons_own_commands_keep_their_limits() -> None:
    dumpable, limit, kept = look(children=False)
    assert dumpable == 0
    assert (limit, kept) != (0, 0)
