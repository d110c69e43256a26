"""What a clone may hold beside its objects: contents that Git LFS keeps apart, submodules.

Neither makes a clone wrong when it cannot be had: LFS files then stay the pointers that they are
in the repository, submodules stay empty folders, and the outcome says so.
"""

from __future__ import annotations

from collections.abc import Callable

from mgit.address import CloneUrl
from mgit.errors import MgitError
from mgit.git.configuring import write_config
from mgit.git.fetching import same_url
from mgit.git.runner import GitRunner, Interrupted
from mgit.git.target import Target
from mgit.model import CopyKind

_DEADLINE = 3600.0
_Bring = Callable[[GitRunner, Target], str]

# What `git lfs install --local` writes. Its hooks (the person needs one to push) are added by
# git-lfs itself when it works in the clone; mgit runs none.
_FILTER = (
    ("filter.lfs.clean", "git-lfs clean -- %f"),
    ("filter.lfs.smudge", "git-lfs smudge -- %f"),
    ("filter.lfs.process", "git-lfs filter-process"),
    ("filter.lfs.required", "true"),
)


def bring_extras(runner: GitRunner, target: Target) -> str:
    """Bring LFS contents and submodules to what is checked out, where they are wanted.

    Args:
        runner: starts git.
        target: the clone; its options say what is wanted.

    Returns:
        What could not be had, one line for a person; empty when all is there.

    Raises:
        Interrupted: mgit is ending.
    """
    missing = []
    if target.options.lfs and (problem := _told(runner, target, _bring_lfs)):
        missing.append(f"LFS contents: {problem}")
    wanted = target.options.submodules and target.kind is CopyKind.WORKTREE
    if wanted and (target.path / ".gitmodules").is_file():
        problem = _told(runner, target, _bring_submodules)
        if problem:
            missing.append(f"submodules: {problem}")
    return "; ".join(missing)


def _told(runner: GitRunner, target: Target, bring: _Bring) -> str:
    try:
        return bring(runner, target)
    except Interrupted:
        raise
    except MgitError as error:
        return error.message


def _bring_lfs(runner: GitRunner, target: Target) -> str:
    if not runner.has_lfs:
        return "git-lfs is not installed, the files are pointers"
    url = target.repo.url
    config = [same_url(target.repo), *_lfs_config(url)]
    mirror = target.kind is CopyKind.MIRROR
    what = ["--all", "origin"] if mirror else ["origin", "HEAD"]
    runner.run(
        ["lfs", "fetch", *what],
        git_dir=target.git_dir,
        origin=url.origin,
        config=config,
        deadline=_DEADLINE,
    )
    if not mirror:
        for key, value in _FILTER:
            write_config(runner, target.git_dir, key, value)
        runner.run(["lfs", "checkout"], cwd=target.path, config=config, deadline=_DEADLINE)
    return ""


def _lfs_config(url: CloneUrl) -> list[tuple[str, str]]:
    """Keep git-lfs at the forge itself, whatever `.lfsconfig` or the clone's own settings say."""
    text = str(url).rstrip("/")
    endpoint = f"{text if text.endswith('.git') else f'{text}.git'}/info/lfs"
    config = [
        ("lfs.basicTransfersOnly", "true"),
        ("lfs.standaloneTransferAgent", ""),
        ("lfs.locksVerify", "false"),
    ]
    if url.origin.scheme != "ssh":  # over ssh the forge itself tells where its contents are
        config += [("lfs.url", endpoint), (f"lfs.{endpoint}.access", "basic")]
    return config


def _bring_submodules(runner: GitRunner, target: Target) -> str:
    """Check out the commits that the work tree names; it is clean, so that nobody works in them."""
    runner.run(
        ["submodule", "--quiet", "update", "--init", "--recursive", "--checkout"],
        cwd=target.path,
        origin=target.repo.url.origin,
        any_host=True,
        config=[same_url(target.repo)],
        deadline=_DEADLINE,
    )
    return ""
