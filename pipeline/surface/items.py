"""A surface is a flat table: what there is -> what is promised of it. Pure.

`cli sync --dry-run -> flag`, `key defaults.root env -> MGIT_ROOT`, `schema sync
outcomes[].result = cloned`. Each promise that could break on its own is an item of its own, so that
what was removed or changed can be told from what was added by comparing two tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from pipeline.step import Exit, PipelineError

FILE = "docs/surface.json"
Items = Mapping[str, str]
Part = Literal["major", "minor", "patch"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different between two surfaces, each item as a line for a person."""

    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def floor(self) -> Part:
        """The least part of the version that has to go up (SemVer 2.0, items 6 to 8)."""
        if self.removed or self.changed:
            return "major"
        return "minor" if self.added else "patch"

    @property
    def breaking(self) -> tuple[str, ...]:
        """What somebody may rely on and will not find again."""
        return (*(f"gone: {item}" for item in self.removed), *self.changed)


def difference(before: Items, now: Items) -> Difference:
    """Compare two surfaces."""
    both = sorted(before.keys() & now.keys())
    return Difference(
        removed=tuple(sorted(before.keys() - now.keys())),
        changed=tuple(
            f"{item}: {before[item] or 'nothing'} became {now[item] or 'nothing'}"
            for item in both
            if before[item] != now[item]
        ),
        added=tuple(sorted(now.keys() - before.keys())),
    )


def write(items: Items) -> str:
    """The text of `docs/surface.json`: sorted, one item a line, so that a diff reads well."""
    return msgspec.json.format(msgspec.json.encode(dict(sorted(items.items())))).decode() + "\n"


def read(text: str) -> Items:
    """The opposite of `write`.

    Raises:
        PipelineError: USAGE, it is something else.
    """
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise PipelineError(
            f"{FILE} is malformed: {error}",
            exit_code=Exit.USAGE,
            advice="run `invoke surface`",
        ) from None
