"""Reads the refs of a clone without starting git: HEAD, packed-refs and loose refs.

gitrepository-layout(5), git-pack-refs(1). Reftables are read by `mgit.git.reftable`. What is not
laid out like either (a linked work tree) raises `NotPlain`, and the caller asks git.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from mgit.errors import RepositoryBroken
from mgit.git import quick
from mgit.model import CopyKind, RefSnapshot

TAGS_SEEN = "refs/mgit/tags/"
"""Where a work tree keeps upstream's tags, apart from the person's own in `refs/tags/`."""

REMOTE = "refs/remotes/origin/"
_OID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
_MAX_LOOSE = 4096
_CHUNK = 256 * 1024
_MAX_DEPTH = 5


class NotPlain(Exception):
    """The refs are not kept in plain files."""


@dataclass(frozen=True, slots=True)
class DiskRefs:
    """All refs of one git directory, as they are on disk.

    Args:
        refs: full name -> object id; symbolic refs resolved, dangling ones left out.
        symbolic: full name -> target, HEAD included.
        head_oid: commit of HEAD, None when unborn.
    """

    refs: dict[str, str] = field(default_factory=dict)
    symbolic: dict[str, str] = field(default_factory=dict)
    head_oid: str | None = None

    @property
    def head_branch(self) -> str | None:
        """Branch that HEAD points to, born or not; None when detached."""
        target = self.symbolic.get("HEAD", "")
        return target.removeprefix("refs/heads/") if target.startswith("refs/heads/") else None


def read_refs(git_dir: Path) -> DiskRefs:
    """Read every ref and HEAD.

    Raises:
        NotPlain: see there.
        RepositoryBroken: HEAD or a ref is malformed.
    """
    place = os.fspath(git_dir)
    if _stands(f"{place}/commondir"):
        raise NotPlain(place)
    if _stands(f"{place}/reftable"):
        return _from_reftables(Path(place))
    direct: dict[str, str] = {}
    symbolic: dict[str, str] = {}
    # Loose refs first, as git does: one that is packed meanwhile is then seen twice, never missed.
    _loose(place, "refs", direct, symbolic)
    direct = _packed(place) | direct
    head_oid = _head(place, symbolic)
    for name, target in symbolic.items():
        oid = _resolve(target, direct, symbolic)
        if name == "HEAD":
            head_oid = oid
        elif oid is not None:
            direct[name] = oid
    return DiskRefs(direct, symbolic, head_oid)


def _from_reftables(git_dir: Path) -> DiskRefs:
    from mgit.git.reftable import read_stack  # few clones have any

    records = read_stack(git_dir / "reftable")
    names = [name for name in records if name == "HEAD" or name.startswith("refs/")]
    direct = {name: records[name].oid for name in names if records[name].oid}
    symbolic = {name: records[name].target for name in names if records[name].target}
    if "HEAD" not in names:
        raise RepositoryBroken("HEAD is missing")
    head_oid = direct.pop("HEAD", None)
    for name, target in symbolic.items():
        oid = _resolve(target, direct, symbolic)
        if name == "HEAD":
            head_oid = oid
        elif oid is not None:
            direct[name] = oid
    return DiskRefs(direct, symbolic, head_oid)


def snapshot(disk: DiskRefs, kind: CopyKind) -> RefSnapshot:
    """What a clone holds of its upstream, in upstream's names.

    A mirror's refs are upstream's. In a work tree the branches are `refs/remotes/origin/*`, the
    tags those that mgit saw upstream (`TAGS_SEEN`) and that are really there under their name.
    """
    if kind is CopyKind.MIRROR:
        refs = {n: o for n, o in disk.refs.items() if n.startswith(("refs/heads/", "refs/tags/"))}
        head = disk.symbolic.get("HEAD")
    else:
        refs = {}
        for name, oid in disk.refs.items():
            if name.startswith(REMOTE) and name != f"{REMOTE}HEAD":
                refs[f"refs/heads/{name.removeprefix(REMOTE)}"] = oid
            elif name.startswith(TAGS_SEEN):
                tag = f"refs/tags/{name.removeprefix(TAGS_SEEN)}"
                if tag in disk.refs:
                    refs[tag] = oid
        target = disk.symbolic.get(f"{REMOTE}HEAD", "")
        head = f"refs/heads/{target.removeprefix(REMOTE)}" if target.startswith(REMOTE) else None
    refs.pop("refs/heads/HEAD", None)
    return RefSnapshot(refs, head if head in refs else None)


def read_file(path: str, most: int | None = None) -> bytes:
    """A small file's content, up to `most` bytes of it.

    A third of what `open` and its layers cost: a run that finds nothing changed reads three files
    for each repository and does little else.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if most is not None:
            return os.read(descriptor, most)
        content = os.read(descriptor, _CHUNK)
        if len(content) == _CHUNK:
            parts = [content]
            while part := os.read(descriptor, _CHUNK):
                parts.append(part)
            content = b"".join(parts)
        return content
    finally:
        os.close(descriptor)


