"""confirm: CI has built again from the tag, and it came out as the tag says. Only looks.

A tag carries the digests of what its author built and looked at. Another machine must arrive at the
same bytes; if it does not, nothing is published under this version, ever.
"""

from __future__ import annotations

from pipeline.git import Git
from pipeline.project import Project
from pipeline.signing.stranger import tag_is_signed
from pipeline.step import Blocked, Done, Effect, Exit, Facts, PipelineError, Step, Todo, Verdict
from pipeline.versioning.claims import Claims, claims_of, read_claims

_BURNT = "this version is burnt: find what differs between the machines, then release the next one"


def check(project: Project, facts: Facts) -> Verdict:
    """Compare what was built here with what the tag claims."""
    if not facts.image_digest or not facts.artifacts:
        return Todo(("compare what CI builds with what the tag claims",))
    signers = project.endpoints.tag_signers_file
    git = Git(project.shell, project.root)
    if signers and not tag_is_signed(git, project.tag, project.root / signers):
        return Blocked(
            f"{project.tag} is not signed by anybody who may release",
            Exit.CONFLICT,
            f"find out who pushed it; {signers} lists who may release",
        )
    claimed = read_claims(_message(project))
    differences = compare(claimed, claims_of(facts))
    if differences:
        return Blocked(f"not what {project.tag} claims: {differences[0]}", Exit.CONFLICT, _BURNT)
    return Done(facts)


def run(project: Project, _facts: Facts) -> Facts:
    """Called where the facts were missing: then nothing was built, and nothing may be published."""
    raise PipelineError(f"nothing was built that could be compared with {project.tag}")


def compare(claimed: Claims, built: Claims) -> tuple[str, ...]:
    """What differs between two claims, one line each."""
    found = [
        f"{what} is {mine or 'missing'}, the tag says {theirs}"
        for what, mine, theirs in (
            ("version", built.version, claimed.version),
            ("commit", built.commit, claimed.commit),
            ("image", built.image_digest, claimed.image_digest),
        )
        if mine != theirs
    ]
    mine = {artifact.name: artifact.digest for artifact in built.artifacts}
    theirs = {artifact.name: artifact.digest for artifact in claimed.artifacts}
    found += [
        f"{name} is {mine.get(name, 'missing')}, the tag says {theirs.get(name, 'nothing of it')}"
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name)
    ]
    return tuple(found)


def _message(project: Project) -> str:
    """The message of the tag, without the headers of the tag object."""
    git = Git(project.shell, project.root)
    return git.out("cat-file", "tag", f"refs/tags/{project.tag}").partition("\n\n")[2]


STEP = Step("confirm", ("attest",), check, run, effect=Effect.NONE)
