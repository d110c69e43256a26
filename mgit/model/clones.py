"""What is found on disk: clones and their work trees."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from mgit.address import CloneUrl
from mgit.model.reasons import Reason
from mgit.model.upstream import RefSnapshot, RepoKey, RepoPath


class CopyKind(StrEnum):
    """What sort of clone is kept."""

    WORKTREE = "worktree"
    MIRROR = "mirror"


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How much of a repository is kept, beside its kind.

    Args:
        depth: commits from each tip that are kept (a shallow clone), None for all.
        filter: objects that are left upstream until needed (a partial clone), in git's words:
            `blob:none`, `blob:limit=1m`, `tree:0`; empty for none.
        lfs: fetch the contents that Git LFS keeps apart, where git-lfs is installed.
        submodules: check out submodules of a work tree.
    """

    depth: int | None = None
    filter: str = ""
    lfs: bool = False
    submodules: bool = False


class Operation(StrEnum):
    """Something a person began in a work tree and has not ended."""

    MERGE = "merge"
    REBASE = "rebase"
    CHERRY_PICK = "cherry-pick"
    REVERT = "revert"
    BISECT = "bisect"


@dataclass(frozen=True, slots=True)
class WorkTree:
    """State of a work tree, from `git status --porcelain=v2 --branch`.

    Args:
        branch: checked-out branch without `refs/heads/`, None when detached.
        upstream: its remote-tracking branch, for example `origin/main`, None without one.
        ahead: commits of its own; None when there is nothing to compare with.
        behind: commits it lacks; None when there is nothing to compare with.
        changed: tracked paths with staged or unstaged changes.
        untracked: paths that git does not know.
        conflicted: unmerged paths.
        stashes: entries in the stash.
        operation: an unfinished merge, rebase, …
        rewritten: what it is ahead by came from upstream, which has rewritten its branch since;
            nothing of it is the person's own.
    """

    branch: str | None
    oid: str | None
    upstream: str | None = None
    ahead: int | None = None
    behind: int | None = None
    changed: int = 0
    untracked: int = 0
    conflicted: int = 0
    stashes: int = 0
    operation: Operation | None = None
    rewritten: bool = False

    @property
    def obstacle(self) -> Reason | None:
        """What forbids to move it, whatever upstream has; None: nothing of the person's.

        Untracked files are none: git itself refuses to overwrite them.
        """
        if self.operation is not None:
            return Reason.OPERATION
        if self.branch is None:
            return Reason.DETACHED
        return Reason.DIRTY if self.changed or self.conflicted else None


@dataclass(frozen=True, slots=True)
class LocalRepo:
    """One clone found on disk.

    Args:
        folder: POSIX path relative to the root.
        kind: work tree or mirror.
        key: identity recorded by mgit in it; None for a repository that mgit did not make.
        url: where it was cloned from, as recorded by mgit.
        refs: what it holds of the upstream (`refs/remotes/origin/*` in upstream names for a work
            tree), read from disk without starting git.
        head_branch: branch HEAD points to (without `refs/heads/`), None when detached.
        head_oid: commit of HEAD, None when unborn.
        worktree: looked at only where a decision needs it.
        broken: what is wrong with it, empty when it looks sound.
        source: name of the source that listed it, as recorded by mgit; empty when unknown.
        path: what it was called when mgit last saw it upstream, as recorded by mgit.
        locked: the lock of another git that is in it, for example `index.lock`; empty for none.
        options: how much of the repository it keeps.
    """

    folder: str
    kind: CopyKind
    key: RepoKey | None
    url: CloneUrl | None = None
    refs: RefSnapshot = field(default_factory=RefSnapshot)
    head_branch: str | None = None
    head_oid: str | None = None
    worktree: WorkTree | None = None
    broken: str = ""
    source: str = ""
    path: RepoPath | None = None
    locked: str = ""
    options: CopyOptions = field(default_factory=CopyOptions)
