"""A list of clone URLs in a file, for repositories that no API lists.

The file, TOML 1.0::

    version = 1
    repos = ["https://git.example.com/team/tool.git"]     # the short form

    [[repo]]                                              # and the long one
    url = "ssh://git@git.example.com/deep/down/below/tool.git"
    name = "deep/tool"
    default_branch = "trunk"
    topics = ["legacy"]

A TOML file has its short form first; both may be used together.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NoReturn

import msgspec

from mgit.address import CloneUrl, Origin, parse_clone_url
from mgit.errors import ConfigurationError, InvalidInput
from mgit.forges.checks import checked_branch, checked_path
from mgit.forges.interface import Account, ForgeContext
from mgit.model import Listing, RemoteRepo, RepoKey, RepoPath

_MAX_BYTES = 8 * 1024 * 1024
_MOST_PARTS = 3


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    name: str | None = None
    default_branch: str | None = None
    topics: list[str] = []


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    repos: list[str] = []
    repo: list[_Entry] = []


class Manifest:
    """A `Forge` without a forge: nothing is asked of the network.

    Args:
        context: with a `file`.

    Raises:
        ConfigurationError: no file is named.
    """

    def __init__(self, context: ForgeContext) -> None:
        if context.file is None:
            raise ConfigurationError(
                f"source {context.source!a} names no manifest",
                advice=f'add file = "…" to [sources.{context.source}]',
            )
        self._context = context
        self._file = context.file

    @property
    def git_origin(self) -> Origin | None:
        """See `Forge`: the one origin of all https URLs, None where there are several or none."""
        origins = {repo.url.origin for repo in self._repos() if repo.url.origin.scheme != "ssh"}
        return origins.pop() if len(origins) == 1 else None

    @property
    def git_username(self) -> str:
        """See `Forge`."""
        credential = self._context.credential
        return credential.username if credential and credential.username else "mgit"

    def list_repos(self) -> Listing:
        """See `Forge`. Read again on each call, whole or not at all."""
        return Listing(self._context.source, self._repos())

    def whoami(self) -> Account:
        """See `Forge`: a file has no accounts."""
        self._repos()
        return Account(login="")

    def _repos(self) -> tuple[RemoteRepo, ...]:
        text = _read(self._file)
        lines = _Lines(self._file, text)
        seen: dict[RepoKey, str] = {}
        repos = []
        for entry in _entries(self._file, text):
            try:
                repo = self._repo(entry)
            except InvalidInput as error:
                lines.refuse(entry.url, error.message, error.advice)
            if repo.key in seen:
                lines.refuse(entry.url, f"names the same repository as {seen[repo.key]!a}")
            seen[repo.key] = entry.url
            repos.append(repo)
        return tuple(repos)

    def _repo(self, entry: _Entry) -> RemoteRepo:
        url = parse_clone_url(entry.url)
        path = _named(entry.name) if entry.name is not None else _derived(url)
        return RemoteRepo(
            key=RepoKey(url.origin.authority, url.path.removesuffix(".git")),
            source=self._context.source,
            path=path,
            url=url,
            default_branch=checked_branch(entry.default_branch),
            topics=tuple(entry.topics),
        )


class _Lines:
    """Finds the line of an entry again, to point at it."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._text = text

    def refuse(self, url: str, message: str, advice: str = "") -> NoReturn:
        line = 1 + self._text.rpartition(url)[0].count("\n") if url in self._text else 0
        place = f"{self._file}, line {line}" if line else str(self._file)
        raise ConfigurationError(
            f"{place}: {_subject(url)}{message}", advice=advice or "correct that entry"
        )


def _subject(text: str) -> str:
    """The URL, where it could be read; else the message shows it, without its password."""
    try:
        return f"{parse_clone_url(text)}: "
    except InvalidInput:
        return ""


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise ConfigurationError(
            f"the manifest {file} cannot be read: {error.strerror}",
            advice="check `file` of the source, and its permissions",
        ) from error
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"the manifest {file} is not UTF-8 text", advice="save it as UTF-8"
        ) from None
    if len(raw) > _MAX_BYTES:
        raise ConfigurationError(
            f"the manifest {file} is larger than 8 MiB", advice="split it into several sources"
        )
    return text


def _entries(file: Path, text: str) -> list[_Entry]:
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of 5000 digits
        raise ConfigurationError(
            f"the manifest {file} is not valid TOML: {error}", advice="correct that line"
        ) from None
    try:
        content = msgspec.convert(tree, _File)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"the manifest {file} is not as it should be: {error}",
            advice='write `version = 1` and one [[repo]] with url = "https://…" for each',
        ) from None
    if content.version != 1:
        raise ConfigurationError(
            f"the manifest {file} has version {content.version}; this mgit reads version 1",
            advice="update mgit, or write version = 1",
        )
    return [*(_Entry(url) for url in content.repos), *content.repo]


def _named(name: str) -> RepoPath:
    parts = name.split("/")
    match parts:
        case [owner, repo]:
            return checked_path(owner, repo)
        case [owner, project, repo]:
            outer = checked_path(owner, repo)
            return RepoPath(outer.owner, outer.name, checked_path(owner, project).name)
        case _:
            raise InvalidInput(
                f"the name {name[:80]!a} is not owner/name or owner/project/name",
                advice='write name = "owner/name"',
            )


def _derived(url: CloneUrl) -> RepoPath:
    """`owner/name` from the URL's own path."""
    parts = url.path.removesuffix(".git").split("/")
    if len(parts) == 1:
        parts = [url.origin.host, *parts]
    if len(parts) > _MOST_PARTS:
        raise InvalidInput(
            f"the path of {url} is too deep to tell an owner from it",
            advice='name it: [[repo]] with url = "…" and name = "owner/name"',
        )
    return _named("/".join(parts))
