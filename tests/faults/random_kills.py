"""SIGKILL at random moments: of mgit alone, or of it and all that it started."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mgit.git.maintenance import MANY_PACKS
from sandbox.forge import SandboxForge
from tests.faults.estate import OWNER, Estate, Verdict, on_the_forge, write_packs
from tests.story.laptop import CANARY

WORK = ("sync", "maintenance", "scrub", "state")
"""What is killed. `state` is what writes to state and audit log, and to no clone."""

_COMMANDS = {
    "sync": ("sync",),
    "maintenance": ("sync",),
    "scrub": ("scrub", "--all"),
    "state": ("changes", "--remote"),
}


@dataclass(frozen=True)
class Kill:
    """One kill and what came of it.

    Args:
        work: one of `WORK`.
        whom: `mgit` or `all`.
        at: seconds after its start.
        hit: whether mgit was still at work.
        verdict: what the next run came to.
    """

    work: str
    whom: str
    at: float
    hit: bool
    verdict: Verdict


class Play:
    """Kills at random.

    Args:
        folder: to work in.
        seed: of what is drawn.
        repos: how many repositories there are at first.
    """

    def __init__(self, folder: Path, seed: int, repos: int = 4) -> None:
        self._folder = folder
        self._rng = random.Random(seed)
        self._repos = repos
        self._names = 0
        self._lasts = dict.fromkeys(WORK, 1.0)

    def kills(self, number: int) -> Iterator[Kill]:
        """That many kills that met mgit at work, the kinds of work in turn."""
        write_packs(self._folder / "packs", MANY_PACKS + 10)
        with SandboxForge(self._folder / "forge", token=CANARY) as forge:
            forge.add_owner(OWNER)
            for _ in range(self._repos):
                self._add(forge)
            estate = Estate.new(self._folder / "laptop", forge)
            assert estate.laptop.mgit("sync").code == 0
            done = 0
            while done < number:
                kill = self._kill(estate, WORK[done % len(WORK)])
                if kill.hit or kill.verdict.problems:
                    done += 1
                    yield kill

    def _kill(self, estate: Estate, work: str) -> Kill:
        tips = estate.tips()
        self._prepare(estate, work)
        wanted = on_the_forge(estate.forge)
        whom = self._rng.choice(("mgit", "all"))
        at = self._rng.uniform(0.05, self._lasts[work] * 1.1)
        began = time.monotonic()
        child = estate.start(*_COMMANDS[work])
        hit = False
        try:
            child.wait(at)
            self._lasts[work] = max(0.3, time.monotonic() - began)
        except subprocess.TimeoutExpired:
            hit = True
            self._lasts[work] = max(self._lasts[work], at)
        finally:
            child.kill()
            if whom == "all":
                estate.kill_all()
            child.wait()
        verdict = estate.heal(tips, wanted)
        estate.kill_all()
        return Kill(work, whom, at, hit, verdict)

    def _prepare(self, estate: Estate, work: str) -> None:
        """Let something happen upstream that this work is about."""
        forge = estate.forge
        if work in {"sync", "maintenance"}:
            for repo in forge.store.all(OWNER)[:2]:
                forge.push(OWNER, repo.name)
        if work == "sync":
            self._mutate(forge)
        if work == "maintenance":
            for repo in forge.store.all(OWNER)[:2]:
                packs = estate.root / OWNER / repo.name / "objects" / "pack"
                for file in (self._folder / "packs" / "r" / "objects" / "pack").iterdir():
                    if not (packs / file.name).exists():
                        shutil.copy2(file, packs / file.name)

    def _mutate(self, forge: SandboxForge) -> None:
        names = [repo.name for repo in forge.store.all(OWNER)]
        one = self._rng.choice(names)
        changes: list[Callable[[], object]] = [
            lambda: self._add(forge),
            lambda: forge.rename(OWNER, one, f"{self._name()}"),
            lambda: forge.push(OWNER, one, branch=f"topic-{self._rng.randrange(6)}"),
            lambda: forge.push(OWNER, one, branch="develop", rewrite=True),
        ]
        if len(names) > self._repos:
            changes.append(lambda: forge.delete(OWNER, one))
        for change in self._rng.sample(changes, 2):
            if any(repo.name == one for repo in forge.store.all(OWNER)):
                change()

    def _add(self, forge: SandboxForge) -> None:
        forge.add_repo(OWNER, self._name(), commits=3)

    def _name(self) -> str:
        self._names += 1
        return f"repo-{self._names:03}"
