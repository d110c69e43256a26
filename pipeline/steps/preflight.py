"""preflight: everything that can be known to fail is found before anything is built. Only looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipeline.branches import is_of_line, may_come_from
from pipeline.git import Git, last_words
from pipeline.machine.pinned import tools
from pipeline.project import Project
from pipeline.provision import missing_tools
from pipeline.publishing.http import read_token
from pipeline.publishing.rights import refusals
from pipeline.publishing.taken import places_with, skew
from pipeline.step import Blocked, Done, Effect, Exit, Facts, PipelineError, Step, Verdict
from pipeline.versioning.release_commit import expected_commit, plan_release
from pipeline.versioning.versions import tag_of

_MAX_SKEW = 300.0  # seconds; a clock further off makes signatures and dates worthless

Probe = Callable[[Project, Facts], Iterable[Blocked]]


def check(project: Project, facts: Facts) -> Verdict:
    """Probe all of it, and say all that is in the way at once."""
    probes = _CI if project.ci else _LAPTOP
    found = [problem for probe in probes for problem in _ask(probe, project, facts)]
    if not found:
        return Done(facts)
    worst = max(problem.exit_code for problem in found)
    advice = "; ".join(dict.fromkeys(problem.advice for problem in found if problem.advice))
    return Blocked("; ".join(problem.reason for problem in found), worst, advice)


def run(_project: Project, facts: Facts) -> Facts:
    """Nothing to do: looking was all."""
    return facts


def _ask(probe: Probe, project: Project, facts: Facts) -> tuple[Blocked, ...]:
    """What a probe found; one that cannot look is in the way itself."""
    try:
        return tuple(probe(project, facts))
    except PipelineError as error:
        code = error.exit_code if error.exit_code is Exit.CONFLICT else Exit.ENVIRONMENT
        return (Blocked(error.message, code, error.advice),)


def _tools(project: Project, _facts: Facts) -> Iterator[Blocked]:
    for tool in missing_tools(project):
        yield Blocked(
            f"{tool.name} is missing ({tool.why})", Exit.ENVIRONMENT, f"get it: {tool.command}"
        )


def _versions(project: Project, _facts: Facts) -> Iterator[Blocked]:
    """The tools that are here are those that were tried, or those of the lock."""
    for tool in tools(project):
        if tool.command:
            yield Blocked(
                f"{tool.name} is {tool.version or 'of an unknown version'}, wanted: {tool.wanted}",
                Exit.ENVIRONMENT,
                f"{tool.name}: {tool.command}",
            )


def _clean(project: Project, _facts: Facts) -> Iterator[Blocked]:
    git = Git(project.shell, project.root)
    dirt = git.out("status", "--porcelain").splitlines()
    if dirt:
        yield Blocked(
            f"the clean clone is not clean: {dirt[0].strip()}",
            Exit.CONFLICT,
            f"delete {project.root} and run again",
        )


def _secrets(project: Project, _facts: Facts) -> Iterator[Blocked]:
    """Files that hold a token or key are there; what they hold is not looked at any further."""
    endpoints = project.endpoints
    tokens = (endpoints.index_token_file, endpoints.forge_token_file) if project.ci else ()
    for path in tokens:
        read_token(path)
    if endpoints.signing_key_file and not Path(endpoints.signing_key_file).is_file():
        yield Blocked(
            f"there is no signing key {endpoints.signing_key_file}",
            Exit.ENVIRONMENT,
            "make one: ssh-keygen -t ed25519 -f FILE",
        )


def _clock(project: Project, facts: Facts) -> Iterator[Blocked]:
    now = project.now().timestamp()
    if facts.epoch and now < facts.epoch - _MAX_SKEW:
        yield Blocked("this clock is behind the commit's time", Exit.ENVIRONMENT, "set the clock")
    ahead = skew(project.endpoints, now)
    if ahead is not None and abs(ahead) > _MAX_SKEW:
        yield Blocked(f"this clock is off by {ahead:.0f} s", Exit.ENVIRONMENT, "set the clock")


def _branch(project: Project, facts: Facts) -> Iterator[Blocked]:
    """The remote's branch must be at our base, or at the very commit that this release makes."""
    if not facts.version:
        return
    git = Git(project.shell, project.root)
    plan = plan_release(git, project.pre)
    branch = project.endpoints.branch
    there = git.remote_refs(project.endpoints.git_remote, f"refs/heads/{branch}")
    at = there.get(f"refs/heads/{branch}", "")
    if at not in {plan.base, expected_commit(git, plan)}:
        where = f"at {at[:12]}" if at else "not there"
        yield Blocked(
            f"the remote's {branch} is {where}, the release starts from {plan.base[:12]}",
            Exit.ENVIRONMENT,
            f"bring your {branch} and the remote's to the same commit (git pull, git push)",
        )


