"""Writes to a clone's configuration by git, so that a kill in the middle costs nothing.

git makes `config.lock` and renames it. Killed before that, the lock stays and every later write is
refused. A mark beside it says that the lock is that of a git of mgit's: the next run takes it away.
"""

from __future__ import annotations

from pathlib import Path

from mgit.errors import GitError
from mgit.git.runner import GitRunner

CONFIGURING = "mgit.configuring"
"""There while a git of mgit's writes the configuration: a `config.lock` beside it is that git's."""


def write_config(runner: GitRunner, git_dir: Path, *words: str) -> None:
    """Run one `git config` that writes.

    Args:
        runner: starts git.
        git_dir: of the clone.
        words: behind `git config --file=…`.

    Raises:
        GitError: git refused; also where the lock is a person's.
        OSError: the disk refused.
    """
    mark, lock = git_dir / CONFIGURING, git_dir / "config.lock"
    if mark.exists():
        lock.unlink(missing_ok=True)
    ours = not lock.exists()  # else it is somebody's, and git will say so
    if ours:
        mark.touch()
    try:
        runner.run(["config", f"--file={git_dir / 'config'}", *words], git_dir=git_dir)
    except GitError:
        if ours:  # git alone was killed, and mgit lives
            lock.unlink(missing_ok=True)
        raise
    finally:
        mark.unlink(missing_ok=True)
