"""The image tags that people follow (`1.2`, `1`, `latest`): where each belongs. Pure.

A yanked version keeps its own tag, for those who pin it, beside a mark: `1.2.3-yanked`.
"""

from __future__ import annotations

from collections.abc import Iterable

from semver import Version

from pipeline.step import PipelineError
from pipeline.versioning.versions import parse

LATEST = "latest"
_MARK = "-yanked"


def mark_of(version: str) -> str:
    """The tag that says of a version that it is yanked."""
    return f"{version}{_MARK}"


def image_tags(version: str, there: Iterable[str]) -> tuple[str, ...]:
    """The tags that a version gets: its own, then those that people follow, `latest` at the end.

    A tag that is followed never goes back: publishing 1.2.4 after 1.3.0 moves `1.2`, not `1` or
    `latest`. A pre-release gets its own tag only; before 1.0.0 there is no tag `0`.

    Args:
        version: semantic version.
        there: the tags that the registry has.
    """
    mine = parse(version)
    if mine.prerelease:
        return (version,)
    others = [other for other in offered(there) if other > mine]
    tags = [version]
    if not any((other.major, other.minor) == (mine.major, mine.minor) for other in others):
        tags.append(f"{mine.major}.{mine.minor}")
    if mine.major and not any(other.major == mine.major for other in others):
        tags.append(str(mine.major))
    if not others:
        tags.append(LATEST)
    return tuple(tags)


def after_yank(version: str, there: Iterable[str]) -> dict[str, str]:
    """Where the tags belong that may point at a version which is yanked.

    Args:
        version: the version that is yanked.
        there: the tags that the registry has.

    Returns:
        tag -> the highest version left for it, empty where none is left.
    """
    mine, known = parse(version), frozenset(there)
    left = [other for other in offered(known) if other != mine]
    scopes = {
        f"{mine.major}.{mine.minor}": [v for v in left if v[:2] == mine[:2]],
        str(mine.major): [v for v in left if v.major == mine.major],
        LATEST: left,
    }
    return {
        tag: str(max(versions)) if versions else ""
        for tag, versions in scopes.items()
        if tag in known
    }


def offered(there: Iterable[str]) -> list[Version]:
    """The final versions among tags, without the yanked ones."""
    known = frozenset(there)
    found = (_final(tag) for tag in known if mark_of(tag) not in known)
    return [version for version in found if version is not None]


def _final(tag: str) -> Version | None:
    try:
        version = parse(tag)
    except PipelineError:
        return None
    return None if version.prerelease else version
