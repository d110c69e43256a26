"""What the invoke tasks do: each function is a command: plain values in, an exit code out."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.branches import on_branch
from pipeline.faults import effect
from pipeline.git import Git
from pipeline.invocation import (
    Options,
    finish,
    make_project,
    open_clone,
    planned_version,
    say,
)
from pipeline.live import progress
from pipeline.project import Endpoints, child_environment, environment
from pipeline.run import run_steps
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.versioning.versions import version_of_tag
from pipeline.workspace import fetch_annotated, uncommitted


def release_as_asked(here: Path, options: Options, *, plan: bool, undo: bool) -> Exit:
    """`invoke release` with its flags: rehearse everything, print the plan, take back, or release.

    Raises:
        PipelineError: USAGE, flags that exclude each other.
    """
    if options.resume and (plan or undo):
        raise PipelineError(
            "--resume goes with neither --plan nor --abort", exit_code=Exit.USAGE, advice="pick one"
        )
    if options.rehearse and not options.endpoints:
        return rehearse(here, options)
    if undo:
        from pipeline.withdraw import abort

        return abort(here, options, plan=plan)
    return show_plan(here, options) if plan else release(here, options)


def release(here: Path, options: Options) -> Exit:
    """The laptop half: plan to tag."""
    from pipeline.release import LAPTOP

    git, endpoints = open_clone(here, options)
    endpoints = on_branch(git, endpoints)
    _refuse_uncommitted(git, endpoints)
    out = here / "dist" / "release" / planned_version(git, options)
    project = make_project(git, out, endpoints, options)
    with progress(sys.stderr, environment()) as tell:
        result = run_steps(project, LAPTOP, resume=options.resume, say=tell)
    end = f"v{result.facts.version} is tagged and pushed; CI goes on from the tag"
    return finish(project, result, end)


def show_plan(here: Path, options: Options) -> Exit:
    """Print what `release` would do, and change nothing."""
    from pipeline.preview import preview, show, show_later
    from pipeline.release import CI, LAPTOP

    git, endpoints = open_clone(here, options)
    endpoints = on_branch(git, endpoints)
    planned_version(git, options)
    with TemporaryDirectory(prefix="mgit-plan-") as folder:
        project = make_project(git, Path(folder), endpoints, options)
        seen = preview(project, LAPTOP)
        # Nothing is known of what CI will build, so these checks ask nobody.
        later = show_later(replace(project, ci=True), [step for step in CI if step not in LAPTOP])
    sys.stdout.write(show(seen) + later)
    return seen.exit_code


def publish(here: Path, options: Options, tag: str = "") -> Exit:
    """The CI half, on a tag, but for the deployment."""
    from pipeline.graph import until
    from pipeline.release import CI

    env = environment()
    named = tag or (env.get("GITHUB_REF_NAME", "") if env.get("GITHUB_REF_TYPE") == "tag" else "")
    if not named:
        raise PipelineError(
            "no tag to publish", exit_code=Exit.USAGE, advice="give --tag vX.Y.Z, or push a tag"
        )
    version = version_of_tag(named)
    git, endpoints = open_clone(here, options)
    out = here / "dist" / "publish" / version
    # A machine of CI is ours to set up; where nothing is missing this does nothing.
    options = replace(options, provision=options.provision or bool(env.get("CI")))
    project = make_project(git, out, endpoints, options, tag=named)
    with effect(project, "workspace:fetch-tag"):
        fetch_annotated(Git(project.shell, project.root), endpoints.git_remote, named)
    # The last step is a job of its own, so that CI can ask somebody before anything goes live.
    with progress(sys.stderr, environment()) as tell:
        result = run_steps(project, until(CI, "verify"), resume=True, say=tell)
    return finish(project, result, f"{version} is published and verified; next: invoke deploy")


def rehearse(here: Path, options: Options) -> Exit:
    """The whole rehearsal, as `nox -s rehearse` runs it."""
    flags = [f"--{name}" for name in ("provision", "resume") if getattr(options, name)]
    fault = ["--fault", options.fault] if options.fault else []
    argv = (sys.executable, "-m", "pipeline.rehearsal", *flags, *fault)
    return Exit(Shell(env=child_environment()).stream(argv, cwd=here))


def _refuse_uncommitted(git: Git, endpoints: Endpoints) -> None:
    count = uncommitted(git)
    if count and endpoints.rehearsal:
        say(f"{count} uncommitted changes are not part of this release")
    elif count:
        raise PipelineError(
            f"{count} paths of this work tree are not committed",
            exit_code=Exit.ENVIRONMENT,
            advice="commit them or put them away; a release is made from a commit",
        )
