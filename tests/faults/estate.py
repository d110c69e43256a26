"""An estate that is killed: a forge, a root full of mirrors, and what may never be lost of them.

*A loss* is counted over everything that a root holds, work in the making aside: for every branch
and tag that a clone had before the kill, its object must be reachable from some ref in some
repository below the root: the clone itself, its old tips under `refs/mgit/kept/`, the archive, the
quarantine. *By itself* means: `mgit sync` alone, with nothing but patience for gits that outlive a
killed mgit, ends with 0 and has every mirror hold exactly what the forge has.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mgit.telemetry import verify_audit
from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop

PATIENCE = 120.0
OWNER = "acme"
POLICY = {
    "MGIT_KIND": "mirror",
    "MGIT_GONE": "archive",
    "MGIT_GONE_LIMIT": "100%",
    "MGIT_LISTEN": "127.0.0.1:0",
}
_LEFT = ("*.lock", "tmp_*", ".tmp-*", "mgit.repacking", "mgit.configuring", ".mgit.*", ".config.*")


@dataclass
class Verdict:
    """What the run after a kill came to.

    Args:
        problems: empty when all healed by itself and nothing was lost.
        left: files that a killed run left lying about, which stand in nobody's way.
        seconds: that the healing took.
    """

    problems: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Estate:
    """A root and its forge.

    Args:
        folder: where the laptop is.
        forge: running.
    """

    def __init__(self, folder: Path, forge: SandboxForge) -> None:
        self.folder = folder
        self.forge = forge
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        variables = {**POLICY, "TMPDIR": str(self.temporary)}
        self.laptop = Laptop(folder / "home", folder / "git-log", variables)

    @classmethod
    def new(cls, folder: Path, forge: SandboxForge) -> Estate:
        """A laptop that is signed in."""
        estate = cls(folder, forge)
        (folder / "home").mkdir(parents=True)
        told = ("--forge", "github", "--url", forge.api_url, "--owner", OWNER, "--stdin")
        ran = estate.laptop.mgit("login", "work", *told, stdin=f"{CANARY}\n")
        assert ran.code == 0, ran.err
        return estate

    def copy(self, folder: Path) -> Estate:
        """The same laptop in another folder: its root moves with its home."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True)
        return Estate(folder, self.forge)

    @property
    def root(self) -> Path:
        return self.laptop.root

    def start(self, *words: str, through: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """mgit, in a group of its own and through another program if one is named."""
        return subprocess.Popen(
            [*through, sys.executable, "-m", "mgit", *words],
            env=self.laptop.environment,
            cwd=self.laptop.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill_all(self) -> int:
        """SIGKILL to everything that lives in this home, until nothing does."""
        count = 0
        while found := list(self._alive()):
            count += len(found)
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
        return count

    def _alive(self) -> Iterator[int]:
        home = f"\0HOME={self.laptop.home}\0".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, IndexError):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                environ = b"\0" + (entry / "environ").read_bytes()
                if state != "Z" and home in environ:
                    yield int(entry.name)

    def tips(self) -> set[str]:
        """What may not be lost: object ids of all branches and tags of all clones."""
        return {
            oid
            for git_dir in self._repositories()
            for oid in _lines(git_dir, "for-each-ref", "--format=%(objectname)")
        }

    def heal(self, tips: set[str], wanted: dict[str, dict[str, str]]) -> Verdict:
        """Let the next run heal, and look at what it left.

        Args:
            tips: see `tips`, from before the kill.
            wanted: refs of each repository on the forge, by folder name.
        """
        verdict, began = Verdict(), time.monotonic()
        ran = self.laptop.mgit("sync", "--format", "json")
        while "works on" in ran.err and time.monotonic() < began + PATIENCE:
            time.sleep(0.1)
            ran = self.laptop.mgit("sync", "--format", "json")
        verdict.seconds = time.monotonic() - began
        if ran.code != 0:
            verdict.problems.append(f"the next run ended with {ran.code}: {ran.last_line}")
        verdict.problems += self._differences(wanted)
        if missing := tips - self._reachable(tips):
            verdict.problems.append(f"{len(missing)} tips are lost: {min(missing)}")
        verdict.left += self._left()
        verdict.problems += self._records()
        return verdict

    def _differences(self, wanted: dict[str, dict[str, str]]) -> Iterator[str]:
        there = {path.name for path in (self.root / OWNER).iterdir()}
        if there != wanted.keys():
            yield f"clones are {sorted(there)} in place of {sorted(wanted)}"
        for name in there & wanted.keys():
            told = _lines(self.root / OWNER / name, "for-each-ref", "refs/heads", "refs/tags")
            refs = {line.split()[2]: line.split()[0] for line in told}
            if refs != wanted[name]:
                yield f"{name} differs from its upstream"

    def _reachable(self, tips: set[str]) -> set[str]:
        """Which of them are reachable in some repository below the root."""
        found: set[str] = set()
        for git_dir in self._repositories():
            refs = set(_lines(git_dir, "for-each-ref", "--format=%(objectname)"))
            found |= refs & tips
            if tips - found:
                found |= tips & set(
                    _lines(git_dir, "rev-list", "--objects", "--no-object-names", "--all")
                )
        return found

    def _repositories(self) -> Iterator[Path]:
        for head in self.root.rglob("HEAD"):
            if (head.parent / "objects").is_dir() and "incoming" not in head.parts:
                yield head.parent

    def _left(self) -> list[str]:
        """What a killed run left lying about, and the next one did not remove."""
        left = [
            str(path.relative_to(self.folder))
            for pattern in _LEFT
            for path in self.root.rglob(pattern)
            if "quarantine" not in path.parts
        ]
        for name in ("incoming", "trash"):
            folder = self.root / ".mgit" / name
            left += [str(path.relative_to(self.folder)) for path in folder.glob("*")]
        left += [str(path.relative_to(self.folder)) for path in self.temporary.glob("*")]
        return sorted(left)

    def _records(self) -> Iterator[str]:
        state = self.laptop.home / ".local" / "state" / "mgit"
        if problem := verify_audit(state / "audit.jsonl").problem:
            yield f"the audit log is broken: {problem}"
        with sqlite3.connect(state / "state.db") as database:
            ((word,),) = database.execute("PRAGMA integrity_check").fetchall()
        database.close()
        if word != "ok" or (state / "state.db.damaged").exists():
            yield f"the state is damaged: {word}"


def _lines(git_dir: Path, *words: str) -> list[str]:
    done = subprocess.run(
        ["git", "--git-dir", str(git_dir), *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null"},
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def on_the_forge(forge: SandboxForge) -> dict[str, dict[str, str]]:
    """Refs of every repository, by name."""
    return {repo.name: forge.refs(OWNER, repo.name) for repo in forge.store.all(OWNER)}


def write_packs(folder: Path, number: int) -> None:
    """That many small packs, as as many fetches leave them."""
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "--bare", str(folder / "r")], check=True)
    stream = "".join(
        f"blob\ndata {len(text)}\n{text}\ncheckpoint\n"
        for text in (f"pack {count}\n" for count in range(number))
    )
    subprocess.run(
        [
            *("git", "-c", "fastimport.unpackLimit=0", "-C", str(folder / "r")),
            *("fast-import", "--quiet"),
        ],
        input=stream.encode(),
        check=True,
    )
