"""What is different from the release before: sizes, findings, times. Pure but for one read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from pipeline.step import Facts, Finding
from pipeline.versioning.claims import Claims


class _Artifact(msgspec.Struct, frozen=True):
    name: str
    bytes: int


class _Platform(msgspec.Struct, frozen=True):
    platform: str
    bytes: int


class _Image(msgspec.Struct, frozen=True):
    platforms: tuple[_Platform, ...] = ()


class _Item(msgspec.Struct, frozen=True):
    scanner: str
    id: str
    where: str
    severity: str = "UNKNOWN"


class _Findings(msgspec.Struct, frozen=True):
    items: tuple[_Item, ...] = ()


class Earlier(msgspec.Struct, frozen=True):
    """As much of an earlier `report.json` as is compared.

    Args:
        version: of that release.
        artifacts: its files.
        image: its platforms.
        findings: what was found in it.
        from_tag: read from the tag instead, so nothing is known of image and findings.
    """

    version: str
    artifacts: tuple[_Artifact, ...] = ()
    image: _Image = _Image()
    findings: _Findings = _Findings()
    from_tag: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One size beside the one before.

    Args:
        what: file without its version, or platform of the image.
        before: bytes, None where there was none.
        now: bytes.
    """

    what: str
    before: int | None
    now: int

    @property
    def percent(self) -> float | None:
        """How much it grew; None where there is nothing to compare with."""
        return None if not self.before else 100 * (self.now - self.before) / self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """A release beside the one before.

    Args:
        version: of the one before.
        sizes: of what both have, and of what is new.
        new: findings that were not there before.
        gone: findings that are not there any more, as `scanner id`.
        sizes_only: the report of the one before is not here, only its tag.
    """

    version: str
    sizes: tuple[Change, ...]
    new: tuple[Finding, ...]
    gone: tuple[str, ...]
    sizes_only: bool = False


def read_earlier(path: Path) -> Earlier | None:
    """The report of an earlier release; None where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Earlier)
    except (OSError, msgspec.DecodeError):
        return None


def tagged(claims: Claims) -> Earlier:
    """What a release's tag says of its sizes; its findings are not in it."""
    files = tuple(_Artifact(each.name, each.bytes) for each in claims.artifacts)
    return Earlier(claims.version, files, from_tag=True)


def compare(facts: Facts, earlier: Earlier) -> Comparison:
    """Put a release beside the one before."""
    if earlier.from_tag:
        files = replace(facts, platforms=())
        return Comparison(earlier.version, tuple(_sizes(files, earlier)), (), (), sizes_only=True)
    known = {(item.scanner, item.id, _place(item.where)) for item in earlier.findings.items}
    found = {(item.scanner, item.id, _place(item.where)): item for item in facts.findings}
    return Comparison(
        version=earlier.version,
        sizes=tuple(_sizes(facts, earlier)),
        new=tuple(finding for key, finding in found.items() if key not in known),
        gone=tuple(sorted({f"{key[0]} {key[1]}" for key in known - found.keys()})),
    )


def _sizes(facts: Facts, earlier: Earlier) -> Iterator[Change]:
    before = {_plain(one.name, earlier.version): one.bytes for one in earlier.artifacts}
    for artifact in facts.artifacts:
        name = _plain(artifact.name, facts.version)
        yield Change(name, before.get(name), artifact.bytes)
    images = {one.platform: one.bytes for one in earlier.image.platforms}
    for image in facts.platforms:
        yield Change(f"image {image.platform}", images.get(image.platform), image.bytes)


def _plain(name: str, version: str) -> str:
    """A file name that is the same in every release."""
    return name.replace(version, "X.Y.Z") if version else name


def _place(where: str) -> str:
    """Without the line, which moves."""
    return where.partition(":")[0]
