"""What a plan's actions do to the disk. Each looks again just before it acts.

The root must be locked (`RootLock`) by the caller. Nothing a person made is destroyed: what is
not as the plan expected comes back as `Drifted`, and git's own refusals as `Done` with `held`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mgit.errors import RepositoryBroken
from mgit.git.advancing import advance
from mgit.git.damage import note
from mgit.git.effects import Done, Drifted, Effect
from mgit.git.extras import bring_extras
from mgit.git.fetching import fetch_refs
from mgit.git.identity import identity_of, read_identity, write_identity
from mgit.git.inspect import git_dir_of, read_local
from mgit.git.keeping import LossHeld
from mgit.git.making import Look, keep_config, made_aside
from mgit.git.places import obstruction, put
from mgit.git.relocate import archive, move
from mgit.git.runner import GitRunner
from mgit.git.target import Target
from mgit.model import (
    Clone,
    CopyKind,
    CopyOptions,
    FastForward,
    Fetch,
    Reason,
    RefSnapshot,
    RemoteRepo,
)

__all__ = ["Done", "Drifted", "Effect", "Look", "archive", "clone", "fast_forward", "fetch", "move"]


def clone(runner: GitRunner, root: Path, action: Clone, *, look: Look | None = None) -> Effect:
    """Make a clone aside and rename it to its folder when it is whole.

    Args:
        runner: starts git.
        root: the root.
        action: what and where to.
        look: asks upstream again when the clone came out without refs: a broken proxy that
            answers with nothing must not pass for an empty repository. Without it, an empty
            clone is only refused when the listing says that the repository is not empty.

    Raises:
        MgitError: git failed; nothing is left at the folder.
        OSError: the disk is full or read-only.
    """
    blocked = obstruction(root, action.folder)
    if blocked:
        return Drifted(Reason.OCCUPIED, blocked)
    with made_aside(runner, root, action.repo, action.kind, action.options, look) as made:
        blocked = obstruction(root, action.folder)
        if blocked:
            return Drifted(Reason.OCCUPIED, blocked)
        put(made.path, root / action.folder)
    return Done(refs_changed=made.refs, detail=made.detail, folder=action.folder)


def fetch(runner: GitRunner, root: Path, action: Fetch) -> Effect:
    """Bring a clone's refs up to date; a work tree's files are not touched.

    Raises:
        MgitError: git failed, or the clone is damaged.
    """
    drifted = _drift(runner, root, action.repo, action.folder, action.expects)
    if drifted is not None:
        return drifted
    target = _target(root / action.folder, action.kind, action)
    try:
        with _noting(target):
            fetched = fetch_refs(runner, target, action.upstream, action.guard)
    except LossHeld as held:
        return Drifted(held.loss.reason, held.message, held.loss)
    # What lies in a work tree did not change, so that nothing is missing there either.
    detail = bring_extras(runner, target) if action.kind is CopyKind.MIRROR else ""
    _remember(target)
    return Done(fetched.refs, action.held, detail, action.folder, kept=fetched.kept)


def fast_forward(runner: GitRunner, root: Path, action: FastForward) -> Effect:
    """Fetch where refs differ, then move the checked-out branch ahead to its upstream.

    Raises:
        MgitError: git failed, or the clone is damaged.
    """
    drifted = _drift(runner, root, action.repo, action.folder, action.expects)
    if drifted is not None:
        return drifted
    target = _target(root / action.folder, CopyKind.WORKTREE, action)
    changed = 0
    try:
        with _noting(target):
            if action.expects != action.upstream or not action.upstream.refs:
                changed = fetch_refs(runner, target, action.upstream, action.guard).refs
            _remember(target)
            held, detail = advance(runner, target, action)
    except LossHeld as lost:
        return Drifted(lost.loss.reason, lost.message, lost.loss)
    rewritten = held is None and bool(detail)  # all that `advance` has to say of a branch it moved
    if held is None:
        detail = "; ".join(filter(None, (detail, bring_extras(runner, target))))
    return Done(changed, held, detail, action.folder, rewritten=rewritten)


@contextmanager
def _noting(target: Target) -> Iterator[None]:
    """Remember damage that git finds: the next look at the clone, which is cheap, would not."""
    try:
        yield
    except RepositoryBroken as error:
        note(target.git_dir, error.message)
        raise


def _target(path: Path, kind: CopyKind, action: Fetch | FastForward) -> Target:
    """The clone as it is: shallow, partial or whole. LFS and submodules as they are wanted."""
    git_dir = git_dir_of(path, kind)
    known = read_identity(git_dir)
    kept = known.options if known is not None else CopyOptions()
    if not (git_dir / "shallow").is_file():  # somebody fetched the rest
        kept = replace(kept, depth=None)
    wanted = action.options
    options = replace(kept, lfs=wanted.lfs, submodules=wanted.submodules)
    return Target(path, kind, action.repo, options)


def _drift(
    runner: GitRunner, root: Path, repo: RemoteRepo, folder: str, expects: RefSnapshot
) -> Drifted | None:
    """What is different from when the plan was made; None when all is as it was.

    Raises:
        RepositoryBroken: the clone is damaged.
    """
    local = read_local(root, folder, runner)
    if local.broken and local.key is not None:
        raise RepositoryBroken(
            f"{folder} is damaged: {local.broken}",
            advice="move it away, and the next run makes a new clone",
        )
    if local.key != repo.key:
        return Drifted(Reason.DRIFTED, "the clone is not there any more")
    if local.refs != expects:
        return Drifted(Reason.DRIFTED, "its refs changed since the plan was made")
    return None


def _remember(target: Target) -> None:
    """Keep the identity file true: a source may have got another name, git-lfs its settings."""
    known = read_identity(target.git_dir)
    digest = keep_config(target.git_dir) if known is not None and known.config else ""
    identity = identity_of(target.repo, target.options, digest)
    if known is not None:
        # A move that was not possible is still to be done: only it records the new name and URL.
        identity = replace(identity, path=known.path, url=known.url)
    if known != identity:
        write_identity(target.git_dir, identity)
