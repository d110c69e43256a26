"""Moves the checked-out branch to where its upstream is, and never over anything of the person's.

Where upstream went on, that is a fast-forward. Where upstream was rewritten, the branch follows if
every commit on it once came from there: then nothing is lost but what upstream itself took back,
and the branch's reflog still has that.
"""

from __future__ import annotations

import re
from pathlib import Path

from mgit.git.disk import REMOTE
from mgit.git.fetching import same_url
from mgit.git.inspect import MOVING, inspect_worktree
from mgit.git.making import CHECKOUT_DEADLINE
from mgit.git.runner import GitResult, GitRunner
from mgit.git.target import Target
from mgit.git.words import failure
from mgit.model import FastForward, Reason, WorkTree

# Both refuse to touch changed and untracked files by themselves. Ignored ones they would replace.
_MERGE = ("merge", "--ff-only", "--no-overwrite-ignore", "--no-autostash", "--no-stat", "--quiet")
_RESET = ("checkout", "--quiet", "--no-overwrite-ignore", "--no-track", "--no-recurse-submodules")
_OURS_WITHIN = 600.0  # seconds after the mark in which git takes its lock
_OVERWRITTEN = re.compile(r"would be (overwritten|removed)")
_UNTRACKED = re.compile(r"untracked working tree files? ")


def advance(runner: GitRunner, target: Target, action: FastForward) -> tuple[Reason | None, str]:
    """Move the branch; or say why it stays.

    Args:
        runner: starts git.
        target: the clone, its refs fetched already.
        action: which branch, and what the plan was made from.

    Returns:
        Why the work tree stayed, None when it moved or was there already; and words about it.

    Raises:
        MgitError: git failed.
    """
    path = target.path
    _clear(target.git_dir)
    tree = inspect_worktree(runner, path, submodules=target.options.submodules)
    follows = bool(tree.ahead) and _nothing_of_its_own(runner, path, tree, action)
    held, detail = _still_held(tree, action, follows=follows)
    if held is not None or (tree.behind == 0 and not follows):
        return held, detail
    unborn_elsewhere = tree.oid is None and tree.branch != action.branch
    if unborn_elsewhere:
        # Nothing was ever committed here: the branch is but a name.
        runner.run(["symbolic-ref", "HEAD", f"refs/heads/{action.branch}"], cwd=path)
    upstream = f"{REMOTE}{action.branch}"
    args = [*_RESET, "-B", action.branch, upstream] if follows else [*_MERGE, upstream]
    result = _move(runner, target, args)
    if result.returncode != 0:
        what = f"git {args[0]} in {action.folder}"
        return _refused(what, result.stderr, result.returncode)
    if unborn_elsewhere:
        runner.run(["branch", "--quiet", f"--set-upstream-to=origin/{action.branch}"], cwd=path)
    if follows:
        return None, f"upstream was rewritten; the reflog still has {action.expects_oid[:12]}"
    return None, ""


def _clear(git_dir: Path) -> None:
    """Remove the lock of a git of mgit's that was killed while it moved this very work tree.

    The root is locked, so that none of mgit's is alive; and a person's git could not begin, with
    that lock there.
    """
    mark, lock = git_dir / MOVING, git_dir / "index.lock"
    if mark.exists():
        if lock.exists() and lock.stat().st_mtime - mark.stat().st_mtime < _OURS_WITHIN:
            lock.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)


def _move(runner: GitRunner, target: Target, args: list[str]) -> GitResult:
    mark, lock = target.git_dir / MOVING, target.git_dir / "index.lock"
    if not lock.exists():  # else it is somebody's, and git will say so
        mark.touch()
    try:
        return runner.run(
            args,
            cwd=target.path,
            personal=True,
            origin=target.lazy_origin,
            check=False,
            deadline=CHECKOUT_DEADLINE,
            # What upstream took back stays findable, whatever the person's configuration says.
            config=[same_url(target.repo), ("core.logAllRefUpdates", "true")],
        )
    finally:
        if not lock.exists():
            mark.unlink(missing_ok=True)


def _nothing_of_its_own(runner: GitRunner, path: Path, tree: WorkTree, action: FastForward) -> bool:
    """Whether upstream once had all commits of the checked-out branch."""
    if tree.rewritten:
        return True
    before = action.expects.refs.get(f"refs/heads/{action.branch}")
    if before is None or not tree.oid:
        return False
    if before == tree.oid:
        return True
    ancestor = ["merge-base", "--is-ancestor", tree.oid, before]
    return runner.run(ancestor, cwd=path, check=False).returncode == 0


def _still_held(tree: WorkTree, action: FastForward, *, follows: bool) -> tuple[Reason | None, str]:
    if tree.obstacle is not None:
        return tree.obstacle, "the work tree changed since the plan was made"
    moved = (tree.oid or "") != action.expects_oid
    elsewhere = tree.oid is not None and tree.branch != action.branch
    if moved or elsewhere:
        return Reason.DRIFTED, "another commit was checked out since the plan was made"
    if follows:
        return None, ""
    if tree.ahead and tree.behind:
        return Reason.DIVERGED, "upstream was rewritten, or went another way than this branch"
    if tree.ahead:
        return Reason.UNPUSHED, f"{tree.ahead} to push"
    return None, ""


def _refused(what: str, messages: str, returncode: int) -> tuple[Reason, str]:
    """Git would have had to overwrite something of the person's, and did not.

    Raises:
        MgitError: it failed for another reason.
    """
    if not _OVERWRITTEN.search(messages):
        raise failure(what, messages, returncode)
    # git lists the files below that line, each after a tab.
    names = [line[2:] for line in messages.split("\n") if line.startswith("\\t")]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    reason = Reason.UNTRACKED if _UNTRACKED.search(messages) else Reason.DIRTY
    return reason, f"in the way: {names[0]}{more}" if names else "files are in the way"
