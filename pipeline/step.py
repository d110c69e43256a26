"""The vocabulary of the pipeline: a step looks at the world, then changes it, once.

A step never mutates what it is given. `check` is read-only and may be called at any time; `run`
does the effect and returns the facts it learned; `undo` takes the effect back where it can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.errors import Exit, PipelineError

if TYPE_CHECKING:
    from pipeline.project import Project

__all__ = [
    "Artifact",
    "Blocked",
    "Database",
    "Done",
    "Effect",
    "Exit",
    "Facts",
    "Finding",
    "PipelineError",
    "PlatformImage",
    "Step",
    "Todo",
    "Verdict",
]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that the release makes.

    Args:
        name: file name, for example `mgit_fleet-0.1.0-py3-none-any.whl`.
        digest: `sha256:` and 64 hex digits.
        bytes: size.
    """

    name: str
    digest: str
    bytes: int


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """The image for one platform.

    Args:
        platform: `linux/amd64`, `linux/arm64`.
        digest: digest of its manifest.
        bytes: sum of the unpacked layers.
        compressed_bytes: sum of the layers as they travel.
    """

    platform: str
    digest: str
    bytes: int
    compressed_bytes: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a scanner said.

    Args:
        scanner: `bandit`, `pip-audit`, `trivy`.
        id: the advisory or the rule.
        severity: upper case: LOW, MEDIUM, HIGH, CRITICAL, UNKNOWN.
        where: package and version, or file and line.
        title: one line.
    """

    scanner: str
    id: str
    severity: str
    where: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Database:
    """What the scanners compared with.

    Args:
        kind: `live` or `fixture`.
        digest: digest of the database, empty where a service has none.
        updated: RFC 3339 time of its last update, empty if unknown.
        statement: one sentence for the report: what was proven with it and what was not.
    """

    kind: str
    digest: str
    updated: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a release knows about itself so far. Grows from step to step, never changes in place."""

    version: str = ""
    previous: str = ""
    notes: str = ""
    commit: str = ""
    epoch: int = 0
    artifacts: tuple[Artifact, ...] = ()
    image_digest: str = ""
    platforms: tuple[PlatformImage, ...] = ()
    findings: tuple[Finding, ...] = ()
    scanned: dict[str, int] = field(default_factory=dict)
    database: Database | None = None
    tag_object: str = ""
    deployed: str = ""
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Todo:
    """The effect is not there yet.

    Args:
        effects: what `run` would do, one line each; `--plan` prints them.
    """

    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The effect is there already and is what we would make.

    Args:
        facts: the facts, with what this look at the world taught.
    """

    facts: Facts


@dataclass(frozen=True, slots=True)
class Blocked:
    """The step cannot or must not run.

    Args:
        reason: what stands in the way, one line.
        exit_code: GATE, ENVIRONMENT or CONFLICT.
        advice: what to do next.
    """

    reason: str
    exit_code: Exit
    advice: str = ""


Verdict = Todo | Done | Blocked


class Effect(StrEnum):
    """How far the effect of a step reaches."""

    NONE = "none"  # it only looks, and looks again on every run
    LOCAL = "local"  # in the release's own folder: deleting that takes it back
    PUBLIC = "public"  # other people see it


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the release.

    Args:
        name: as in the report.
        needs: names of steps whose facts it reads.
        check: is the effect absent, identical or conflicting? Read-only. Where a needed fact is
            still missing the answer is `Todo`, never an error.
        run: make the effect, read it back, return the facts with what was learned.
        undo: take it back; None where that cannot be done.
        effect: how far it reaches. A public step without `undo` is irreversible.
    """

    name: str
    needs: tuple[str, ...]
    check: Callable[[Project, Facts], Verdict]
    run: Callable[[Project, Facts], Facts]
    undo: Callable[[Project, Facts], None] | None = None
    effect: Effect = Effect.LOCAL

    @property
    def irreversible(self) -> bool:
        """Whether other people see the effect and it cannot be taken back."""
        return self.effect is Effect.PUBLIC and self.undo is None
