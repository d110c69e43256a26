"""tag: the annotated tag that carries what was built, pushed in one go with the release commit."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from pipeline.faults import effect
from pipeline.git import Git, last_words
from pipeline.project import Project
from pipeline.publishing.taken import places_with
from pipeline.step import (
    Blocked,
    Done,
    Effect,
    Exit,
    Facts,
    PipelineError,
    Step,
    Todo,
    Verdict,
)
from pipeline.versioning.claims import claims_of, read_claims, write_claims
from pipeline.versioning.release_commit import identity
from pipeline.versioning.versions import tag_of


def check(project: Project, facts: Facts) -> Verdict:
    """Is the tag on the remote, and does it claim what was built here?"""
    if not facts.version:
        return Todo(("push the release commit and its tag",))
    git = Git(project.shell, project.root)
    tag, branch = tag_of(facts.version), project.endpoints.branch
    name = f"refs/tags/{tag}"
    refs = git.remote_refs(project.endpoints.git_remote, name, f"{name}^{{}}")
    if name not in refs:
        signed = "signed" if project.endpoints.signing_key_file else "not signed: no key is set"
        return Todo(
            (
                f"tag {tag} ({signed})",
                f"push {branch} and {tag} to {project.endpoints.git_remote} in one go",
            )
        )
    if not facts.commit:
        return Todo((f"compare with {tag} on the remote",))
    if refs.get(f"{name}^{{}}") != facts.commit:
        return _conflict(tag, "points at another commit")
    if not facts.image_digest or not facts.artifacts:
        return Todo((f"compare with {tag} on the remote",))
    git.run("fetch", "--quiet", "--no-tags", project.endpoints.git_remote, f"+{name}:{name}")
    if read_claims(git.out("cat-file", "tag", name).partition("\n\n")[2]) != claims_of(facts):
        return _conflict(tag, "was made for other artefacts")
    return Done(replace(facts, tag_object=refs[name]))


def run(project: Project, facts: Facts) -> Facts:
    """Make the tag object, push it together with the branch, ask the remote what it has.

    Raises:
        PipelineError: CONFLICT, the remote's branch has moved; INCOMPLETE, the push failed.
    """
    git = Git(project.shell, project.root)
    tag, branch = tag_of(facts.version), project.endpoints.branch
    name = f"refs/tags/{tag}"
    with effect(project, "tag:make"):
        made = _make(project, git, facts, tag)
    specs = (f"{facts.commit}:refs/heads/{branch}", f"{made}:{name}")
    with effect(project, "tag:push"):
        ran = git.run("push", "--atomic", project.endpoints.git_remote, *specs, check=False)
    refs = git.remote_refs(project.endpoints.git_remote, name, f"refs/heads/{branch}")
    if refs.get(name) != made:
        moved = "non-fast-forward" in ran.stderr or "fetch first" in ran.stderr
        raise PipelineError(
            f"the remote did not take {tag}: {last_words(ran)}",
            exit_code=Exit.CONFLICT if moved else Exit.INCOMPLETE,
            advice=f"{branch} has moved: pull and release again" if moved else "",
        )
    return replace(facts, tag_object=made)


def undo(project: Project, facts: Facts) -> None:
    """Take tag and release commit off the remote, if nobody has built on them or has the version.

    Raises:
        PipelineError: CONFLICT, it is published, or the remote has moved on.
    """
    git = Git(project.shell, project.root)
    places = places_with(project.endpoints, facts.version)
    if places:
        raise PipelineError(
            f"{facts.version} is published already: {', '.join(places)}", exit_code=Exit.CONFLICT
        )
    name = f"refs/tags/{tag_of(facts.version)}"
    head = f"refs/heads/{project.endpoints.branch}"
    leases = (
        f"--force-with-lease={name}:{facts.tag_object}",
        f"--force-with-lease={head}:{facts.commit}",
    )
    specs = (f":{name}", f"{git.base()}:{head}")
    remote = project.endpoints.git_remote
    with effect(project, "undo:push"):
        ran = git.run("push", "--atomic", *leases, remote, *specs, check=False)
    if not ran.ok:
        raise PipelineError(
            f"the remote kept the tag: {last_words(ran)}",
            exit_code=Exit.CONFLICT,
            advice="burn the version: release the next one",
        )


def _make(project: Project, git: Git, facts: Facts, tag: str) -> str:
    """The tag object; identical facts and an ed25519 key give an identical object."""
    key = project.endpoints.signing_key_file
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={Path(key).resolve()}")
    with tempfile.TemporaryDirectory() as folder:
        message = Path(folder, "message")
        message.write_text(write_claims(claims_of(facts)), encoding="utf-8")
        git.run(
            *(*(signing if key else ()), "tag", "--sign" if key else "--annotate", "--force"),
            *("--cleanup=verbatim", "--file", str(message), tag, facts.commit),
            env=identity(facts.epoch),
        )
    return git.resolve(f"refs/tags/{tag}")


def _conflict(tag: str, what: str) -> Blocked:
    return Blocked(
        f"{tag} is on the remote and {what}",
        Exit.CONFLICT,
        "a tag never moves: that version is burnt, release the next one",
    )


STEP = Step("tag", ("attest",), check, run, undo, effect=Effect.PUBLIC)
