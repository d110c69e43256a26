"""Where a rehearsal dies on purpose, to prove that a resumed release ends the same.

Whatever a release changes outside of its memory is done inside `with effect(...)`. That gives every
effect a name, and two places to die at: right before it and right after it. A test reads the code
and fails for an effect without a name.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.project import Endpoints, Project
from pipeline.step import Exit, PipelineError

TRACE = "trace"
"""In place of a fault: die nowhere, and write down every effect in `OUT/effects.txt`."""
TRACE_FILE = "effects.txt"

_FAULT = re.compile(
    r"(before|after):[a-z_]+(:[a-z-]+(@[A-Za-z0-9_.:+/-]+)?)?"
    rf"|during:[a-z_]+:[a-z0-9_-]+|{TRACE}"
)


@dataclass(frozen=True, slots=True)
class Faults:
    """Where one run of a release dies.

    Args:
        fault: `before:STEP`, `before:STEP:EFFECT`, `before:STEP:EFFECT@WHAT`, the same with
            `after`, `during:STEP:POINT`, `TRACE`, or empty for nowhere.
        rehearsal: faults do nothing in a real release.
        out: folder of the release.
    """

    fault: str
    rehearsal: bool
    out: Path

    @contextmanager
    def effect(self, name: str, what: str = "") -> Iterator[None]:
        """Do one thing to the world in here: nothing that can be told apart comes in between.

        Args:
            name: `STEP:EFFECT`, for example `publish_index:upload`.
            what: what it is done to, where there are several: a file name, a digest, a tag.
        """
        point = f"{name}@{what}" if what else name
        self.point(f"before:{point}")
        if self.fault == TRACE and self.rehearsal:
            self.out.mkdir(parents=True, exist_ok=True)
            with (self.out / TRACE_FILE).open("a", encoding="utf-8") as out:
                out.write(f"{point}\n")
        yield
        self.point(f"after:{point}")

    def point(self, point: str) -> None:
        """Die by SIGKILL if this is the chosen place: no handler, no clean-up, as in a power cut.

        A fault that does not say what an effect is done to means the first one of its name.
        """
        chosen = self.fault and (point == self.fault or point.startswith(f"{self.fault}@"))
        if chosen and self.rehearsal:
            os.kill(os.getpid(), signal.SIGKILL)


def check_fault(project: Project) -> None:
    """Refuse a fault that is misspelt or that would hit a real release.

    Raises:
        PipelineError: USAGE.
    """
    refuse_fault(project.fault, project.endpoints)


def refuse_fault(fault: str, endpoints: Endpoints) -> None:
    """See `check_fault`; for what happens before there is a project.

    Raises:
        PipelineError: USAGE.
    """
    if not fault:
        return
    if not endpoints.rehearsal:
        raise PipelineError(
            "faults are for rehearsals, and these endpoints are real",
            exit_code=Exit.USAGE,
            advice="leave the fault out, or rehearse",
        )
    if not _FAULT.fullmatch(fault):
        raise PipelineError(
            f"{fault!a} is not a fault",
            exit_code=Exit.USAGE,
            advice="write before:STEP, after:STEP:EFFECT or during:STEP:POINT",
        )


@contextmanager
def effect(project: Project, name: str, what: str = "") -> Iterator[None]:
    """One effect of a release; see `Faults.effect`."""
    with _faults(project).effect(name, what):
        yield


def fault_point(project: Project, point: str) -> None:
    """A place to die at; see `Faults.point`."""
    _faults(project).point(point)


def checkpoint(project: Project, point: str) -> None:
    """A place between two effects of a step.

    Args:
        project: the release.
        point: `STEP:POINT`, for example `gates:security`.
    """
    fault_point(project, f"during:{point}")


def _faults(project: Project) -> Faults:
    return Faults(project.fault, project.endpoints.rehearsal, project.out)
