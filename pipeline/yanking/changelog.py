"""The changelog says `[YANKED]` beside a version (Keep a Changelog 1.1), as a commit of its own."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from pipeline.faults import effect
from pipeline.git import Git, last_words
from pipeline.project import Project
from pipeline.step import Done, Effect, Facts, PipelineError, Step, Todo, Verdict
from pipeline.versioning.changelog import FILE
from pipeline.versioning.release_commit import identity

_MARK = "[YANKED]"


def mark_yanked(changelog: str, version: str) -> str:
    """The changelog with the mark on the heading of a version; unchanged where it has none."""
    heading = re.compile(
        rf"^(## \[{re.escape(version)}\][^\n]*?)[ \t]*(?:{re.escape(_MARK)})?$",
        re.MULTILINE,
    )
    return heading.sub(rf"\1 {_MARK}", changelog)


def check(project: Project, facts: Facts) -> Verdict:
    """Does the remote's changelog say it already? A pre-release is not in it."""
    git = Git(project.shell, project.root)
    text = git.text(_head(project, git), FILE)
    if mark_yanked(text, facts.version) == text:
        return Done(facts)
    return Todo((f"write {_MARK} beside {facts.version} in {FILE} of {project.endpoints.branch}",))


def run(project: Project, facts: Facts) -> Facts:
    """Commit on top of the remote's branch, and push; never by force.

    Raises:
        PipelineError: the remote did not take it.
    """
    git = Git(project.shell, project.root)
    base = _head(project, git)
    made = _commit(git, base, mark_yanked(git.text(base, FILE), facts.version), facts.version)
    remote, branch = project.endpoints.git_remote, project.endpoints.branch
    with effect(project, "yank:changelog"):
        ran = git.run("push", remote, f"{made}:refs/heads/{branch}", check=False)
    if not ran.ok:
        raise PipelineError(
            f"the remote's {branch} did not take the changelog: {last_words(ran)}",
            advice="run the same command again; where the branch is protected, "
            f"write {_MARK} beside the version in {FILE} by a pull request first",
        )
    return facts


def _head(project: Project, git: Git) -> str:
    """The commit that the remote's branch is on, fetched."""
    branch = project.endpoints.branch
    git.run(
        *("fetch", "--quiet", "--no-tags", project.endpoints.git_remote),
        f"+refs/heads/{branch}:refs/yank/{branch}",
    )
    return git.resolve(f"refs/yank/{branch}")


def _commit(git: Git, base: str, text: str, version: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git.run("read-tree", base, env=env)
        blob = git.run("hash-object", "-w", "--stdin", stdin=text).stdout.strip()
        git.run("update-index", "--cacheinfo", f"100644,{blob},{FILE}", env=env)
        tree = git.run("write-tree", env=env).stdout.strip()
    words = ("commit-tree", tree, "-p", base, "-m", f"Say that {version} is yanked")
    return git.run(*words, env=identity(git.time_of(base))).stdout.strip()


STEP = Step("changelog", ("release",), check, run, effect=Effect.PUBLIC)
