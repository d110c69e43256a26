"""The least bump that the public surface asks for, whatever the changelog fragments say."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.git import Git
from pipeline.step import Exit, PipelineError
from pipeline.surface.items import FILE, Difference, Items, difference, read
from pipeline.versioning.versions import at_most, is_less, part_of, tag_of

_SHOWN = 8
_NEEDED = {"major": "breaking", "minor": "added, changed, deprecated or removed"}


def require_floor(git: Git, base: str, previous: str, kinds: Sequence[str]) -> None:
    """Compare the surface of a commit with that of the last release.

    Args:
        git: the clone.
        base: the commit that is to be released.
        previous: the last final release, empty before the first.
        kinds: kinds of the changelog fragments.

    Raises:
        PipelineError: GATE; names what is gone, changed or new beyond what the fragments say.
    """
    if not previous:
        return
    before = surface_at(git, f"refs/tags/{tag_of(previous)}")
    if not before:  # released before there was such a file
        return
    found = difference(before, surface_at(git, base))
    needed = at_most(previous, found.floor)
    if not is_less(part_of(previous, kinds), needed) and not _silent_break(found, kinds):
        return
    told = found.breaking or found.added
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    raise PipelineError(
        f"the public surface changed since {previous} by more than the fragments say: "
        f"{'; '.join(told[:_SHOWN])}{more}",
        exit_code=Exit.GATE,
        advice=f"add a fragment of kind {_NEEDED[found.floor]}, or take the change back",
    )


def surface_at(git: Git, revision: str) -> Items:
    """The surface that is written down in a commit; empty where it has none."""
    commit = git.resolve(f"{revision}^{{commit}}")
    listed = git.run("ls-tree", "--name-only", commit, FILE).stdout.strip()
    return read(git.text(commit, FILE)) if listed else {}


def _silent_break(found: Difference, kinds: Sequence[str]) -> bool:
    """While it is 0.x a break and an addition ask for the same bump; it still has to be said."""
    return bool(found.breaking) and "breaking" not in kinds
