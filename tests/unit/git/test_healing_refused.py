"""What keeps a damaged clone from being made anew, looked at just before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mgit.address import parse_clone_url
from mgit.git.healing import _refused
from mgit.model import CopyKind, Heal, LocalRepo, Reason, RemoteRepo, RepoKey, RepoPath

REPO = RemoteRepo(
    RepoKey("git.test", "1"),
    "work",
    RepoPath("acme", "app"),
    parse_clone_url("https://git.test/a/b"),
)
ACTION = Heal(REPO, "acme/app", CopyKind.WORKTREE, "HEAD is missing")
LOCAL = LocalRepo("acme/app", CopyKind.WORKTREE, REPO.key, broken="HEAD is missing")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "acme" / "app" / ".git").mkdir(parents=True)
    return tmp_path


def _reason(root: Path, local: LocalRepo = LOCAL) -> Reason | None:
    held = _refused(root, ACTION, local)
    return None if held is None else held.reason


def test_a_damaged_clone_of_ours_is_healed(root: Path) -> None:
    assert _reason(root) is None
    assert _reason(root, replace(LOCAL, key=None)) is None


def test_what_changed_since_the_plan_is_left_alone(root: Path) -> None:
    assert _reason(root, replace(LOCAL, broken="")) is Reason.DRIFTED
    assert _reason(root, replace(LOCAL, key=RepoKey("git.test", "2"))) is Reason.DRIFTED
    (root / "acme" / "app").rename(root / "moved")
    assert _reason(root) is Reason.DRIFTED
    (root / "acme" / "app").symlink_to(root / "moved")
    assert _reason(root) is Reason.DRIFTED


def test_what_somebody_else_has_a_hand_in_is_left_alone(root: Path) -> None:
    assert _reason(root, replace(LOCAL, locked="index.lock")) is Reason.LOCKED
    (root / "acme" / "app" / ".git" / "worktrees" / "other").mkdir(parents=True)
    assert _reason(root) is Reason.BROKEN
    (root / "acme" / "app" / ".git").rename(root / "elsewhere")
    (root / "acme" / "app" / ".git").write_text("gitdir: ../../elsewhere\n")
    assert _reason(root) is Reason.FOREIGN
