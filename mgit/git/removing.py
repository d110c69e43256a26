"""Deletes a clone that is gone upstream, where the policy says so and it holds nobody's work."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from mgit.git.disk import TAGS_SEEN, DiskRefs
from mgit.git.effects import Done, Drifted, Effect
from mgit.git.inspect import git_dir_of, inspect_worktree, read_local, refs_of
from mgit.git.lock import TRASH
from mgit.git.places import is_below_links, put, remove_empty_parents
from mgit.git.runner import GitRunner
from mgit.model import CopyKind, LocalRepo, Reason, Remove

_REACHABLE = ("HEAD", "--all")
_UPSTREAMS = ("--not", "--remotes=origin", f"--glob={TAGS_SEEN}*")


def remove(runner: GitRunner, root: Path, action: Remove) -> Effect:
    """Look again, rename the clone out of sight, then delete it.

    A mirror must still be the one that the plan saw. A work tree must also hold nothing that
    upstream never had: no change, no untracked or ignored file, no stash, no commit or tag of the
    person's, no linked work tree, no submodule.

    Args:
        runner: starts git.
        root: the root, locked by the caller.
        action: which clone, as the plan saw it.

    Raises:
        GitError: git cannot look into it.
        OSError: it cannot be renamed.
    """
    if action.local.key is None:
        return Drifted(Reason.FOREIGN, "mgit did not make this repository")
    if is_below_links(root, action.folder):
        return Drifted(Reason.DRIFTED, "a symbolic link leads there")
    local = read_local(root, action.folder, runner)
    drifted = _drifted(local, action.local)
    if drifted is None and local.kind is CopyKind.WORKTREE:
        drifted = _holds_work(runner, root / action.folder)
    if drifted is not None:
        return drifted
    aside = root / TRASH / secrets.token_hex(8)
    put(root / action.folder, aside)
    remove_empty_parents(root, action.folder)
    shutil.rmtree(aside, ignore_errors=True)  # what is left is swept when the root is locked next
    return Done(folder=action.folder)


def _drifted(local: LocalRepo, expected: LocalRepo) -> Drifted | None:
    if local.key != expected.key or local.kind is not expected.kind:
        return Drifted(Reason.DRIFTED, "the clone is not there any more")
    if local.broken:
        return Drifted(Reason.BROKEN, local.broken)
    if local.locked:
        return Drifted(Reason.LOCKED, f"{local.locked} is there: another git works in it")
    if local.refs != expected.refs or local.head_oid != expected.head_oid:
        return Drifted(Reason.DRIFTED, "somebody works in it: it changed since the plan was made")
    return None


def _holds_work(runner: GitRunner, path: Path) -> Drifted | None:
    """What in a work tree is somebody's."""
    git_dir = git_dir_of(path, CopyKind.WORKTREE)
    for name, what in (("worktrees", "linked work trees"), ("modules", "submodules")):
        if (git_dir / name).is_dir() and any((git_dir / name).iterdir()):
            return Drifted(Reason.DRIFTED, f"it has {what}; delete it by hand")
    tree = inspect_worktree(runner, path, submodules=True)
    if tree.operation is not None:
        return Drifted(Reason.OPERATION, f"a {tree.operation} is not finished")
    if tree.changed or tree.conflicted:
        return Drifted(Reason.DIRTY, f"{tree.changed + tree.conflicted} changed files")
    others = ["ls-files", "--others", "--directory", "-z"]
    files = runner.run(others, cwd=path, personal=True).stdout.split(b"\0")[:-1]
    if files:
        return Drifted(Reason.UNTRACKED, f"{len(files)} untracked or ignored files are in it")
    if tree.stashes:
        return Drifted(Reason.UNPUSHED, "something is stashed in it")
    disk = refs_of(git_dir, runner)
    return _holds_commits(runner, path, disk) if disk.refs else None


def _holds_commits(runner: GitRunner, path: Path, disk: DiskRefs) -> Drifted | None:
    tags = [name for name in disk.refs if name.startswith("refs/tags/")]
    own = [t for t in tags if disk.refs.get(t.replace("refs/tags/", TAGS_SEEN, 1)) != disk.refs[t]]
    if own:
        return Drifted(Reason.UNPUSHED, f"tag {own[0].removeprefix('refs/tags/')!a} is its own")
    listing = ["rev-list", "--max-count=1", *_REACHABLE, *_UPSTREAMS]
    if runner.run(listing, cwd=path).stdout:
        return Drifted(Reason.UNPUSHED, "it has commits that upstream never had")
    return None
