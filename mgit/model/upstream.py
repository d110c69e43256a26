"""What forges tell: repositories, listings, refs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mgit.address import CloneUrl


@dataclass(frozen=True, slots=True, order=True)
class RepoKey:
    """What a repository *is*, whatever it is called today.

    Args:
        forge: authority of the forge that knows it, for example `github.com`.
        id: the forge's own stable id as text; for a manifest the path of its clone URL.
    """

    forge: str
    id: str

    def __str__(self) -> str:
        return f"{self.forge}#{self.id}"


@dataclass(frozen=True, slots=True, order=True)
class RepoPath:
    """What a repository is called today: `owner/name` or `owner/project/name`."""

    owner: str
    name: str
    project: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.owner, self.project, self.name) if part is not None)


class Visibility(StrEnum):
    PUBLIC = "public"
    INTERNAL = "internal"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class RemoteRepo:
    """One repository as a forge lists it.

    Args:
        key: its identity.
        source: name of the configured source that listed it.
        path: its name today.
        url: where git fetches it.
        default_branch: branch name without `refs/heads/`, None if the forge does not say.
        size_kib: the forge's own figure in KiB, a hint.
        pushed_at: the forge's time of the last push (aware), a hint.
        unavailable: why the forge will not serve it (disabled, in maintenance), else None.
        topics: labels that its people gave it, in the forge's order.
        language: main programming language as the forge names it, None if it does not say.
        wiki: where its wiki is fetched, None where the forge knows of none; whether anything is
            there is asked of git.
        wiki_of: the repository whose wiki this is, None for a repository of its own.
    """

    key: RepoKey
    source: str
    path: RepoPath
    url: CloneUrl
    default_branch: str | None = None
    archived: bool = False
    fork: bool = False
    empty: bool | None = None
    visibility: Visibility | None = None
    size_kib: int | None = None
    pushed_at: datetime | None = None
    unavailable: str | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None
    wiki: CloneUrl | None = None
    wiki_of: RepoKey | None = None


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Why a source could not be listed, or not all of it.

    Args:
        source: its configured name.
        message: what went wrong, one line for a person, free of secrets.
        advice: what to do next; may be empty.
        exit_code: what this asks the whole run to return (see `mgit.errors.ExitCode`).
    """

    source: str
    message: str
    advice: str = ""
    exit_code: int = 4


@dataclass(frozen=True, slots=True)
class Listing:
    """What one source answered.

    Args:
        source: its configured name.
        repos: what it listed.
        complete: False when a page failed: then nothing may be concluded from an absence.
        problem: what went wrong, in words for a person; empty when complete.
        advice: what to do about the problem; may be empty.
        exit_code: what the problem asks the whole run to return (see `mgit.errors.ExitCode`);
            meaningless without a problem.
        malformed: entries and answers that were refused, because no forge may say such a thing.
    """

    source: str
    repos: tuple[RemoteRepo, ...]
    complete: bool = True
    problem: str = ""
    advice: str = ""
    exit_code: int = 4
    malformed: int = 0

    @property
    def failure(self) -> SourceProblem | None:
        """The problem as `Plan.problems` carries it, None where there is none."""
        if not self.problem:
            return None
        return SourceProblem(self.source, self.problem, self.advice, self.exit_code)


@dataclass(frozen=True, slots=True)
class RefSnapshot:
    """Branches, tags and HEAD of one repository, in the upstream's names.

    Args:
        refs: full ref name (`refs/heads/…`, `refs/tags/…`) -> object id in hex.
        head: full ref name that HEAD points to, None when detached or unborn and unknown.
    """

    refs: Mapping[str, str] = field(default_factory=dict)
    head: str | None = None
