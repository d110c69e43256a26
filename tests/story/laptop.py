"""The real command line in a home of its own, with a git that is watched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CANARY = "canary-7f3a9c1e5b2d"

_WATCHED_GIT = """\
#!/bin/sh
printf '%s\\n' "$*" > '{log}'/$$.argv
env > '{log}'/$$.env
exec '{git}' "$@"
"""


@dataclass(frozen=True)
class Ran:
    """How the command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last_line(self) -> str:
        return self.err.rstrip("\n").rpartition("\n")[2]


@dataclass(frozen=True)
class Laptop:
    """A person's machine: home, configuration, clones, and a git that leaves a trace."""

    home: Path
    git_log: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.home / "src"

    @property
    def config_file(self) -> Path:
        return self.home / ".config" / "mgit" / "config.toml"

    @property
    def environment(self) -> dict[str, str]:
        passed = {
            name: value
            for name, value in os.environ.items()
            if name == "PATH" or name.startswith("COVERAGE_")
        }
        passed["PATH"] = f"{self.home / 'bin'}{os.pathsep}{passed['PATH']}"
        extra = {"HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)}
        return {**passed, **extra, **self.variables}

    def configure(self, text: str) -> None:
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(f"version = 1\n{text}", encoding="utf-8")

    def mgit(
        self,
        *arguments: str,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "mgit", *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            env={**self.environment, **(env or {})},
            cwd=cwd or self.home,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, still running; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "mgit", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            cwd=self.home,
            text=True,
        )

    def git(self, repository: str, *arguments: str) -> str:
        """Plain git as the person uses it, not watched."""
        return subprocess.run(
            [_real_git(), *arguments],
            cwd=self.root / repository,
            env={
                "HOME": str(self.home),
                "PATH": os.environ["PATH"],
                "GIT_AUTHOR_NAME": "Mona",
                "GIT_AUTHOR_EMAIL": "mona@example.com",
                "GIT_COMMITTER_NAME": "Mona",
                "GIT_COMMITTER_EMAIL": "mona@example.com",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.strip()

    @classmethod
    def new(cls, folder: Path) -> Laptop:
        """A home below this folder, whose `git` notes each call before it is the real one."""
        home, log = folder / "home", folder / "git-log"
        (home / "bin").mkdir(parents=True)
        log.mkdir()
        watched = home / "bin" / "git"
        watched.write_text(_WATCHED_GIT.format(log=log, git=_real_git()))
        watched.chmod(0o755)
        return cls(home, log)

    def gits(self) -> list[str]:
        """The argument lists of all gits that mgit started so far."""
        return [file.read_text() for file in sorted(self.git_log.glob("*.argv"))]

    def forget_gits(self) -> None:
        for file in self.git_log.iterdir():
            file.unlink()


def _real_git() -> str:
    found = shutil.which("git")
    assert found is not None
    return found
