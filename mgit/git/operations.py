"""What a plan's actions do to the disk. Each looks again just before it acts.

The root must be locked (`RootLock`) by the caller. Nothing a person made is destroyed: what is
not as the plan expected comes back as `Drifted`, and git's own refusals as `Done` with `held`.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from mgit.address import CloneUrl
from mgit.errors import GitError, RepositoryBroken
from mgit.git.disk import REMOTE
from mgit.git.effects import Done, Drifted, Effect
from mgit.git.fetching import MIRROR_REFSPECS, TAGS_REFSPEC, Target, fetch_refs, same_url
from mgit.git.identity import identity_of, read_identity, write_identity
from mgit.git.inspect import git_dir_of, inspect_worktree, read_local, refs_of
from mgit.git.lock import INCOMING
from mgit.git.places import obstruction, put
from mgit.git.relocate import archive, move
from mgit.git.runner import GitRunner
from mgit.git.words import failure
from mgit.model import (
    Clone,
    CopyKind,
    FastForward,
    Fetch,
    Reason,
    RefSnapshot,
    RemoteRepo,
    WorkTree,
)

__all__ = ["Done", "Drifted", "Effect", "Look", "archive", "clone", "fast_forward", "fetch", "move"]

Look = Callable[[CloneUrl], RefSnapshot]
"""`RefsClient.ls_refs`: how a clone that came out empty is checked."""

_CHECKOUT_DEADLINE = 3600.0


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
    aside = root / INCOMING / secrets.token_hex(8)
    aside.parent.mkdir(parents=True, exist_ok=True)
    try:
        count = _make(runner, aside, action, look)
        blocked = obstruction(root, action.folder)
        if blocked:
            return Drifted(Reason.OCCUPIED, blocked)
        put(aside, root / action.folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Done(refs_changed=count, folder=action.folder)


def fetch(runner: GitRunner, root: Path, action: Fetch) -> Effect:
    """Bring a clone's refs up to date; a work tree's files are not touched.

    Raises:
        MgitError: git failed, or the clone is damaged.
    """
    drifted = _drift(runner, root, action.repo, action.folder, action.expects)
    if drifted is not None:
        return drifted
    path = root / action.folder
    changed = fetch_refs(runner, Target(path, action.kind, action.repo), action.upstream)
    _remember(git_dir_of(path, action.kind), action.repo)
    return Done(refs_changed=changed, held=action.held, folder=action.folder)


def fast_forward(runner: GitRunner, root: Path, action: FastForward) -> Effect:
    """Fetch where refs differ, then move the checked-out branch ahead to its upstream.

    Raises:
        MgitError: git failed, or the clone is damaged.
    """
    drifted = _drift(runner, root, action.repo, action.folder, action.expects)
    if drifted is not None:
        return drifted
    path = root / action.folder
    changed = 0
    if action.expects != action.upstream or not action.upstream.refs:
        target = Target(path, CopyKind.WORKTREE, action.repo)
        changed = fetch_refs(runner, target, action.upstream)
    _remember(path / ".git", action.repo)
    held, detail = _advance(runner, path, action)
    return Done(refs_changed=changed, held=held, detail=detail, folder=action.folder)


def _make(runner: GitRunner, aside: Path, action: Clone, look: Look | None) -> int:
    """Make the whole clone at `aside`; returns how many refs of upstream it has."""
    repo, mirror = action.repo, action.kind is CopyKind.MIRROR
    # For this one command only: the clone's own configuration stays an ordinary one, so that
    # the person's `git fetch` does what it always does.
    tags = [] if mirror else [("remote.origin.fetch", TAGS_REFSPEC)]
    runner.run(
        [
            "clone",
            "--bare" if mirror else "--no-checkout",
            "--origin=origin",
            "--template=",
            "--no-hardlinks",
            "--quiet",
            "--end-of-options",
            str(repo.url),
            str(aside),
        ],
        cwd=aside.parent,
        origin=repo.url.origin,
        config=[same_url(repo), *tags],
    )
    git_dir = git_dir_of(aside, action.kind)
    local = read_local(aside.parent, aside.name, runner)
    if local.broken:
        raise RepositoryBroken(f"the new clone of {repo.url} is damaged: {local.broken}")
    if not local.refs.refs:
        _believe_empty(repo, look)
    if mirror:
        _write_refspecs(git_dir)
    elif refs_of(git_dir, runner).head_oid is not None:
        runner.run(
            ["checkout", "--quiet", "--force", "--no-recurse-submodules"],
            cwd=aside,
            personal=True,
            deadline=_CHECKOUT_DEADLINE,
        )
    write_identity(git_dir, identity_of(repo))
    return len(local.refs.refs)


def _believe_empty(repo: RemoteRepo, look: Look | None) -> None:
    there = look(repo.url).refs if look is not None else {}
    if there or (look is None and repo.empty is False):
        raise GitError(
            f"the clone of {repo.url} came out empty, though the repository is not",
            advice="something between here and the forge answers wrongly; run mgit again",
        )


def _write_refspecs(git_dir: Path) -> None:
    """Let the person's own `git fetch` in a mirror do what mgit does. `clone --bare` does not."""
    lines = "".join(f"\tfetch = {refspec}\n" for refspec in MIRROR_REFSPECS)
    with (git_dir / "config").open("a", encoding="utf-8") as config:
        config.write(f'[remote "origin"]\n{lines}')


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