def _line(project: Project, facts: Facts) -> Iterator[Blocked]:
    """A hotfix branch releases patches of its own line, nothing else."""
    branch = project.endpoints.branch
    if facts.version and not is_of_line(facts.version, branch):
        yield Blocked(
            f"{facts.version} cannot be released from {branch}",
            Exit.GATE,
            f"release it from the main branch; {branch} takes fixed and security fragments only",
        )


def _origin(project: Project, facts: Facts) -> Iterator[Blocked]:
    """CI publishes what is on a branch that releases are made from, not whatever was tagged."""
    if not facts.commit:
        return
    git, remote = Git(project.shell, project.root), project.endpoints.git_remote
    names = may_come_from(facts.version, project.endpoints.branch)
    heads = git.remote_refs(remote, *(f"refs/heads/{name}" for name in names))
    for name, head in heads.items():
        if git.run("cat-file", "-e", f"{head}^{{commit}}", check=False).returncode:
            git.run("fetch", "--quiet", "--no-tags", remote, name)
        if git.run("merge-base", "--is-ancestor", facts.commit, head, check=False).ok:
            return
    yield Blocked(
        f"{facts.commit[:12]} is on none of the remote's branches {', '.join(names)}",
        Exit.CONFLICT,
        "a tag made by hand starts no release: delete it and run `invoke release`",
    )


def _free(project: Project, facts: Facts) -> Iterator[Blocked]:
    """The version is not taken, unless by this very release."""
    if not facts.version:
        return
    git = Git(project.shell, project.root)
    tag = f"refs/tags/{tag_of(facts.version)}"
    refs = git.remote_refs(project.endpoints.git_remote, tag, f"{tag}^{{}}")
    tagged = refs.get(f"{tag}^{{}}", refs.get(tag, ""))
    if tagged and tagged == expected_commit(git, plan_release(git, project.pre)):
        return
    places = places_with(project.endpoints, facts.version)
    for place in (*(("the remote's tags",) if tagged else ()), *places):
        yield Blocked(
            f"version {facts.version} is taken: {place} have it"
            if place.endswith("s")
            else f"version {facts.version} is taken: {place} has it",
            Exit.CONFLICT,
            "fetch the remote's tags and look who released it; a version is never used twice",
        )


def _rights(project: Project, facts: Facts) -> Iterator[Blocked]:
    """May we push? A dry run goes as far as the remote's own yes or no to this credential."""
    if not facts.version:
        return
    git = Git(project.shell, project.root)
    target = f"HEAD:refs/heads/probe/{tag_of(facts.version)}"
    ran = git.run("push", "--dry-run", project.endpoints.git_remote, target, check=False)
    if not ran.ok:
        yield Blocked(
            f"no right to push: {last_words(ran)}",
            Exit.ENVIRONMENT,
            "set up git's credentials for that remote",
        )


def _publishing(project: Project, _facts: Facts) -> Iterator[Blocked]:
    """May we upload, push and make releases? Only CI has the credentials for that."""
    for reason, advice in refusals(project.endpoints):
        yield Blocked(reason, Exit.ENVIRONMENT, advice)


_BOTH: tuple[Probe, ...] = (_tools, _versions, _clean, _secrets, _clock)
_LAPTOP: tuple[Probe, ...] = (*_BOTH, _branch, _line, _free, _rights)
_CI: tuple[Probe, ...] = (*_BOTH, _origin, _publishing)

STEP = Step("preflight", ("plan",), check, run, effect=Effect.NONE)
