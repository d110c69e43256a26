"""The commands that take something back: `invoke release --abort`, `invoke yank`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pipeline.branches import on_branch
from pipeline.git import Git
from pipeline.invocation import Options, finish, make_project, open_clone, say
from pipeline.live import progress
from pipeline.project import Endpoints, environment
from pipeline.step import Exit, Facts, PipelineError
from pipeline.versioning.versions import parse


def abort(here: Path, options: Options, *, plan: bool = False) -> Exit:
    """Take back all of a release that was not published; print what first.

    Args:
        here: the person's clone.
        options: where the release went.
        plan: only print.

    Raises:
        PipelineError: CONFLICT, it is published or others have built on it; USAGE, there is
            nothing to take back.
    """
    from pipeline.abort import facts_of_tag, leftovers

    git, endpoints = open_clone(here, options)
    endpoints = on_branch(git, endpoints, strict=False)
    version = _begun(git, endpoints, options)
    out = here / "dist" / "release" / version
    project = make_project(git, out, endpoints, replace(options, resume=True))
    facts = facts_of_tag(project, version)
    found = leftovers(project, facts)
    local = (out / "journal.jsonl").is_file()
    if not found and not local:
        raise PipelineError(f"nothing of {version} is there to take back", exit_code=Exit.USAGE)
    _print(f"take back {version}", (each.words for each in found))
    if plan:
        return Exit.DONE
    for each in found:
        each.take_back(project, facts)
        say(f"done: {each.words}")
    (out / "journal.jsonl").unlink(missing_ok=True)
    print(f"{version} was taken back; {out} can be deleted")  # noqa: T201  the command's own output
    return Exit.DONE


def yank(here: Path, options: Options, version: str, reason: str, *, plan: bool = False) -> Exit:
    """Take a published version out of circulation; print what first.

    Args:
        here: the person's clone.
        options: where it was released to.
        version: as in its tag, with or without the `v`.
        reason: for people, one line.
        plan: only print.

    Raises:
        PipelineError: USAGE, no version or no reason.
    """
    from pipeline.preview import preview
    from pipeline.run import run_steps
    from pipeline.step import Blocked, Todo
    from pipeline.yanking.steps import YANK

    version = str(parse(version.removeprefix("v")))
    words = " ".join(reason.split())
    if not words:
        raise PipelineError(
            "a yanked version needs a reason", exit_code=Exit.USAGE, advice="give --reason TEXT"
        )
    git, endpoints = open_clone(here, options)
    endpoints = on_branch(git, endpoints, strict=False)
    out = here / "dist" / "yank" / version
    project = make_project(git, out, endpoints, options)
    known = Facts(version=version, notes=words)
    seen = preview(project, YANK, known)
    for _, verdict in seen.steps:
        if isinstance(verdict, Blocked):
            raise PipelineError(verdict.reason, exit_code=verdict.exit_code, advice=verdict.advice)
    effects = [e for _, verdict in seen.steps if isinstance(verdict, Todo) for e in verdict.effects]
    _print(f"yank {version}: {words}", effects)
    if plan:
        return Exit.DONE
    with progress(sys.stderr, environment()) as tell:
        result = run_steps(project, YANK, facts=known, say=tell)
    where = "what runs it goes on running: `invoke deploy --reference NAME@DIGEST` puts another"
    return finish(project, result, f"{version} is yanked everywhere; {where}", "Yank")


def _begun(git: Git, endpoints: Endpoints, options: Options) -> str:
    """The version to take back: what HEAD would release or released, else the newest tag."""
    from pipeline.abort import newest_tagged
    from pipeline.invocation import planned_version

    tagged = newest_tagged(git, endpoints.git_remote)
    try:
        planned = planned_version(git, options)
    except PipelineError as error:
        if not tagged or error.exit_code is not Exit.GATE:
            raise
        return tagged
    return planned


def _print(head: str, lines: Iterable[str]) -> None:
    body = [f"  would {line}" for line in lines] or ["  nothing is left to do"]
    sys.stdout.write("\n".join((head, *body)) + "\n")
    sys.stdout.flush()
