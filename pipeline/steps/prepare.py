"""prepare: the release commit (version, changelog, no more fragments) in the clean clone."""

from __future__ import annotations

from dataclasses import replace

from pipeline.faults import effect
from pipeline.git import Git
from pipeline.project import Project
from pipeline.step import Blocked, Done, Exit, Facts, PipelineError, Step, Todo, Verdict
from pipeline.versioning.release_commit import expected_commit, plan_release


def check(project: Project, facts: Facts) -> Verdict:
    """Is the release commit checked out, with nothing else in the tree?"""
    git = Git(project.shell, project.root)
    if project.ci:
        return Done(facts) if facts.commit else Todo(("use the tagged commit",))
    if not facts.version:
        return Todo(("commit version and changelog",))
    dirt = git.out("status", "--porcelain")
    if dirt:
        return Blocked(
            f"the clean clone is not clean: {dirt.splitlines()[0].strip()}",
            Exit.CONFLICT,
            f"delete {project.root} and run again",
        )
    plan = plan_release(git, project.pre)
    head = git.resolve("HEAD^{commit}")
    expected = expected_commit(git, plan)
    if head == expected:
        return Done(replace(facts, commit=expected, epoch=plan.epoch))
    if head != plan.base:
        return Blocked(
            f"the clean clone is at {head[:12]}, not at its base {plan.base[:12]}",
            Exit.CONFLICT,
            f"delete {project.root} and run again",
        )
    writes = (f"write {path}" for path in plan.files)
    removes = (f"remove {path}" for path in plan.removed)
    return Todo((*writes, *removes, f"commit {expected[:12]} on top of {plan.base[:12]}"))


def run(project: Project, facts: Facts) -> Facts:
    """Put the release commit on the branch and check it out."""
    git = Git(project.shell, project.root)
    plan = plan_release(git, project.pre)
    commit = expected_commit(git, plan)
    with effect(project, "prepare:checkout"):
        git.run("checkout", "--quiet", "-B", project.endpoints.branch, commit)
    return replace(facts, commit=commit, epoch=plan.epoch)


def undo(project: Project, facts: Facts) -> None:
    """Go back to the base commit. Only the clean clone is touched."""
    git = Git(project.shell, project.root)
    if git.resolve("HEAD^{commit}") != facts.commit:
        raise PipelineError(f"{project.root} is not at {facts.commit[:12]}, left alone")
    with effect(project, "undo:checkout"):
        git.run("checkout", "--quiet", "-B", project.endpoints.branch, git.base())


STEP = Step("prepare", ("plan",), check, run, undo)
