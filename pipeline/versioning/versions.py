"""Versions: semantic (SemVer 2.0) for people and tags, PEP 440 for packages. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from semver import Version

from pipeline.step import Exit, PipelineError

FIRST = Version(0, 1, 0)

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


def next_version(previous: str, kinds: Iterable[str]) -> str:
    """The version that changes of these kinds ask for.

    Args:
        previous: the latest release, empty before the first.
        kinds: kinds of the changelog fragments, at least one.

    Returns:
        0.1.0 for the first release; then breaking asks for a major (a minor while 0.x), added,
        changed, deprecated and removed for a minor, fixed and security for a patch. After a
        pre-release that was high enough already, its final version.
    """
    if not previous:
        return str(FIRST)
    asked = set(kinds)
    last = parse(previous)
    if "breaking" in asked and last.major > 0:
        part = "major"
    elif "breaking" in asked or asked & _MINOR_KINDS:
        part = "minor"
    else:
        part = "patch"
    return str(last.next_version(part))


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
