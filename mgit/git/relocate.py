"""Moves whole clones: to their new name, or out of the way."""

from __future__ import annotations

from pathlib import Path

from mgit.git.configuring import write_config
from mgit.git.effects import Done, Drifted, Effect
from mgit.git.identity import identity_of, read_identity, write_identity
from mgit.git.inspect import git_dir_of, read_local
from mgit.git.making import keep_config
from mgit.git.places import obstruction, put, remove_empty_parents
from mgit.git.runner import GitRunner
from mgit.model import Archive, CopyKind, LocalRepo, Move, Reason, RemoteRepo, RepoKey

_MANY = 1000


def move(runner: GitRunner, root: Path, action: Move) -> Effect:
    """Move a clone to its new place; record its new name and URL.

    The rename comes first: killed after it, the next run finds the old name in the new folder
    and finishes the job.

    Raises:
        MgitError: git failed.
        OSError: the rename failed.
    """
    local = read_local(root, action.folder, runner)
    drifted = _is_ours(local, action.repo.key)
    if drifted is not None:
        return drifted
    if action.to != action.folder:
        blocked = _rename(root, action.folder, action.to)
        if blocked:
            return Drifted(Reason.OCCUPIED, blocked)
    path = root / action.to
    if local.kind is CopyKind.WORKTREE and (path / ".git" / "worktrees").is_dir():
        runner.run(["worktree", "repair"], cwd=path)  # linked work trees point to the old place
    _point_to(runner, path, local.kind, action.repo)
    _rename_identity(git_dir_of(path, local.kind), action.repo)
    return Done(folder=action.to)


def archive(runner: GitRunner, root: Path, action: Archive) -> Effect:
    """Set a clone aside, whole, below mgit's own folder. Nothing is deleted.

    Raises:
        OSError: the rename failed.
    """
    local = read_local(root, action.folder, runner)
    if action.local.key is None:
        return Drifted(Reason.FOREIGN, "mgit did not make this repository")
    drifted = _is_ours(local, action.local.key)
    if drifted is not None:
        return drifted
    if local.refs != action.local.refs or local.head_oid != action.local.head_oid:
        return Drifted(Reason.DRIFTED, "somebody works in it: it changed since the plan was made")
    for number in range(1, _MANY):
        to = action.to if number == 1 else f"{action.to}~{number}"
        if not obstruction(root, to):
            put(root / action.folder, root / to)
            remove_empty_parents(root, action.folder)
            return Done(folder=to)
    return Drifted(Reason.OCCUPIED, f"{action.to} and all its numbers are taken")


def _rename_identity(git_dir: Path, repo: RemoteRepo) -> None:
    known = read_identity(git_dir)
    digest = keep_config(git_dir) if known is not None and known.config else ""
    options = None if known is None else known.options
    write_identity(git_dir, identity_of(repo, options, digest))


def _is_ours(local: LocalRepo, key: RepoKey) -> Drifted | None:
    if local.key != key:
        return Drifted(Reason.DRIFTED, "the clone is not there any more")
    if local.broken:
        return Drifted(Reason.BROKEN, local.broken)
    return None


def _rename(root: Path, folder: str, to: str) -> str:
    """Rename a clone; returns why not, empty when it was done."""
    source, target = root / folder, root / to
    if f"{to}/".startswith(f"{folder}/"):
        # Into a folder of its own old name: step aside first. Killed there, it is found again.
        aside = source.with_name(f"{source.name}~moving")
        blocked = obstruction(root, str(aside.relative_to(root)))
        if blocked:
            return blocked
        put(source, aside)
        source = aside
    elif not _is_same(source, target):  # Foo -> foo where case does not count
        blocked = obstruction(root, to)
        if blocked:
            return blocked
    put(source, target)
    remove_empty_parents(root, folder)
    return ""


def _is_same(source: Path, target: Path) -> bool:
    return target.exists() and source.samefile(target)


def _point_to(runner: GitRunner, path: Path, kind: CopyKind, repo: RemoteRepo) -> None:
    """Give the remote its new URL, unless the person had set one of their own."""
    git_dir = git_dir_of(path, kind)
    known = read_identity(git_dir)
    old, new = None if known is None else str(known.url), str(repo.url)
    if old == new:
        return
    current = runner.run(
        ["config", "--local", "--get-all", "remote.origin.url"], git_dir=git_dir, check=False
    )
    if current.stdout.decode("utf-8", "surrogateescape").rstrip("\n") == old:
        write_config(runner, git_dir, "remote.origin.url", new)
