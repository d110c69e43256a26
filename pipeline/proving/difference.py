"""Says in what two files or image layouts differ: which members, and where the first byte is."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.artifacts.oci import layer_paths, read_image, read_settings

_MOST = 12
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive.

    Args:
        about: what is kept beside its bytes: mode, time, owner, target of a link.
        digest: SHA-256 of its bytes, hex.
        bytes: size.
    """

    about: str
    digest: str
    bytes: int


def difference(claimed: Path, built: Path) -> tuple[str, ...]:
    """In what two wheels, source distributions or OCI layouts differ; empty if in nothing.

    Args:
        claimed: the one that was published.
        built: the one that was built now.

    Returns:
        one line each, the first dozen of them.
    """
    if claimed.is_dir():
        lines = list(_layouts(claimed, built))
    else:
        at = first_difference(claimed, built)
        if at is None:
            return ()
        lines = list(_members(_read(claimed), _read(built)))
        lines = lines or ["the members are equal, how they are packed is not"]
        lines.insert(0, f"first different byte: {at}")
    more = len(lines) - _MOST
    return (*lines[:_MOST], f"and {more} more") if more > 0 else tuple(lines)


def first_difference(one: Path, two: Path) -> int | None:
    """Offset of the first byte in which two files differ; None for equal ones."""
    offset = 0
    with one.open("rb") as first, two.open("rb") as second:
        while True:
            a, b = first.read(_PIECE), second.read(_PIECE)
            if a != b:
                pairs = zip(a, b, strict=False)
                equal = next((n for n, (x, y) in enumerate(pairs) if x != y), min(len(a), len(b)))
                return offset + equal
            if not a:
                return None
            offset += len(a)


def _layouts(claimed: Path, built: Path) -> Iterator[str]:
    theirs, mine = read_image(claimed), read_image(built)
    others = {each.platform: each for each in mine.platforms}
    for platform in theirs.platforms:
        name = platform.platform
        other = others.pop(name, None)
        if other is None:
            yield f"{name} was not built"
        elif other.digest != platform.digest:
            if read_settings(claimed, platform) != read_settings(built, other):
                yield f"{name}: user, labels or entrypoint"
            files = [_layers(claimed, platform), _layers(built, other)]
            found = [f"{name}: {line}" for line in _members(*files)]
            yield from found or [f"{name}: the files are equal, the rest of the image is not"]
    yield from (f"{name} was built and never published" for name in others)


def _layers(layout: Path, platform: object) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for number, path in enumerate(layer_paths(layout, platform)):  # type: ignore[arg-type]
        with gzip.open(path) as layer, tarfile.open(fileobj=layer, mode="r|") as tar:
            found.update({f"layer {number}: {name}": m for name, m in _tar(tar)})
    return found


def _read(path: Path) -> dict[str, Member]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            return {info.filename: _zipped(wheel, info) for info in wheel.infolist()}
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            return dict(_tar(tar))
    return {}


def _zipped(wheel: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    about = f"mode {info.external_attr >> 16:o}, time {info.date_time}"
    return Member(about, hashlib.sha256(wheel.read(info)).hexdigest(), info.file_size)


def _tar(tar: tarfile.TarFile) -> Iterator[tuple[str, Member]]:
    for info in tar:
        owner = f"{info.uid}:{info.gid} {info.uname}:{info.gname}"
        about = f"mode {info.mode:o}, time {info.mtime}, owner {owner}, link {info.linkname!a}"
        file = tar.extractfile(info) if info.isfile() else None
        digest = hashlib.file_digest(file, "sha256").hexdigest() if file else ""  # type: ignore[arg-type]  # it reads
        yield info.name, Member(about, digest, info.size)


def _members(claimed: Mapping[str, Member], built: Mapping[str, Member]) -> Iterator[str]:
    for name in sorted({*claimed, *built}):
        theirs, mine = claimed.get(name), built.get(name)
        if theirs is None:
            yield f"{name}: only in what was built now"
        elif mine is None:
            yield f"{name}: only in what was published"
        elif theirs.digest != mine.digest:
            yield f"{name}: {theirs.bytes} bytes published, {mine.bytes} built, other contents"
        elif theirs.about != mine.about:
            yield f"{name}: {theirs.about} published; {mine.about} built"