def _stands(path: str) -> bool:
    """Whether something is there."""
    try:
        os.lstat(path)
    except OSError:
        return False
    return True


def _packed(place: str) -> dict[str, str]:
    try:
        text = read_file(f"{place}/packed-refs").decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RepositoryBroken(f"packed-refs cannot be read: {error.strerror}") from None
    known = quick.packed_refs(text)
    return parse_packed(text) if known is None else known


def parse_packed(text: str) -> dict[str, str]:
    """Read `packed-refs`.

    Raises:
        RepositoryBroken: a line of it is malformed.
    """
    refs: dict[str, str] = {}
    for line in text.split("\n"):
        if not line or line[0] in "#^":
            continue
        oid, _, name = line.partition(" ")
        if not _OID.fullmatch(oid) or not name.startswith("refs/"):
            raise RepositoryBroken(f"packed-refs holds the malformed line {line[:80]!a}")
        refs[name] = oid
    return refs


def _loose(place: str, name: str, direct: dict[str, str], symbolic: dict[str, str]) -> None:
    try:
        entries = list(os.scandir(f"{place}/{name}"))
    except OSError as error:
        raise RepositoryBroken(f"{name} cannot be read: {error.strerror}") from None
    for entry in entries:
        child = f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            _loose(place, child, direct, symbolic)
        elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(".lock"):
            _one(entry.path, child, direct, symbolic)
        elif entry.is_symlink():
            raise NotPlain(child)  # how git wrote symbolic refs twenty years ago


def _one(path: str, name: str, direct: dict[str, str], symbolic: dict[str, str]) -> None:
    try:
        content = read_file(path, _MAX_LOOSE)
    except FileNotFoundError:
        return  # packed or deleted since the folder was listed
    except OSError as error:
        raise RepositoryBroken(f"{name} cannot be read: {error.strerror}") from None
    text = content.decode("utf-8", "surrogateescape").rstrip("\n\r \t")
    if text.startswith("ref:"):
        symbolic[name] = text[4:].strip()
    elif _OID.fullmatch(text):
        direct[name] = text
    else:
        raise RepositoryBroken(f"{name} is damaged: it holds {text[:60]!a}")


def _head(place: str, symbolic: dict[str, str]) -> str | None:
    found: dict[str, str] = {}
    head = f"{place}/HEAD"
    try:
        if stat.S_ISLNK(os.lstat(head).st_mode):
            raise NotPlain("HEAD")
    except OSError:
        raise RepositoryBroken("HEAD is missing") from None
    _one(head, "HEAD", found, symbolic)
    if "HEAD" not in found and "HEAD" not in symbolic:
        raise RepositoryBroken("HEAD is missing")
    return found.get("HEAD")


def _resolve(target: str, direct: dict[str, str], symbolic: dict[str, str]) -> str | None:
    for _ in range(_MAX_DEPTH):
        if target in direct:
            return direct[target]
        if target not in symbolic:
            return None
        target = symbolic[target]
    return None
