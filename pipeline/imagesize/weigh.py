"""What images weigh, what is big in one, and whether the marks hold. Reads, changes nothing.

Sizes are those of the layers: uncompressed the tar inside (what a disk needs, the sum of layers),
compressed the blob that travels. Format: OCI image layout, version 1.
"""

from __future__ import annotations

import gzip
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from pipeline.artifacts.inspection import MAX_BYTES, MAX_COMPRESSED_BYTES
from pipeline.artifacts.oci import layer_paths
from pipeline.step import PlatformImage

MOST = 0.5
"""The image has at most this part of the careful single-stage build."""
OURS, USUAL, CAREFUL, BARE = "mgit", "usual", "careful", "careful, its base not counted"
_LARGEST = 15
_PYTHON = "usr/lib/python3.13/"
_PACKAGES = "usr/local/lib/python3.13/dist-packages/"


class Weight(msgspec.Struct, frozen=True):
    """One image for one platform.

    Args:
        name: `OURS`, `USUAL`, `CAREFUL` or `BARE`.
        platform: for example `linux/amd64`.
        bytes: sum of its layers, uncompressed.
        compressed: sum of its layers as they travel.
        seconds: how long its build took; 0 where it was part of another.
    """

    name: str
    platform: str
    bytes: int
    compressed: int
    seconds: float = 0.0


class Mark(msgspec.Struct, frozen=True):
    """One thing that must hold.

    Args:
        what: in words.
        value: bytes, or the part of another image.
        limit: the most that it may be.
    """

    what: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.value <= self.limit


class Report(msgspec.Struct, frozen=True):
    """`report.json`.

    Args:
        commit: what was built, with `+` where the work tree had changes.
        base: the base image of all builds.
        when: UTC.
        weights: all images.
        marks: what must hold.
        parts: bytes of our image on this machine's platform, by what they are for.
        largest: its largest files.
    """

    commit: str
    base: str
    when: str
    weights: tuple[Weight, ...]
    marks: tuple[Mark, ...]
    parts: dict[str, int]
    largest: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether every mark does."""
        return all(mark.holds for mark in self.marks)


def marks(weights: Sequence[Weight]) -> tuple[Mark, ...]:
    """Hold our image against the limits, and against every careful one for the same platform."""
    ours = {each.platform: each for each in weights if each.name == OURS}
    found = []
    for platform, own in ours.items():
        found.append(Mark(f"{platform}: bytes", own.bytes, MAX_BYTES))
        found.append(Mark(f"{platform}: compressed bytes", own.compressed, MAX_COMPRESSED_BYTES))
    for other in weights:
        own = ours[other.platform]
        if other.name in {CAREFUL, BARE}:
            part = f"{other.platform}: part of `{other.name}`"
            found.append(Mark(part, own.bytes / other.bytes, MOST))
            found.append(Mark(f"{part}, compressed", own.compressed / other.compressed, MOST))
    return tuple(found)


def parts(files: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Bytes by what they are for, the biggest first."""
    summed: Counter[str] = Counter()
    for name, size in files:
        summed[_part(name)] += size
    return dict(summed.most_common())


def largest(files: Sequence[tuple[str, int]]) -> dict[str, int]:
    """The largest files, the biggest first."""
    return dict(sorted(files, key=lambda each: (-each[1], each[0]))[:_LARGEST])


def files_of(layout: Path, image: PlatformImage) -> tuple[tuple[str, int], ...]:
    """Name and bytes of every file in the layers of an image."""
    return tuple(_files(layer_paths(layout, image)))


def table(report: Report) -> str:
    """The report for people, as Markdown."""
    lines = ["| image | platform | MB | compressed | build |", "| --- | --- | --- | --- | --- |"]
    for each in report.weights:
        took = f"{each.seconds:.0f} s" if each.seconds else ""
        sizes = f"{_mb(each.bytes)} | {_mb(each.compressed)}"
        lines.append(f"| {each.name} | {each.platform} | {sizes} | {took} |")
    lines += ["", "| must hold | value | limit | holds |", "| --- | --- | --- | --- |"]
    for mark in report.marks:
        value, limit = (_shown(number) for number in (mark.value, mark.limit))
        lines.append(f"| {mark.what} | {value} | {limit} | {'yes' if mark.holds else '**no**'} |")
    for title, sizes_of in (("what it is for", report.parts), ("largest files", report.largest)):
        lines += ["", f"| {title} | MB |", "| --- | --- |"]
        lines += [f"| {name} | {_mb(size)} |" for name, size in sizes_of.items()]
    return "\n".join(lines) + "\n"


def _files(layers: Sequence[Path]) -> Iterator[tuple[str, int]]:
    for path in layers:
        with gzip.open(path) as layer, tarfile.open(fileobj=layer, mode="r|") as tar:
            yield from ((member.name, member.size) for member in tar if member.isfile())


def _part(name: str) -> str:
    if name.startswith(_PACKAGES):
        top = name.removeprefix(_PACKAGES).partition("/")[0]
        return "mgit" if top.startswith("mgit") else "its Python packages"
    if name.startswith(f"{_PYTHON}lib-dynload/"):
        return "Python's extension modules"
    if name.startswith(_PYTHON):
        return "Python's library"
    if name.startswith(("usr/bin/python", "usr/bin/git", "usr/bin/ssh", "usr/lib/git-core/")):
        return name.rpartition("/")[2]
    if ".so" in name:
        return "shared libraries"
    if name.startswith(("usr/share/doc/", "var/lib/dpkg/")):
        return "copyrights and package records"
    return "the rest"


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f}"


def _shown(number: float) -> str:
    return f"{number:.2f}" if number <= 1000 else f"{_mb(number)} MB"
