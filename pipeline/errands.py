"""The smaller invoke tasks: build without releasing, renew the surface, provision."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.endpoints import DEFAULT_FILE
from pipeline.invocation import Options, complain, finish, make_project, say
from pipeline.project import child_environment, load_endpoints
from pipeline.run import run_steps
from pipeline.shell import Shell
from pipeline.step import Exit, Facts, Step
from pipeline.steps.plan import written_version
from pipeline.workspace import checked_repository

_SHOWN = 20


def make(here: Path, names: Sequence[str]) -> Exit:
    """Build the commit that is checked out (and look at it), without releasing anything."""
    from pipeline.release import CI

    git = checked_repository(Shell(env=child_environment()), here)
    # Nothing leaves this machine, so no place needs to be known; only what to build on.
    endpoints = msgspec.structs.replace(load_endpoints(here / DEFAULT_FILE), git_remote=str(here))
    commit = git.resolve("HEAD^{commit}")
    steps: list[Step] = [step for step in CI if step.name in names]
    out = here / "dist" / "make"
    project = make_project(git, out, endpoints, Options(resume=True))
    facts = Facts(version=written_version(git, commit), commit=commit, epoch=git.time_of(commit))
    given = frozenset(step.name for step in CI) - {step.name for step in steps}
    result = run_steps(project, steps, resume=True, facts=facts, given=given, say=say)
    return finish(project, result, f"made in {project.out / 'artifacts'}")


def nox(here: Path, session: str) -> Exit:
    """Run a nox session with its output on this terminal."""
    argv = (sys.executable, "-m", "nox", "--session", session)
    code = Shell(env=child_environment()).stream(argv, cwd=here)
    return Exit.GATE if code else Exit.DONE


def surface(here: Path, *, check: bool) -> Exit:
    """Write the public surface down, or only say what differs from what is written."""
    from pipeline.surface.describe import committed, describe
    from pipeline.surface.items import FILE, difference, write

    now = describe(Shell(env=child_environment()), here)
    found = difference(committed(here), now)
    lines = (*found.breaking, *(f"new: {item}" for item in found.added))
    for line in lines[:_SHOWN]:
        say(line)
    if len(lines) > _SHOWN:
        say(f"and {len(lines) - _SHOWN} more")
    if check:
        return Exit.GATE if lines else Exit.DONE
    (here / FILE).write_text(write(now), encoding="utf-8")
    say(f"{FILE}: {len(now)} promises")
    return Exit.DONE


def dev(here: Path, *, down: bool, logs: bool, grafana: bool) -> Exit:
    """The development environment: start it, end it, or follow its logs.

    Raises:
        PipelineError: it does not start.
    """
    from pipeline.dev import Dev

    place = Dev(Shell(env=child_environment()), here, say)
    if logs:
        return place.logs()
    if down:
        place.down()
    else:
        place.up(grafana=grafana)
    return Exit.DONE


def image(here: Path, tag: str) -> Exit:
    """Build the image of the work tree for this machine, and the one of what watches it.

    Raises:
        PipelineError: no engine, or a build failed.
    """
    from pipeline.artifacts.image import build_image
    from pipeline.dev import build_tools

    build_image(here, tag)
    say(f"built {tag}")
    build_tools(Shell(env=child_environment()), here, "mgit-tools")
    say("built mgit-tools")
    return Exit.DONE


def provision_all() -> Exit:
    """Install what is missing; say what still is afterwards."""
    from pipeline.provision import provision

    missing = provision(Shell(env=child_environment()), say)
    for tool in missing:
        complain(f"{tool.name} is missing ({tool.why})", f"get it: {tool.command}")
    return Exit.ENVIRONMENT if missing else Exit.DONE
