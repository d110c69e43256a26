"""Reads every object file of a clone and compares it with its own checksum, bit by bit.

About 2 ms a MB. It finds bit rot, which no look from outside sees; not whether objects are missing.
What was read is dropped from the page cache first, so that it is the disk that is asked, and does
not push out what others need. gitformat-pack(5), posix_fadvise(2).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
_LOOSE = re.compile(r"[0-9a-f]{2}")
_SHA256 = re.compile(rb"^\s*objectformat\s*=\s*sha256\s*$", re.IGNORECASE | re.MULTILINE)
_TRAILED = (".pack", ".idx", ".rev")
_PACK = "pack/"


@dataclass(frozen=True, slots=True)
class Read:
    """A bit more was read.

    Args:
        bytes: how much.
        place: the last part of the clone that is done, to go on behind it; empty for none.
    """

    bytes: int
    place: str


Reading = Generator[Read, None, str]
"""Yields after each piece of at most a MiB; returns what is damaged, empty when nothing is."""


def read_objects(git_dir: Path, after: str = "") -> Reading:
    """Read what lies behind a place, in an order that is always the same.

    A file that vanishes meanwhile was packed anew, and is no damage. What does not match is read
    once more before it counts.

    Args:
        git_dir: of the clone.
        after: `Read.place` of an earlier reading; empty to begin at the beginning.
    """
    place = after
    try:
        digest = "sha256" if _SHA256.search((git_dir / "config").read_bytes()) else "sha1"
        for part in _parts(git_dir / "objects"):
            if _rank(part) <= _rank(after):
                continue
            for found in _read_part(git_dir / "objects", part, digest):
                if isinstance(found, str):
                    return found
                yield Read(found, place)
            place = part
            yield Read(0, place)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return ""


def deep_damage(git_dir: Path) -> str:
    """Read everything at once; what is damaged, empty when nothing is."""
    reading = read_objects(git_dir)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return str(end.value)


def _parts(objects: Path) -> list[str]:
    """Packs and their indexes by name, then the folders of loose objects."""
    packs = [
        f"{_PACK}{name}"
        for name in sorted(_listed(objects / "pack"))
        if not name.startswith((".tmp-", "tmp_"))
        and (name.endswith(_TRAILED) or name == "multi-pack-index")
    ]
    return packs + sorted(filter(_LOOSE.fullmatch, _listed(objects)))


def _rank(part: str) -> tuple[bool, bool, str]:
    return bool(part), bool(part) and not part.startswith(_PACK), part


def _read_part(objects: Path, part: str, digest: str) -> Iterator[int | str]:
    """Sizes of what was read; a text where something is damaged."""
    if part.startswith(_PACK):
        with contextlib.suppress(FileNotFoundError):
            for _ in range(2):
                fits = yield from _trailer_fits(objects / part, digest)
                if fits:
                    return
            yield f"{part.removeprefix(_PACK)} does not match its checksum"
        return
    for name in sorted(_listed(objects / part)):
        if name.startswith("tmp_"):
            continue
        with contextlib.suppress(FileNotFoundError):
            for _ in range(2):
                oid = yield from _hash_loose(objects / part / name, digest)
                if oid == part + name:
                    break
            else:
                yield f"object {part}{name} is corrupt"


@contextmanager
def _from_disk(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb", buffering=0) as file:
        _forget(file)
        try:
            yield file
        finally:
            _forget(file)


def _forget(file: BinaryIO) -> None:
    """Drop a file's clean pages, where the system lets us."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _trailer_fits(path: Path, digest: str) -> Generator[int, None, bool]:
    hasher = hashlib.new(digest, usedforsecurity=False)
    left = path.stat().st_size - hasher.digest_size
    with _from_disk(path) as file:
        while left > 0:
            chunk = file.read(min(left, _CHUNK))
            if not chunk:
                return False
            hasher.update(chunk)
            left -= len(chunk)
            yield len(chunk)
        return file.read() == hasher.digest()


def _hash_loose(path: Path, digest: str) -> Generator[int, None, str]:
    hasher = hashlib.new(digest, usedforsecurity=False)
    inflate = zlib.decompressobj()
    try:
        with _from_disk(path) as file:
            while chunk := file.read(_CHUNK):
                yield len(chunk)
                while chunk:
                    hasher.update(inflate.decompress(chunk, _CHUNK))
                    chunk = inflate.unconsumed_tail
    except zlib.error:
        return ""
    return hasher.hexdigest() if inflate.eof and not inflate.unused_data else ""


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone
    except OSError:
        return []
