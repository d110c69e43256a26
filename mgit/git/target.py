"""One clone that is fetched into."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mgit.address import Origin
from mgit.git.inspect import git_dir_of
from mgit.model import CopyKind, CopyOptions, RemoteRepo


@dataclass(frozen=True, slots=True)
class Target:
    """One clone to fetch into.

    Args:
        path: its folder.
        kind: work tree or mirror.
        repo: what it is a clone of.
        options: how much of it is kept.
    """

    path: Path
    kind: CopyKind
    repo: RemoteRepo
    options: CopyOptions = field(default_factory=CopyOptions)

    @property
    def git_dir(self) -> Path:
        """Where its refs are."""
        return git_dir_of(self.path, self.kind)

    @property
    def lazy_origin(self) -> Origin | None:
        """Where git gets what a partial clone lacks while it checks out; None for a whole one."""
        return self.repo.url.origin if self.options.filter else None
