"""Runs git for the sandbox, away from anybody's configuration."""

from __future__ import annotations

import os
import subprocess

_GIT_SECONDS = 60.0


def git_environment() -> dict[str, str]:
    """An environment in which git reads no configuration but the repository's own."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "LC_ALL": "C",
    }


def git(*args: str, stdin: bytes = b"") -> bytes:
    """Run git to its end; its output.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    return subprocess.run(
        ["git", *args],
        input=stdin,
        stdout=subprocess.PIPE,
        check=True,
        env=git_environment(),
        timeout=_GIT_SECONDS,
    ).stdout
