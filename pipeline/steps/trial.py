"""trial: the tests of the product, run on the wheel that was built, not on its sources.

`OUT/trial.json` remembers which wheel passed which tests. Only the laptop half has this step: CI
goes on only with the very bytes that the tag claims, and those were tested before they were tagged.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import msgspec

from pipeline.artifacts.wheel_tests import ON_WHEEL, SHORT, SHORT_ON_WHEEL, run_on_wheel
from pipeline.faults import effect
from pipeline.git import Git
from pipeline.project import Project
from pipeline.publishing.places import distributions, path_of
from pipeline.step import Done, Facts, Step, Todo, Verdict

_RECORD = "trial.json"
_COUNTED = "tests passed on the wheel"


class _Record(msgspec.Struct, frozen=True):
    """What passed."""

    wheel: str
    tree: str
    passed: int


def check(project: Project, facts: Facts) -> Verdict:
    """Did this wheel pass the tests of this tree?"""
    effects = (f"run {', '.join(_chosen(project))} on the installed wheel",)
    if not facts.commit or not facts.artifacts:
        return Todo(effects)
    try:
        path = project.out / _RECORD
        record = msgspec.json.decode(path.read_bytes(), type=_Record)
    except (OSError, msgspec.MsgspecError):
        return Todo(effects)
    if (record.wheel, record.tree) != _about(project, facts):
        return Todo(effects)
    return Done(_learn(project, facts, record))


def run(project: Project, facts: Facts) -> Facts:
    """Test it.

    Raises:
        PipelineError: GATE, a test failed; ENVIRONMENT, nothing could be tested.
    """
    work = project.out / "trial"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    wheel = path_of(project, distributions(facts)[0])
    passed = run_on_wheel(project.shell, project.root, wheel, work, _chosen(project))
    record = _Record(*_about(project, facts), passed)
    with effect(project, "trial:record"):
        (project.out / _RECORD).write_bytes(msgspec.json.encode(record))
    shutil.rmtree(work)
    return _learn(project, facts, record)


def undo(project: Project, _facts: Facts) -> None:
    """Forget that it passed."""
    with effect(project, "undo:delete", _RECORD):
        (project.out / _RECORD).unlink(missing_ok=True)


def _about(project: Project, facts: Facts) -> tuple[str, str]:
    tree = Git(project.shell, project.root).resolve(f"{facts.commit}^{{tree}}")
    return distributions(facts)[0].digest, tree


def _chosen(project: Project) -> tuple[str, ...]:
    return SHORT_ON_WHEEL if project.endpoints.rehearsal else ON_WHEEL


def _learn(project: Project, facts: Facts, record: _Record) -> Facts:
    left = {SHORT} if project.endpoints.rehearsal else set()
    skipped = (*facts.skipped, *(left - set(facts.skipped)))
    scanned = {**facts.scanned, _COUNTED: record.passed}
    return replace(facts, scanned=scanned, skipped=skipped)


STEP = Step("trial", ("build",), check, run, undo)
