"""Versions: semantic (SemVer 2.0) for people and tags, PEP 440 for packages. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from semver import Version

from pipeline.step import Exit, PipelineError

FIRST = Version(0, 1, 0)
Part = Literal["major", "minor", "patch"]

_TAG = re.compile(r"^v(.+)$")
_PHASES = {"alpha": "a", "beta": "b", "rc": "rc"}
_SEMVER_PHASE = re.compile(r"^(alpha|beta|rc)\.(0|[1-9][0-9]*)$")
_PEP440 = re.compile(
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:(a|b|rc)(0|[1-9][0-9]*))?$"
)
_MINOR_KINDS = frozenset({"added", "changed", "deprecated", "removed"})


def parse(text: str) -> Version:
    """Read a version that mgit can release: `1.2.3`, or `1.2.3-rc.1` (alpha, beta, rc).

    Raises:
        PipelineError: USAGE.
    """
    try:
        version = Version.parse(text)
    except ValueError:
        raise _unusable(text) from None
    if version.build or (version.prerelease and not _SEMVER_PHASE.match(version.prerelease)):
        raise _unusable(text)
    return version


def tag_of(version: str) -> str:
    """Name of the tag of a version."""
    return f"v{version}"


def version_of_tag(tag: str) -> str:
    """The version that a tag names.

    Raises:
        PipelineError: USAGE, the tag is not one of a release.
    """
    match = _TAG.match(tag)
    if match is None:
        raise _unusable(tag)
    return str(parse(match[1]))


def latest(tags: Iterable[str]) -> str:
    """The highest version among tags, empty if none is of a release. Others are passed over."""
    found = [version for tag in tags if (version := _quiet(tag)) is not None]
    return str(max(found)) if found else ""


def latest_final(tags: Iterable[str]) -> str:
    """The same without pre-releases: what people have who take no risks."""
    found = [version for tag in tags if (version := _quiet(tag)) is not None]
    return str(max(final)) if (final := [one for one in found if not one.prerelease]) else ""


def part_of(previous: str, kinds: Iterable[str]) -> Part:
    """Which part of the version changes of these kinds ask for.

    Args:
        previous: the latest release; while it is 0.x nothing asks for more than a minor.
        kinds: kinds of the changelog fragments.
    """
    asked = set(kinds)
    if "breaking" in asked:
        return at_most(previous, "major")
    return "minor" if asked & _MINOR_KINDS else "patch"


def at_most(previous: str, part: Part) -> Part:
    """While it is 0.x, what breaks asks for a minor (SemVer 2.0, item 4)."""
    return "minor" if part == "major" and parse(previous).major == 0 else part


def is_less(part: Part, than: Part) -> bool:
    """Whether a part is a smaller step than another."""
    order = ("patch", "minor", "major")
    return order.index(part) < order.index(than)


def next_version(previous: str, kinds: Iterable[str], pre: str = "") -> str:
    """The version that changes of these kinds ask for.

    Args:
        previous: the latest release, empty before the first.
        kinds: kinds of the changelog fragments, at least one.
        pre: `alpha`, `beta` or `rc` for a pre-release of that version; empty for the version.

    Returns:
        0.1.0 for the first release; then breaking asks for a major (a minor while 0.x), added,
        changed, deprecated and removed for a minor, fixed and security for a patch. After a
        pre-release that was high enough already, its final version or its next pre-release.

    Raises:
        PipelineError: USAGE; there is no such phase, or it comes before the one that was released.
    """
    final = FIRST
    if previous:
        final = parse(previous).next_version(part_of(previous, kinds))
    return str(_pre_release(final, previous, pre) if pre else final)


def _pre_release(final: Version, previous: str, phase: str) -> Version:
    if phase not in _PHASES:
        raise PipelineError(
            f"there is no pre-release {phase!a}",
            exit_code=Exit.USAGE,
            advice=f"write one of {', '.join(_PHASES)}",
        )
    last = parse(previous) if previous else None
    if last is None or not last.prerelease or last.finalize_version() != final:
        return final.replace(prerelease=f"{phase}.1")
    before, _, number = last.prerelease.partition(".")
    if before == phase:
        return final.replace(prerelease=f"{phase}.{int(number) + 1}")
    following = final.replace(prerelease=f"{phase}.1")
    if following < last:
        raise PipelineError(
            f"{following} would come before {last}, which is released",
            exit_code=Exit.USAGE,
            advice=f"go on with {before}, or release {final}",
        )
    return following


def to_pep440(version: str) -> str:
    """`1.2.3-rc.1` -> `1.2.3rc1`.

    Raises:
        PipelineError: USAGE.
    """
    parsed = parse(version)
    base = f"{parsed.major}.{parsed.minor}.{parsed.patch}"
    if not parsed.prerelease:
        return base
    phase, _, number = parsed.prerelease.partition(".")
    return f"{base}{_PHASES[phase]}{number}"


def from_pep440(version: str) -> str:
    """`1.2.3rc1` -> `1.2.3-rc.1`, the opposite of `to_pep440`.

    Raises:
        PipelineError: USAGE, not a version that `to_pep440` writes.
    """
    match = _PEP440.match(version)
    if match is None:
        raise _unusable(version)
    base = f"{match[1]}.{match[2]}.{match[3]}"
    if match[4] is None:
        return base
    phase = {short: long for long, short in _PHASES.items()}[match[4]]
    return f"{base}-{phase}.{match[5]}"


def _quiet(tag: str) -> Version | None:
    try:
        return parse(version_of_tag(tag))
    except PipelineError:
        return None


def _unusable(text: str) -> PipelineError:
    return PipelineError(
        f"{text!a} is not a version that can be released",
        exit_code=Exit.USAGE,
        advice="write 1.2.3, or 1.2.3-rc.1 (alpha, beta, rc)",
    )