def _remember(git_dir: Path, repo: RemoteRepo) -> None:
    """Keep the identity file true to the listing (a source may have got another name)."""
    identity = identity_of(repo)
    if read_identity(git_dir) != identity:
        write_identity(git_dir, identity)


def _advance(runner: GitRunner, path: Path, action: FastForward) -> tuple[Reason | None, str]:
    """Move the branch; or say why it stays."""
    tree = inspect_worktree(runner, path)
    held, detail = _still_held(tree, action)
    if held is not None or tree.behind == 0:
        return held, detail
    if tree.oid is None and tree.branch != action.branch:
        # Nothing was ever committed here: the branch is but a name.
        runner.run(["symbolic-ref", "HEAD", f"refs/heads/{action.branch}"], cwd=path)
    target = f"{REMOTE}{action.branch}"
    result = runner.run(
        [
            "merge",
            "--ff-only",
            "--no-overwrite-ignore",  # by default git replaces ignored files without a word
            "--no-autostash",
            "--no-stat",
            "--quiet",
            target,
        ],
        cwd=path,
        personal=True,
        check=False,
        deadline=_CHECKOUT_DEADLINE,
    )
    if result.returncode != 0:
        return _refused_merge(f"git merge in {action.folder}", result.stderr, result.returncode)
    if tree.oid is None and tree.branch != action.branch:
        runner.run(["branch", "--quiet", f"--set-upstream-to=origin/{action.branch}"], cwd=path)
    return None, ""


def _still_held(tree: WorkTree, action: FastForward) -> tuple[Reason | None, str]:
    if tree.obstacle is not None:
        return tree.obstacle, "the work tree changed since the plan was made"
    moved = (tree.oid or "") != action.expects_oid
    elsewhere = tree.oid is not None and tree.branch != action.branch
    if moved or elsewhere:
        return Reason.DRIFTED, "another commit was checked out since the plan was made"
    if tree.ahead and tree.behind:
        return Reason.DIVERGED, "upstream was rewritten, or went another way than this branch"
    if tree.ahead:
        return Reason.UNPUSHED, f"{tree.ahead} to push"
    return None, ""


def _refused_merge(what: str, messages: str, returncode: int) -> tuple[Reason, str]:
    """Git would have had to overwrite something of the person's, and did not.

    Raises:
        MgitError: it failed for another reason.
    """
    if "would be overwritten" in messages:
        # git lists the files below that line, each after a tab.
        names = [line[2:] for line in messages.split("\n") if line.startswith("\\t")]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return Reason.DIRTY, f"in the way: {names[0]}{more}" if names else "files are in the way"
    raise failure(what, messages, returncode)
