"""What holds a work tree back is looked at again, just before it would be moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.address import parse_clone_url
from mgit.errors import MgitError
from mgit.git.advancing import _clear, _refused, _still_held
from mgit.git.inspect import MOVING
from mgit.model import (
    FastForward,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    WorkTree,
)

OID, OTHER = "a" * 40, "b" * 40
REPO = RemoteRepo(
    RepoKey("git.test", "1"),
    "work",
    RepoPath("acme", "app"),
    parse_clone_url("https://git.test/a/b"),
)
ACTION = FastForward(
    REPO,
    "acme/app",
    "main",
    RefSnapshot({"refs/heads/main": OID}),
    OID,
    upstream=RefSnapshot({"refs/heads/main": OTHER}),
)


def _tree(**more: object) -> WorkTree:
    return WorkTree("main", OID, "origin/main", **{"ahead": 0, "behind": 1, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (_tree(), None),
        (_tree(changed=1), Reason.DIRTY),
        (WorkTree("main", OTHER, "origin/main", ahead=0, behind=1), Reason.DRIFTED),
        (WorkTree("topic", OID, "origin/topic", ahead=0, behind=1), Reason.DRIFTED),
        (_tree(ahead=2), Reason.DIVERGED),
        (_tree(ahead=2, behind=0), Reason.UNPUSHED),
    ],
)
def test_each_reason_to_leave_it_alone(tree: WorkTree, reason: Reason | None) -> None:
    assert _still_held(tree, ACTION, follows=False)[0] is reason


def test_who_follows_a_rewritten_upstream_minds_no_commits_of_the_old_one() -> None:
    assert _still_held(_tree(ahead=2), ACTION, follows=True) == (None, "")


def test_what_git_would_have_overwritten_is_named_and_all_else_is_an_error() -> None:
    said = (
        "error: Your local changes to the following files would be overwritten by merge:\n"
        "\\tone.txt\n\\ttwo.txt\nPlease commit your changes"
    )
    assert _refused("git merge", said, 1) == (Reason.DIRTY, "in the way: one.txt and 1 more")
    untracked = "error: The following untracked working tree files would be overwritten by merge:\n"
    reason, words = _refused("git merge", untracked, 1)
    assert (reason, words) == (Reason.UNTRACKED, "files are in the way")
    with pytest.raises(MgitError, match="git merge failed"):
        _refused("git merge", "fatal: bad object HEAD", 128)


@pytest.mark.parametrize(("ours", "gone"), [(True, True), (False, False)])
def test_only_a_lock_of_mgits_own_killed_git_is_removed(
    tmp_path: Path, ours: bool, gone: bool
) -> None:
    mark, lock = tmp_path / MOVING, tmp_path / "index.lock"
    lock.touch()
    if ours:
        mark.touch()
    _clear(tmp_path)
    assert lock.exists() is not gone
    assert not mark.exists()


def test_a_lock_that_came_long_after_is_a_persons(tmp_path: Path) -> None:
    import os

    mark, lock = tmp_path / MOVING, tmp_path / "index.lock"
    mark.touch()
    lock.touch()
    os.utime(mark, (1, 1))
    _clear(tmp_path)
    assert lock.exists()
    assert not mark.exists()
