"""plan: what is released, from where, and in which words. Only looks."""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.git import Git
from pipeline.project import Project
from pipeline.step import Blocked, Done, Effect, Exit, Facts, Step, Verdict
from pipeline.versioning.changelog import FILE, notes_of
from pipeline.versioning.release_commit import VERSION_FILE, plan_release
from pipeline.versioning.versions import from_pep440, latest, version_of_tag

_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


def check(project: Project, facts: Facts) -> Verdict:
    """Work out version and notes; in CI read them from the tag and what it points at."""
    git = Git(project.shell, project.root)
    if git.out("rev-parse", "--is-shallow-repository") == "true":
        return Blocked(
            "this clone is shallow, so earlier releases cannot be seen",
            Exit.ENVIRONMENT,
            "run `git fetch --unshallow --tags` (in CI: checkout with fetch-depth 0)",
        )
    if project.ci:
        return _from_tag(project, git, facts)
    plan = plan_release(git, project.pre)
    return Done(
        replace(
            facts, version=plan.version, previous=plan.previous, notes=plan.notes, epoch=plan.epoch
        )
    )


def run(_project: Project, facts: Facts) -> Facts:
    """Nothing to do: looking was all."""
    return facts


def written_version(git: Git, commit: str) -> str:
    """The version that a commit carries, in its semantic spelling; empty without one."""
    match = _VERSION.search(git.text(commit, VERSION_FILE))
    return from_pep440(match[1]) if match else ""


def _from_tag(project: Project, git: Git, facts: Facts) -> Verdict:
    version = version_of_tag(project.tag)
    commit = git.resolve("HEAD^{commit}")
    tagged = git.resolve(f"refs/tags/{project.tag}^{{commit}}")
    if tagged != commit:
        what = f"points at {tagged[:12]}" if tagged else "is not in this clone"
        return Blocked(f"{project.tag} {what}, the checkout is at {commit[:12]}", Exit.CONFLICT)
    written = written_version(git, commit)
    notes = notes_of(git.text(commit, FILE), version)
    if written != version or not notes:
        lacks = f"{VERSION_FILE} says {written!a}" if written != version else f"{FILE} is silent"
        return Blocked(
            f"{project.tag} does not fit its commit: {lacks}",
            Exit.CONFLICT,
            "a tag made by hand starts no release: delete it and run `invoke release`",
        )
    earlier = git.out("tag", "--merged", f"{commit}^", "--list", "v*").split()
    return Done(
        replace(
            facts,
            version=version,
            previous=latest(earlier),
            notes=notes,
            commit=commit,
            epoch=git.time_of(commit),
        )
    )


STEP = Step("plan", (), check, run, effect=Effect.NONE)
