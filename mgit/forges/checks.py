"""What a forge says about a repository is hostile until it has been through here. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from mgit.address import CloneUrl, Origin, parse_clone_url
from mgit.errors import InvalidInput
from mgit.model import RepoPath

_MAX_NAME = 1024
_MAX_DEPTH = 32  # GitLab's groups end at 20
# git-check-ref-format(1), for a branch without refs/heads/.
_BAD_BRANCH = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|/\.|\.$|/$|\.lock(/|$)|^@$|^HEAD$"
)


def checked_path(owner: str, name: str, project: str | None = None) -> RepoPath:
    """A repository's name, of which each part can stand in a path.

    Strange characters are let through: the layout encodes them.

    Args:
        owner: the outermost part.
        name: the innermost.
        project: what is between, several parts with `/`; None for nothing.

    Raises:
        InvalidInput: a part that is empty, climbs, or holds a separator; too long or too deep.
    """
    between = [] if project is None else project.split("/")
    for part in (owner, *between, name):
        if part in ("", ".", "..") or len(part) > _MAX_NAME or re.search(r"[/\\\x00]", part):
            raise InvalidInput(f"the name {part[:80]!a} cannot be used")
    if len(between) > _MAX_DEPTH:
        raise InvalidInput(f"the name {name[:80]!a} is {len(between)} groups deep")
    return RepoPath(owner, name, project)


def checked_group(text: str) -> str:
    """The name of an owner that may stand inside others: `group/subgroup`.

    Raises:
        InvalidInput: as `checked_path`.
    """
    owner, _, inner = text.partition("/")
    checked_path(owner, "any", inner if "/" in text else None)
    return text


def checked_url(text: str, allowed: Origin) -> CloneUrl:
    """A clone URL that leads to the forge's own git and nowhere else.

    Raises:
        InvalidInput: malformed, or it leads to another scheme, host or port.
    """
    url = parse_clone_url(text)
    if url.origin != allowed:
        raise InvalidInput(f"its clone URL leads to {url.origin} and not to {allowed}")
    return url


def checked_branch(name: str | None) -> str | None:
    """A branch name that git would allow; None where there is none.

    Raises:
        InvalidInput: git would not allow it.
    """
    if not name:
        return None
    if len(name) > _MAX_NAME or _BAD_BRANCH.search(name):
        raise InvalidInput(f"the branch name {name[:80]!a} is none that git allows")
    return name


def sane_time(moment: datetime | None) -> datetime | None:
    """A time that a push can have; forges write the year 1 for one that is not set."""
    return moment if moment is not None and moment.year > 1970 else None
