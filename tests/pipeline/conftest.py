"""A tiny project with a real bare remote, as the release sees it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.project import Endpoints, Project, child_environment
from pipeline.shell import Shell

CHANGELOG = "# Changelog\n\n## [Unreleased]\n"
VERSION = '"""The version."""\n\n__version__ = "0.0.0"\n'
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class Tiny:
    """A person's clone of a tiny project, and the remote that it was pushed to."""

    here: Path
    remote: Path
    env: dict[str, str] = field(default_factory=dict)

    def git(self, *args: str, where: Path | None = None) -> str:
        done = subprocess.run(
            ("git", *args),
            cwd=where or self.here,
            env=self.env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def commit(self, message: str = "Change", *, push: bool = True) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        if push:
            self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def tags(self) -> list[str]:
        return self.git("tag", where=self.remote).split()

    def main(self) -> str:
        return self.git("rev-parse", "main", where=self.remote)


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    env = {
        **child_environment(),
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.invalid",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.invalid",
        "GIT_AUTHOR_DATE": "1790000000 +0000",
        "GIT_COMMITTER_DATE": "1790000000 +0000",
    }
    tiny = Tiny(tmp_path / "here", tmp_path / "remote.git", env)
    tiny.here.mkdir()
    tiny.git("init", "--quiet", "--bare", "-b", "main", str(tiny.remote))
    tiny.git("init", "--quiet", "-b", "main")
    tiny.git("remote", "add", "origin", str(tiny.remote))
    tiny.write("CHANGELOG.md", CHANGELOG)
    tiny.write("mgit/version.py", VERSION)
    tiny.write(".gitignore", "dist/\n__pycache__/\n.nox/\n")
    tiny.write("changelog.d/README.md", "Fragments.\n")
    tiny.write("changelog.d/first.added.md", "The first thing.\n")
    tiny.commit("Begin")
    return tiny


@pytest.fixture
def endpoints(tiny: Tiny) -> Endpoints:
    """A rehearsal with a Git remote and nothing else to ask."""
    return Endpoints(
        rehearsal=True,
        git_remote=str(tiny.remote),
        index_upload="",
        index_simple="",
        registry="",
        forge_api="",
        forge_repo="acme/mgit",
    )


@pytest.fixture
def project_at(tiny: Tiny, endpoints: Endpoints, tmp_path: Path) -> Callable[..., Project]:
    """Makes a project whose clean clone is the folder given."""

    def make(root: Path | None = None, **changes: object) -> Project:
        out = tmp_path / "out"
        values: dict[str, object] = {
            "root": root or tiny.here,
            "out": out,
            "endpoints": endpoints,
            "shell": Shell(env={**tiny.env, "PATH": os.environ["PATH"]}),
            "now": lambda: NOW,
        }
        return Project(**{**values, **changes})  # type: ignore[arg-type]

    return make
