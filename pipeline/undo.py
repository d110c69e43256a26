"""Takes back a release that stopped before anything irreversible began."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pipeline.graph import point_of_no_return
from pipeline.journal import Event, Journal
from pipeline.project import Project
from pipeline.result import Progress, Result, StepResult, journal_path, remembered
from pipeline.step import Exit, PipelineError, Step


def undo_steps(
    project: Project, steps: Sequence[Step], say: Progress = lambda _line: None
) -> Result:
    """Take back what a stopped release has done, last step first.

    Raises:
        PipelineError: CONFLICT, when something irreversible has begun; USAGE without a journal.
    """
    with Journal(journal_path(project), project.now) as journal:
        facts = remembered(journal)
        begun = {entry.step for entry in journal.entries if entry.event is Event.START}
        if facts is None:
            raise PipelineError(f"nothing to take back in {project.out}", exit_code=Exit.USAGE)
        for step in steps[point_of_no_return(steps) :]:
            if step.irreversible and step.name in begun:
                raise PipelineError(
                    f"{step.name} has begun and cannot be taken back",
                    exit_code=Exit.CONFLICT,
                    advice="go forward: run again with --resume, or release a new version",
                )
        results: list[StepResult] = []
        for step in reversed(steps):
            if step.undo is None or step.name not in begun:
                continue
            start = time.monotonic()
            step.undo(project, facts)
            seconds = time.monotonic() - start
            journal.write(Event.UNDONE, step.name, seconds=seconds)
            results.append(StepResult(step.name, "undone", seconds))
            say(f"{step.name:<14} undone  {seconds:7.1f} s")
    return Result(Exit.DONE, facts, tuple(results))
