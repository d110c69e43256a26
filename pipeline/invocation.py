"""What every command starts from and ends with: a person's choices, a clean clone, a report."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.comparison import Earlier, compare, read_earlier, tagged
from pipeline.endpoints import FAULT_VARIABLE, find_endpoints
from pipeline.faults import effect
from pipeline.git import Git
from pipeline.project import Endpoints, Project, child_environment, environment
from pipeline.report import report_of, write_report
from pipeline.result import Result, resume_line
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.versioning.claims import read_claims
from pipeline.versioning.versions import tag_of
from pipeline.workspace import checked_repository, open_workspace


@dataclass(frozen=True, slots=True)
class Options:
    """What a person chose for a release.

    Args:
        endpoints: file of endpoints, empty for the default.
        rehearse: refuse endpoints that are real.
        resume: go on where an earlier run of the same commit stopped.
        provision: install what is missing first.
        fault: where to die on purpose; rehearsals only.
    """

    endpoints: str = ""
    rehearse: bool = False
    resume: bool = False
    provision: bool = False
    fault: str = ""
    pre: str = ""


def guarded(command: Callable[[], Exit]) -> Exit:
    """Run a command at the outermost edge: mistakes become one line and the right exit code."""
    try:
        return command()
    except PipelineError as error:
        complain(error.message, error.advice)
        return error.exit_code
    except KeyboardInterrupt:
        complain("interrupted", "nothing half made is left; run the same command again")
        return Exit.INCOMPLETE
    except Exception as error:  # noqa: BLE001  the outermost edge
        log = Path("dist", "crash.log")
        log.parent.mkdir(exist_ok=True)
        log.write_text(traceback.format_exc(), encoding="utf-8")
        complain(f"a mistake of the pipeline itself: {type(error).__name__}", f"see {log}")
        return Exit.INCOMPLETE


def open_clone(here: Path, options: Options) -> tuple[Git, Endpoints]:
    """The person's clone and the endpoints.

    Raises:
        PipelineError: no whole clone, no endpoints, or real ones in a rehearsal.
    """
    shell = Shell(env=child_environment())
    git = checked_repository(shell, here)
    origin = git.run("remote", "get-url", "origin", check=False).stdout.strip()
    endpoints = find_endpoints(here, options.endpoints, environment(), origin)
    if options.rehearse and not endpoints.rehearsal:
        raise PipelineError(
            "these endpoints are real, and --rehearse was given",
            exit_code=Exit.USAGE,
            advice="give the endpoints file of a rehearsal, or leave --rehearse out",
        )
    return git, endpoints


def make_project(
    git: Git, out: Path, endpoints: Endpoints, options: Options, tag: str = ""
) -> Project:
    """The clean clone and all that goes with it."""
    fault = _fault(options)
    space = open_workspace(git, out, endpoints, resume=options.resume or bool(tag), fault=fault)
    project = _project(space.root, out, endpoints, options, tag)
    if options.provision:
        from pipeline.provision import provision

        provision(project.shell, say=say)
    return project


def _project(
    root: Path, out: Path, endpoints: Endpoints, options: Options, tag: str = ""
) -> Project:
    return Project(
        root,
        out,
        endpoints,
        Shell(env=child_environment(), log=out / "log.txt"),
        ci=bool(tag),
        tag=tag,
        fault=_fault(options),
        pre=options.pre,
    )


def _fault(options: Options) -> str:
    return options.fault or environment().get(FAULT_VARIABLE, "")


def planned_version(git: Git, options: Options) -> str:
    """The version that this clone's commit would be released as.

    Raises:
        PipelineError: see `plan_release`.
    """
    from pipeline.versioning.release_commit import plan_release

    return plan_release(git, options.pre).version


def finish(project: Project, result: Result, end: str, title: str = "Release") -> Exit:
    """Write the report, say how it ended and what to do next."""
    earlier = _earlier(project, result.facts.previous)
    comparison = compare(result.facts, earlier) if earlier is not None else None
    with effect(project, "report:write"):
        paths = write_report(report_of(result, title, comparison), project.out)
    if result.exit_code is Exit.DONE:
        say(f"report: {paths[1]}")
        print(end)  # noqa: T201  the command's own output
    else:
        complain(result.message, result.advice or resume_line(project))
    return result.exit_code


def _earlier(project: Project, previous: str) -> Earlier | None:
    """The last release: its report where it was made here, else what its tag claims."""
    found = read_earlier(project.out.parent / (previous or "-") / "report.json")
    if found is not None or not previous or not project.root.is_dir():
        return found
    shown = Git(project.shell, project.root).run("cat-file", "tag", tag_of(previous), check=False)
    try:
        return tagged(read_claims(shown.stdout.partition("\n\n")[2])) if shown.ok else None
    except PipelineError:  # a tag that was made by hand claims nothing
        return None


def say(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201  progress


def complain(message: str, advice: str) -> None:
    """What went wrong, and below it what to do next."""
    say(f"error: {message}")
    if advice:
        say(f"       {advice}")
