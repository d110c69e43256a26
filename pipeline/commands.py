"""What the invoke tasks do: each function is a command: plain values in, an exit code out."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.branches import on_branch
from pipeline.comparison import Earlier, compare, read_earlier, tagged
from pipeline.endpoints import FAULT_VARIABLE, find_endpoints
from pipeline.faults import effect
from pipeline.git import Git
from pipeline.live import progress
from pipeline.project import Endpoints, Project, child_environment, environment
from pipeline.report import report_of, write_report
from pipeline.result import Result, resume_line
from pipeline.run import run_steps
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.versioning.claims import read_claims
from pipeline.versioning.versions import tag_of, version_of_tag
from pipeline.workspace import checked_repository, fetch_annotated, open_workspace, uncommitted


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
