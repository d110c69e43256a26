"""Where a rehearsal dies on purpose, to prove that a resumed release ends the same."""

from __future__ import annotations

import os
import re
import signal

from pipeline.project import Project
from pipeline.step import Exit, PipelineError

_FAULT = re.compile(r"^((before|after):[a-z_]+|during:[a-z_]+:[a-z0-9_-]+)$")


def check_fault(project: Project) -> None:
    """Refuse a fault that is misspelt or that would hit a real release.

    Raises:
        PipelineError: USAGE.
    """
    if not project.fault:
        return
    if not project.endpoints.rehearsal:
        raise PipelineError(
            "faults are for rehearsals, and these endpoints are real",
            exit_code=Exit.USAGE,
            advice="leave the fault out, or rehearse",
        )
    if not _FAULT.match(project.fault):
        raise PipelineError(
            f"{project.fault!a} is not a fault",
            exit_code=Exit.USAGE,
            advice="write before:STEP, after:STEP or during:STEP:POINT",
        )


def fault_point(project: Project, point: str) -> None:
    """Die by SIGKILL if this is the chosen place: no handler, no clean-up, as in a power cut."""
    if project.fault == point and project.endpoints.rehearsal:
        os.kill(os.getpid(), signal.SIGKILL)


def checkpoint(project: Project, point: str) -> None:
    """A place between two effects of a step.

    Args:
        project: the release.
        point: `STEP:POINT`, for example `publish_index:first-file`.
    """
    fault_point(project, f"during:{point}")
