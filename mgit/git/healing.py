"""Clones a damaged repository anew and swaps it in; the old one is set aside, never deleted.

What can be put right without the network is put right where it is: a mirror's configuration, the
half-written files of a git that was killed.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mgit.git.damage import (
    CONFIG_CHANGED,
    LEFT_BEHIND,
    leftovers,
    remove_half_packed,
    stale_locks,
)
from mgit.git.effects import Done, Drifted, Effect
from mgit.git.fetching import fetch_refs
from mgit.git.identity import read_identity
from mgit.git.inspect import git_dir_of, read_local
from mgit.git.keeping import LossHeld
from mgit.git.lock import QUARANTINE
from mgit.git.making import Look, made_aside, restore_config
from mgit.git.places import free_place, is_below_links, put
from mgit.git.runner import GitRunner
from mgit.git.target import Target
from mgit.model import CopyKind, Heal, LocalRepo, Reason


def heal(runner: GitRunner, root: Path, action: Heal, *, look: Look) -> Effect:
    """Clone beside; when that is whole, quarantine the damaged clone and swap.

    Killed between the two renames, the folder is free and the next run makes the clone.

    Args:
        runner: starts git.
        root: the root, locked by the caller.
        action: what to heal.
        look: asks upstream for its refs.

    Raises:
        MgitError: upstream cannot be cloned; the damaged clone is where it was.
        OSError: the disk is full or read-only.
    """
    local = read_local(root, action.folder, runner)
    refused = _refused(root, action, local)
    if refused is not None:
        return refused
    if local.broken in (CONFIG_CHANGED, LEFT_BEHIND):
        mended = _mend(runner, root, action, local, look)
        if mended is not None:
            return mended
    path = root / action.folder
    with made_aside(runner, root, action.repo, action.kind, action.options, look) as made:
        aside = free_place(root, f"{QUARANTINE}/{action.folder}")
        put(path, root / aside)
        try:
            put(made.path, path)
        except OSError:
            with suppress(OSError):
                put(root / aside, path)
            raise
    detail = f"the damaged clone ({local.broken}) is in {aside}"
    detail = "; ".join(filter(None, (detail, made.detail)))
    return Done(refs_changed=made.refs, detail=detail, folder=action.folder)


def _refused(root: Path, action: Heal, local: LocalRepo) -> Drifted | None:
    """Why it must stay as it is."""
    path = root / action.folder
    if is_below_links(root, action.folder) or not path.is_dir():
        return Drifted(Reason.DRIFTED, "the clone is not there any more")
    if not local.broken:
        return Drifted(Reason.DRIFTED, "it is sound again")
    if local.key not in (None, action.repo.key):
        return Drifted(Reason.DRIFTED, "another repository is there now")
    if (path / ".git").is_file():
        return Drifted(Reason.FOREIGN, local.broken)
    if local.locked:
        return Drifted(Reason.LOCKED, f"{local.locked} is there: another git works in it")
    worktrees = git_dir_of(path, local.kind) / "worktrees"
    if worktrees.is_dir() and any(worktrees.iterdir()):
        return Drifted(Reason.BROKEN, "linked work trees hang on it; mend it by hand")
    return None


def _mend(runner: GitRunner, root: Path, action: Heal, local: LocalRepo, look: Look) -> Done | None:
    """Put it right where it is, and bring it up to date; None when that is not enough."""
    path = root / action.folder
    git_dir = git_dir_of(path, local.kind)
    if local.broken == CONFIG_CHANGED:
        aside = free_place(root, f"{QUARANTINE}/{action.folder}.config")
        if not restore_config(git_dir, root / aside):
            return None
        detail = f"its configuration is as mgit wrote it again; the changed one is in {aside}"
    else:
        names = [path.name for path in git_dir.iterdir()]
        for file in [*leftovers(git_dir), *stale_locks(git_dir, names)]:
            file.unlink(missing_ok=True)
        remove_half_packed(git_dir)
        detail = "half-written files of a killed git were removed"
    local = read_local(root, action.folder, runner)
    known = read_identity(git_dir)
    if local.broken or known is None or local.kind is not CopyKind.MIRROR:
        return None
    upstream = look(action.repo.url)
    changed = 0
    if upstream.refs and (upstream.refs != local.refs.refs or upstream.head != local.refs.head):
        target = Target(path, local.kind, action.repo, known.options)
        with suppress(LossHeld):  # it is sound again; what upstream took back is for the next run
            changed = fetch_refs(runner, target, upstream).refs
    return Done(refs_changed=changed, detail=detail, folder=action.folder)
