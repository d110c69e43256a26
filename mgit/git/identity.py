"""The identity file: which repository of which forge a clone is, whatever its folder is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from mgit.address import CloneUrl, parse_clone_url
from mgit.credentials.files import write_private
from mgit.errors import InvalidInput, RepositoryBroken
from mgit.git.disk import read_file
from mgit.model import CopyOptions, RemoteRepo, RepoKey, RepoPath

FILE_NAME = "mgit.json"
_MAX_BYTES = 64 * 1024


_Depth = Annotated[int, msgspec.Meta(ge=1)]
_Filter = Annotated[str, msgspec.Meta(pattern=r"^[a-z]*(:[a-z0-9=]+)?$", max_length=40)]
_Digest = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")]


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    depth: _Depth | None = None
    filter: _Filter = ""
    lfs: bool = False
    submodules: bool = False


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    version: int
    forge: str
    id: str
    source: str
    path: list[str]
    url: str
    options: _Options = _Options()
    config: _Digest = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What mgit wrote into a clone when it made or last renamed it.

    Args:
        key: which repository it is.
        source: name of the source that listed it.
        path: what it was called.
        url: where it was cloned from.
        options: how much of it is kept.
        config: SHA-256 of the configuration file as mgit left it in a mirror, in hex; empty
            for work trees, whose configuration is the person's.
    """

    key: RepoKey
    source: str
    path: RepoPath
    url: CloneUrl
    options: CopyOptions = field(default_factory=CopyOptions)
    config: str = ""


def identity_of(repo: RemoteRepo, options: CopyOptions | None = None, config: str = "") -> Identity:
    """The identity of a repository as it is listed today."""
    return Identity(repo.key, repo.source, repo.path, repo.url, options or CopyOptions(), config)


def read_identity(git_dir: Path) -> Identity | None:
    """Read the identity from a git directory; None when mgit did not make this clone.

    Raises:
        RepositoryBroken: there is one and it is malformed.
    """
    file = f"{git_dir}/{FILE_NAME}"
    try:
        content = read_file(file, _MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RepositoryBroken(f"{file} cannot be read: {error.strerror}") from None
    try:
        return _identity(msgspec.json.decode(content, type=_Document))
    except (msgspec.MsgspecError, InvalidInput, UnicodeDecodeError, RecursionError) as error:
        raise RepositoryBroken(
            f"{file} is malformed: {error}", advice="move the clone away; mgit makes it again"
        ) from None


def write_identity(git_dir: Path, identity: Identity) -> None:
    """Write the identity; old or new, never half.

    Raises:
        OSError: the folder cannot be written.
    """
    path = identity.path
    kept = identity.options
    document = _Document(
        version=1,
        forge=identity.key.forge,
        id=identity.key.id,
        source=identity.source,
        path=[part for part in (path.owner, path.project, path.name) if part is not None],
        url=str(identity.url),
        options=_Options(kept.depth, kept.filter, kept.lfs, kept.submodules),
        config=identity.config,
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
    kept = document.options
    options = CopyOptions(kept.depth, kept.filter, kept.lfs, kept.submodules)
    url = parse_clone_url(document.url)
    return Identity(key, document.source, path, url, options, document.config)
