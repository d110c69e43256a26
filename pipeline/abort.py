"""Takes back what a release left in the world before it was published, without its journal.

What is there is read from the remote's tag, the registry and the forge, so it works as well on a
machine that did not begin the release. `pipeline.undo` is the same by journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.git import BASE_REF, Git
from pipeline.project import Project
from pipeline.publishing.places import registry_of, releases_of
from pipeline.publishing.taken import places_with
from pipeline.signing.beside import ENDS, all_of, tag_beside
from pipeline.step import Exit, Facts, PipelineError
from pipeline.steps import sign, stage, tag
from pipeline.versioning.claims import read_claims
from pipeline.versioning.versions import latest, tag_of


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that can be taken back.

    Args:
        words: what taking it back does, one line.
        take_back: does it; again does no harm.
    """

    words: str
    take_back: Callable[[Project, Facts], None]


def newest_tagged(git: Git, remote: str) -> str:
    """The highest version that the remote has a tag for, empty for none."""
    refs = git.remote_refs(remote, "refs/tags/v*")
    return latest(name.removeprefix("refs/tags/").removesuffix("^{}") for name in refs)


def facts_of_tag(project: Project, version: str) -> Facts:
    """What the remote's tag claims; nothing but the version where there is no tag."""
    git = Git(project.shell, project.root)
    name = f"refs/tags/{tag_of(version)}"
    refs = git.remote_refs(project.endpoints.git_remote, name)
    if name not in refs:
        return Facts(version=version)
    git.run("fetch", "--quiet", "--no-tags", project.endpoints.git_remote, f"+{name}:{name}")
    claims = read_claims(git.out("cat-file", "tag", name).partition("\n\n")[2])
    git.run("update-ref", BASE_REF, f"{claims.commit}^")
    return Facts(
        version=version,
        commit=claims.commit,
        image_digest=claims.image_digest,
        artifacts=claims.artifacts,
        tag_object=refs[name],
    )


def leftovers(project: Project, facts: Facts) -> tuple[Leftover, ...]:
    """What there is to take back, in the order in which it must be.

    Raises:
        PipelineError: CONFLICT, some of it is published.
    """
    published = places_with(project.endpoints, facts.version)
    if published:
        raise PipelineError(
            f"{facts.version} is published ({', '.join(published)}) and cannot be taken back",
            exit_code=Exit.CONFLICT,
            advice=f"run the CI half again to end it, or `invoke yank --version {facts.version}`",
        )
    return (*_staged(project, facts), *_tagged(project, facts))


def _staged(project: Project, facts: Facts) -> Iterator[Leftover]:
    endpoints = project.endpoints
    said = []
    if endpoints.forge_api and (found := releases_of(endpoints).find(tag_of(facts.version))):
        said.append(f"delete the draft {found.tag_name} with its {len(found.assets)} files")
    if endpoints.registry and facts.image_digest:
        registry = registry_of(endpoints)
        if registry.manifest(facts.image_digest) is not None:
            said.append(f"delete the image {registry.name}@{facts.image_digest}")
        # First, because the image says for which platforms there are signatures.
        names = {
            tag_beside(each, end) for each in all_of(registry, facts.image_digest) for end in ENDS
        }
        if names & set(registry.tags()):
            yield Leftover("delete the signatures beside the image", sign.undo)
    if said:
        yield Leftover("; ".join(said), stage.undo)


def _tagged(project: Project, facts: Facts) -> Iterator[Leftover]:
    if not facts.tag_object:
        return
    git, branch = Git(project.shell, project.root), project.endpoints.branch
    words = f"take {tag_of(facts.version)} off {project.endpoints.git_remote}"
    head = git.remote_refs(project.endpoints.git_remote, f"refs/heads/{branch}")
    if head.get(f"refs/heads/{branch}") == facts.commit:
        yield Leftover(f"{words}, and {branch} back to {git.base()[:12]}", tag.undo)
        return
    raise PipelineError(
        f"{branch} has moved on from the release commit {facts.commit[:12]}",
        exit_code=Exit.CONFLICT,
        advice="the tag stays and the version is burnt: release the next one",
    )
