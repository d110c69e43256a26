"""A clone's configuration is written by git; what a killed one left behind costs nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mgit.errors import GitError
from mgit.git.configuring import CONFIGURING, write_config
from mgit.git.runner import GitRunner


class Killed(GitRunner):
    """A git that dies after it made its lock."""

    def __init__(self, git_dir: Path) -> None:
        super().__init__()
        self._git_dir = git_dir

    def run(self, *_words: object, **_more: object) -> object:  # type: ignore[override]
        (self._git_dir / "config.lock").write_text("half")
        raise GitError("git was ended by signal 9", advice="try again")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "app.git")], check=True)
    return tmp_path / "app.git"


def value(clone: Path, name: str) -> str:
    found = subprocess.run(
        ["git", "config", f"--file={clone / 'config'}", name],
        check=False,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()


def test_a_value_is_written_and_nothing_is_left_beside_it(clone):
    write_config(GitRunner(), clone, "mgit.kind", "mirror")
    assert value(clone, "mgit.kind") == "mirror"
    assert not (clone / CONFIGURING).exists()
    assert not (clone / "config.lock").exists()


def test_a_lock_that_a_killed_mgit_left_is_taken_away(clone):
    (clone / CONFIGURING).touch()
    (clone / "config.lock").write_text("half")
    write_config(GitRunner(), clone, "mgit.kind", "mirror")
    assert value(clone, "mgit.kind") == "mirror"


def test_a_lock_that_a_killed_git_left_is_taken_away_at_once(clone):
    with pytest.raises(GitError, match="signal 9"):
        write_config(Killed(clone), clone, "mgit.kind", "mirror")
    assert not (clone / "config.lock").exists()
    assert not (clone / CONFIGURING).exists()


def test_the_lock_of_a_person_stays(clone):
    (clone / "config.lock").write_text("somebody writes")
    with pytest.raises(GitError):
        write_config(GitRunner(), clone, "mgit.kind", "mirror")
    assert (clone / "config.lock").read_text() == "somebody writes"
    assert not (clone / CONFIGURING).exists()
