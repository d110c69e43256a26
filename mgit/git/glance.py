"""Sees that a work tree is clean and current without starting git; or says nothing.

`git status` for a thousand work trees is a thousand processes, of which most find nothing. That
there is nothing is recognised here by the very signs that git goes by: each file's stat data is
as in the index, the index's tree is HEAD's, HEAD is where its upstream is, and no folder holds an
entry that is not tracked. One doubt, and git is asked: docs/adr/0031.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path

from mgit.errors import MgitError
from mgit.git.commits import tree_of
from mgit.git.disk import read_file
from mgit.git.runner import GitRunner
from mgit.git.staged import of_stat, read_index
from mgit.model import CopyKind, LocalRepo, WorkTree

# What may stand in a clone's configuration without a change to what `git status` says of a clean
# tree. Anything else is a doubt.
_KEYS = frozenset(
    {
        *("core.repositoryformatversion", "core.filemode", "core.bare", "core.logallrefupdates"),
        *("core.autocrlf", "core.eol", "core.safecrlf", "core.editor", "core.pager"),
        *("core.excludesfile", "core.abbrev", "core.quotepath", "core.commentchar"),
        *("core.compression", "core.whitespace", "core.sshcommand", "core.askpass"),
        # These are what mgit itself tells every git.
        *("core.fsmonitor", "core.fsync", "core.fsyncmethod", "core.hookspath"),
        *("core.protecthfs", "core.protectntfs"),
    }
)
_DOUBTFUL = re.compile(r"^(core|branch|remote|extensions|include|includeif|feature|index)\.")
_SECTION = re.compile(r'\[([A-Za-z0-9.-]+)(?: "([^"\\]*)")?\]')
_SETTING = re.compile(r"([A-Za-z][A-Za-z0-9-]*) = ([^\\\"#;]*)")
_FETCH = "+refs/heads/*:refs/remotes/origin/*"
_BEGUN = frozenset(
    {
        *("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"),
        *("BISECT_LOG", "sequencer", "commondir", "reftable", "origin", "config.worktree"),
    }
)
_STANDS = (
    "logs/refs/stash",
    "refs/replace",
    "refs/origin",
    "refs/heads/origin",
    "refs/tags/origin",
)
_PACKED = re.compile(rb" refs/(?:replace|origin|heads/origin|tags/origin)/")


def may_glance(runner: GitRunner, root: Path) -> bool:
    """Whether the person's own configuration leaves `git status` as it is. Asks git once.

    Args:
        runner: starts git.
        root: a folder that is no repository.
    """
    listing = ["config", "--list", "--name-only", "-z"]
    try:
        told = runner.run(listing, cwd=root, personal=True, check=False)
    except MgitError:
        return False
    names = told.stdout.decode("utf-8", "replace").lower().split("\0")
    return told.returncode == 0 and all(
        name in _KEYS or not _DOUBTFUL.match(name) for name in names
    )


def glance(place: str, local: LocalRepo) -> WorkTree | None:
    """The state of a clean work tree that is where its upstream is; None to ask git.

    Args:
        place: its folder.
        local: what was just read of it.
    """
    if local.kind is CopyKind.MIRROR or local.locked or local.broken or not local.head_oid:
        return None
    if local.head_branch is None or len(local.head_oid) != 40:
        return None
    try:
        upstream = _upstream(place, local.head_branch)
        if upstream is None or local.refs.refs.get(f"refs/heads/{upstream}") != local.head_oid:
            return None
        if not _is_ordinary(place) or not _is_clean(place, local.head_oid):
            return None
    except (OSError, ValueError):
        return None
    return WorkTree(local.head_branch, local.head_oid, f"origin/{upstream}", ahead=0, behind=0)


def _is_ordinary(place: str) -> bool:
    """Whether nothing is begun or put aside, and every name means what it says."""
    git_dir = f"{place}/.git"
    me = os.geteuid()
    if os.lstat(place).st_uid != me or os.lstat(git_dir).st_uid != me:  # safe.directory
        return False
    if not _BEGUN.isdisjoint(os.listdir(git_dir)):  # noqa: PTH208 - names alone
        return False
    if any(_stands(f"{git_dir}/{name}") for name in _STANDS):
        return False
    try:
        return _PACKED.search(read_file(f"{git_dir}/packed-refs")) is None
    except FileNotFoundError:
        return True


def _is_clean(place: str, head: str) -> bool:
    staged = read_index(f"{place}/.git/index")
    if staged is None or staged.tree != tree_of(f"{place}/.git", head):
        return False
    top = os.fsencode(place)
    folders: defaultdict[bytes, set[bytes]] = defaultdict(set)
    for path, wanted in staged.stats.items():
        if of_stat(os.lstat(top + b"/" + path)) != wanted:
            return False
        folder, _, name = path.rpartition(b"/")
        names = folders[folder]
        if not names and folder:
            _add_above(folders, folder)
        names.add(name)
    folders[b""].add(b".git")
    # Where each entry of each folder is tracked, nothing is untracked, whatever is ignored.
    return all(names.issuperset(os.listdir(top + b"/" + at)) for at, names in folders.items())  # noqa: PTH208


def _add_above(folders: defaultdict[bytes, set[bytes]], folder: bytes) -> None:
    while folder:
        above, _, name = folder.rpartition(b"/")
        folders[above].add(name)
        folder = above


def _upstream(place: str, branch: str) -> str | None:
    """The branch of `origin` that a branch follows; None where the configuration is not plain."""
    settings = _read_config(read_file(f"{place}/.git/config").decode("utf-8"))
    if settings is None:
        return None
    for section, _, key, value in settings:
        if section == "core":
            if f"core.{key}" not in _KEYS or (key == "bare" and value != "false"):
                return None
        elif section not in ("branch", "remote") and _DOUBTFUL.match(f"{section}."):
            return None
    remotes = _values(settings, "branch", branch, "remote")
    merges = _values(settings, "branch", branch, "merge")
    fetches = _values(settings, "remote", "origin", "fetch")
    heads = [one for one in fetches if not one.startswith("+refs/tags/")]
    if remotes != ["origin"] or heads != [_FETCH] or len(merges) != 1:
        return None
    return merges[0].removeprefix("refs/heads/") if merges[0].startswith("refs/heads/") else None


_Setting = tuple[str, str, str, str]


def _read_config(text: str) -> list[_Setting] | None:
    """Section, subsection, key and value of each line; None where one is not of the plainest."""
    settings: list[_Setting] = []
    section = name = ""
    for raw in text.split("\n"):
        line = raw.strip()
        if found := _SECTION.fullmatch(line):
            section, name = found[1].lower(), found[2] or ""
        elif found := _SETTING.fullmatch(line):
            settings.append((section, name, found[1].lower(), found[2].strip()))
        elif line and line[0] not in "#;":
            return None
    return settings


def _values(settings: list[_Setting], section: str, name: str, key: str) -> list[str]:
    return [one[3] for one in settings if one[:3] == (section, name, key)]


def _stands(path: str) -> bool:
    try:
        os.lstat(path)
    except OSError:
        return False
    return True
