"""The identity file: which repository of which forge a clone is, whatever its folder is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from mgit.address import CloneUrl, parse_clone_url
from mgit.credentials.files import write_private
from mgit.errors import InvalidInput, RepositoryBroken
from mgit.model import RemoteRepo, RepoKey, RepoPath

FILE_NAME = "mgit.json"
_MAX_BYTES = 64 * 1024


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    forge: str
    id: str
    source: str
    path: list[str]
    url: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What mgit wrote into a clone when it made or last renamed it."""

    key: RepoKey
    source: str
    path: RepoPath
    url: CloneUrl


def identity_of(repo: RemoteRepo) -> Identity:
    """The identity of a repository as it is listed today."""
    return Identity(repo.key, repo.source, repo.path, repo.url)


def read_identity(git_dir: Path) -> Identity | None:
    """Read the identity from a git directory; None when mgit did not make this clone.

    Raises:
        RepositoryBroken: there is one and it is malformed.
    """
    file = git_dir / FILE_NAME
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RepositoryBroken(f"{file} cannot be read: {error.strerror}") from None
    try:
        return _identity(msgspec.json.decode(content, type=_Document))
    except (msgspec.MsgspecError, InvalidInput) as error:
        raise RepositoryBroken(
            f"{file} is malformed: {error}", advice="move the clone away; mgit makes it again"
        ) from None


def write_identity(git_dir: Path, identity: Identity) -> None:
    """Write the identity; old or new, never half.

    Raises:
        OSError: the folder cannot be written.
    """
    path = identity.path
    document = _Document(
        version=1,
        forge=identity.key.forge,
        id=identity.key.id,
        source=identity.source,
        path=[part for part in (path.owner, path.project, path.name) if part is not None],
        url=str(identity.url),
    )
    write_private(git_dir / FILE_NAME, msgspec.json.encode(document) + b"\n")


def _identity(document: _Document) -> Identity:
    if document.version != 1:
        raise InvalidInput(f"version {document.version} is not known to this mgit")
    match document.path:
        case [owner, name]:
            path = RepoPath(owner, name)
        case [owner, project, name]:
            path = RepoPath(owner, name, project)
        case _:
            raise InvalidInput("its path has neither two nor three parts")
    key = RepoKey(document.forge, document.id)
    return Identity(key, document.source, path, parse_clone_url(document.url))
