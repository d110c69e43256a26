"""Changelog fragments become a section of CHANGELOG.md (Keep a Changelog 1.1). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.step import Exit, PipelineError

FOLDER = "changelog.d"
FILE = "CHANGELOG.md"

# Kind of a fragment -> heading; the order is the order of the section.
HEADINGS = {
    "breaking": "Changed",
    "added": "Added",
    "changed": "Changed",
    "deprecated": "Deprecated",
    "removed": "Removed",
    "fixed": "Fixed",
    "security": "Security",
}
_ORDER = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
_FRAGMENT = re.compile(r"^[a-z0-9][a-z0-9-]*\.([a-z]+)\.md$")
_UNRELEASED = "## [Unreleased]"
_SECTION = re.compile(r"^## \[([^\]]+)\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One change, as its author wrote it.

    Args:
        name: file name.
        kind: a key of `HEADINGS`.
        text: one or more sentences, lines joined.
    """

    name: str
    kind: str
    text: str


def read_fragments(files: Mapping[str, str]) -> tuple[Fragment, ...]:
    """Check the files of changelog.d.

    Args:
        files: name -> text; README.md and hidden files are passed over.

    Raises:
        PipelineError: USAGE; a misnamed or empty fragment. Nothing is released half described.
    """
    names = sorted(name for name in files if name != "README.md" and not name.startswith("."))
    return tuple(_read(name, files[name]) for name in names)


def render_notes(fragments: Sequence[Fragment]) -> str:
    """Release notes: the section of the changelog without its own heading."""
    blocks = []
    for heading in _ORDER:
        lines = [_line(f) for f in fragments if HEADINGS[f.kind] == heading]
        if lines:
            blocks.append("\n".join((f"### {heading}", "", *lines)))
    return "\n\n".join(blocks)


def render_section(version: str, epoch: int, notes: str) -> str:
    """One section with its heading; the date is that of the source, in UTC."""
    date = datetime.fromtimestamp(epoch, UTC).date().isoformat()
    return f"## [{version}] - {date}\n\n{notes}\n"


def insert_section(changelog: str, version: str, section: str) -> str:
    """Put a section right below `[Unreleased]`. Doing it again changes nothing.

    Raises:
        PipelineError: USAGE, no `## [Unreleased]` heading; CONFLICT, the version is described
            already, in other words.
    """
    if version in _SECTION.findall(changelog):
        if _section(changelog, version).strip() != section.strip():
            raise PipelineError(
                f"{FILE} describes {version} already, in other words",
                exit_code=Exit.CONFLICT,
                advice="take that section out; the release writes it from the fragments",
            )
        return changelog
    head, heading, rest = changelog.partition(_UNRELEASED)
    if not heading:
        raise PipelineError(
            f"{FILE} has no {_UNRELEASED!r} heading", exit_code=Exit.USAGE, advice="add it"
        )
    own, later = _split_unreleased(rest)
    return f"{head}{heading}{own}\n\n{section.strip()}\n{later}"


def notes_of(changelog: str, version: str) -> str:
    """Release notes of a version that the changelog describes, empty where it does not."""
    return _section(changelog, version).partition("\n")[2].strip()


def _section(changelog: str, version: str) -> str:
    for match in _SECTION.finditer(changelog):
        if match[1] == version:
            end = _SECTION.search(changelog, match.end())
            return changelog[match.start() : end.start() if end else None].strip()
    return ""


def _split_unreleased(rest: str) -> tuple[str, str]:
    """What stands under `[Unreleased]` by hand stays there; then the older sections."""
    match = _SECTION.search(rest)
    if match is None:
        return rest.rstrip(), ""
    return rest[: match.start()].rstrip(), "\n" + rest[match.start() :]


def _read(name: str, text: str) -> Fragment:
    match = _FRAGMENT.match(name)
    kind = match[1] if match else ""
    if kind not in HEADINGS:
        raise PipelineError(
            f"{FOLDER}/{name!s} is not named NAME.KIND.md",
            exit_code=Exit.USAGE,
            advice=f"KIND is one of {', '.join(HEADINGS)}; NAME is lower case",
        )
    joined = " ".join(text.split())
    if not joined:
        raise PipelineError(
            f"{FOLDER}/{name} is empty",
            exit_code=Exit.USAGE,
            advice="say in a sentence what changes for a person who uses mgit",
        )
    return Fragment(name, kind, joined)


def _line(fragment: Fragment) -> str:
    return f"- {'**Breaking:** ' if fragment.kind == 'breaking' else ''}{fragment.text}"
