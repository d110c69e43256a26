"""A kill at every rename, every flush and every removal of one run, by strace(1).

The run does one of each: a clone, a fetch, a move, an archive, writes of the state and of the audit
log. Its processes are taken one by one: mgit itself with all its threads, and each git that it
starts with all that this git starts. strace counts the calls of every thread for itself and sends
SIGKILL when the N-th begins; as soon as that is seen everything else is killed too, as a power cut
would. Each case begins from the same copy of the same root.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.forge import SandboxForge
from tests.faults.estate import OWNER, Estate, Verdict, on_the_forge
from tests.story.laptop import CANARY

CALLS = (
    *("rename", "renameat", "renameat2"),
    *("fsync", "fdatasync", "sync_file_range"),
    *("unlink", "unlinkat", "rmdir"),
)
MGIT = 0
"""The target that is mgit itself; the others are gits, counted from 1."""

_CALL = re.compile(r"^(\d+) +(\w+)\(", re.MULTILINE)
_KILLED = "+++ killed by SIGKILL +++"
_TRACED_GIT = """\
#!/bin/sh
# The gits of one run in the order of their starts; one of them is traced.
number=1
while ! mkdir "$GITS/$number" 2>/dev/null; do number=$((number + 1)); done
"""


@dataclass(frozen=True)
class Case:
    """Where to kill.

    Args:
        target: `MGIT`, or the number of a git.
        call: the system call.
        number: which of them, counted from 1 in each thread.
    """

    target: int
    call: str
    number: int

    def __str__(self) -> str:
        who = "mgit" if self.target == MGIT else f"git {self.target}"
        return f"{self.call} {self.number} of {who}"


@dataclass(frozen=True)
class Traced:
    """One kill and what came of it.

    Args:
        case: where.
        hit: whether the call was reached.
        verdict: what the next run came to.
    """

    case: Case
    hit: bool
    verdict: Verdict


class Tracing:
    """Plays cases, each on a fresh copy.

    Args:
        folder: to work in.
        forge: running; what it has does not change any more after `begin`.
    """

    def __init__(self, folder: Path, forge: SandboxForge) -> None:
        self._folder = folder
        self._forge = forge
        self._wanted: dict[str, dict[str, str]] = {}

    def begin(self) -> list[Case]:
        """Make the root, let everything happen upstream, and count the calls of a whole run."""
        forge = self._forge
        forge.add_owner(OWNER)
        for name in ("changed", "renamed", "gone", "current"):
            forge.add_repo(OWNER, name, commits=2)
        start = Estate.new(self._folder / "start", forge)
        assert start.laptop.mgit("sync").code == 0
        forge.add_repo(OWNER, "new", commits=2)
        forge.push(OWNER, "changed")
        forge.push(OWNER, "changed", branch="develop", rewrite=True)
        forge.rename(OWNER, "renamed", "moved")
        forge.delete(OWNER, "gone")
        self._wanted = on_the_forge(forge)
        return [*self._count(), *self._count_gits()]

    def play(self, case: Case) -> Traced:
        """Kill there, and let the next run heal."""
        estate = self._fresh()
        tips = estate.tips()
        log = estate.folder / "strace.log"
        inject = f"inject={case.call}:signal=SIGKILL:when={case.number}"
        child = self._start(estate, case.target, ("-e", f"trace={case.call}", "-e", inject), log)
        while child.poll() is None and not _was_killed(log):
            time.sleep(0.01)
        hit = _was_killed(log)
        if hit:
            estate.kill_all()
        child.wait()
        _plain_git(estate)
        return Traced(case, hit, estate.heal(tips, self._wanted))

    def _fresh(self) -> Estate:
        return Estate(self._folder / "start", self._forge).copy(self._folder / "case")

    def _count(self) -> Iterator[Case]:
        estate = self._fresh()
        log = estate.folder / "strace.log"
        self._start(estate, MGIT, ("-e", f"trace={','.join(CALLS)}"), log).wait()
        yield from _cases(MGIT, log)

    def _count_gits(self) -> Iterator[Case]:
        estate = self._fresh()
        log = estate.folder / "strace.log"
        everyone = ("-e", f"trace={','.join(CALLS)}")
        self._start(estate, None, everyone, log).wait()
        for number in range(1, len(list((estate.folder / "gits").iterdir())) + 1):
            yield from _cases(number, Path(f"{log}.{number}"))

    def _start(
        self, estate: Estate, target: int | None, trace: Sequence[str], log: Path
    ) -> subprocess.Popen[bytes]:
        """A sync, with one process traced; with None all gits, each to a log of its own."""
        strace = ("strace", "-f", "-q", "-o", str(log), *trace)
        if target == MGIT:
            return estate.start("sync", "--concurrency", "1", through=(*strace, "-b", "execve"))
        gits = estate.folder / "gits"
        gits.mkdir()
        which = "true" if target is None else f'[ "$number" = {target} ]'
        own = log if target is not None else f"{log}.$number"
        git = estate.laptop.home / "bin" / "git"
        git.parent.mkdir(exist_ok=True)
        real = shutil.which("git")
        traced = " ".join(("strace", "-f", "-q", "-o", f'"{own}"', *(f"'{t}'" for t in trace)))
        text = _TRACED_GIT.replace("$GITS", str(gits))
        git.write_text(f'{text}if {which}; then exec {traced} {real} "$@"; fi\nexec {real} "$@"\n')
        git.chmod(0o755)
        return estate.start("sync", "--concurrency", "1")


def play_all(folder: Path, cases: Sequence[int] | None = None) -> Iterator[Traced]:
    """Play all cases, or those of these numbers."""
    with SandboxForge(folder / "forge", token=CANARY) as forge:
        tracing = Tracing(folder, forge)
        every = tracing.begin()
        for case in every if cases is None else [every[n % len(every)] for n in cases]:
            yield tracing.play(case)


def _cases(target: int, log: Path) -> Iterator[Case]:
    counts: Counter[tuple[str, str]] = Counter(_CALL.findall(log.read_text()))
    most: Counter[str] = Counter()
    for (_, call), count in counts.items():
        most[call] = max(most[call], count)
    for call, count in sorted(most.items()):
        for number in range(1, count + 1):
            yield Case(target, call, number)


def _was_killed(log: Path) -> bool:
    try:
        return _KILLED in log.read_text(errors="replace")
    except FileNotFoundError:
        return False


def _plain_git(estate: Estate) -> None:
    (estate.laptop.home / "bin" / "git").unlink(missing_ok=True)
