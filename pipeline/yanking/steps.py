"""What yanking a version does, in order. Each step looks at the world, as those of a release do.

Nothing is deleted: who pinned the version still gets it, everybody else gets another one.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing import index
from pipeline.publishing.followed import after_yank, mark_of
from pipeline.publishing.places import DISTRIBUTION, index_simple, registry_of, releases_of
from pipeline.publishing.registry import Registry
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
from pipeline.versioning.versions import tag_of, to_pep440
from pipeline.yanking import changelog

_BANNER = "> **Yanked:** "


def check_published(project: Project, facts: Facts) -> Verdict:
    """Is there anything to take out of circulation?"""
    if places_with(project.endpoints, facts.version):
        return Done(facts)
    return Blocked(
        f"{facts.version} is published nowhere",
        Exit.USAGE,
        "what is only tagged or staged is taken back by `invoke release --abort`",
    )


def check_image(project: Project, facts: Facts) -> Verdict:
    """Do followed tags still point at it, and is it marked?"""
    registry = registry_of(project.endpoints)
    digest = registry.digest(facts.version)
    if not digest:
        return Done(facts)
    moves = _moves(registry, facts.version, digest)
    effects = [f"move the tag {tag} to {other}" for tag, other in moves.items()]
    if registry.digest(mark_of(facts.version)) != digest:
        effects.append(f"tag the image {mark_of(facts.version)}")
    return Todo(tuple(effects)) if effects else Done(facts)


def run_image(project: Project, facts: Facts) -> Facts:
    """Mark it first, so that a release that comes in between knows; then move the tags."""
    registry = registry_of(project.endpoints)
    digest = registry.digest(facts.version)
    _point(project, registry, mark_of(facts.version), digest)
    for tag, other in _moves(registry, facts.version, digest).items():
        _point(project, registry, tag, registry.digest(other))
    return facts


def check_release(project: Project, facts: Facts) -> Verdict:
    """Does the forge's release say it, and is it no longer offered as the latest?"""
    release = releases_of(project.endpoints).find(tag_of(facts.version))
    if release is None or release.draft:
        return Done(facts)
    effects = []
    if not (release.body or "").startswith(_BANNER):
        effects.append(f"write that it is yanked above the notes of {release.tag_name}")
    if not release.prerelease:
        effects.append(f"make {release.tag_name} a pre-release, so that it is not the latest")
    return Todo(tuple(effects)) if effects else Done(facts)


def run_release(project: Project, facts: Facts) -> Facts:
    """Put the reason above the notes."""
    releases = releases_of(project.endpoints)
    release = releases.find(tag_of(facts.version))
    if release is None:
        raise PipelineError(f"the release {tag_of(facts.version)} is gone")
    body = release.body or ""
    if not body.startswith(_BANNER):
        body = f"{_BANNER}{facts.notes}\n\n{body}"
    with effect(project, "yank:release"):
        releases.set_aside(release, body)
    return facts


def check_index(project: Project, facts: Facts) -> Verdict:
    """Does the index tell installers to pass it over (PEP 592)?"""
    left = _offered(project, facts.version)
    return Todo(tuple(f"yank {name}, by hand" for name in left)) if left else Done(facts)


def run_index(project: Project, facts: Facts) -> Facts:
    """Say how a person does it.

    Raises:
        PipelineError: INCOMPLETE, always: no upload token may yank, on no index that we know.
    """
    parts = urlsplit(index_simple(project.endpoints))
    page = f"/manage/project/{DISTRIBUTION}/release/{to_pep440(facts.version)}/"
    raise PipelineError(
        f"the package index still offers {facts.version}: it lets only a person yank it",
        advice=f"sign in, open {parts.scheme}://{parts.netloc}{page}, choose Yank, give the reason "
        f"{facts.notes!r}; then run the same command again to see that it holds",
    )


def _look(_project: Project, facts: Facts) -> Facts:
    return facts


def _moves(registry: Registry, version: str, digest: str) -> dict[str, str]:
    """Tag -> version, for the tags that point at the image; one with nothing left stays."""
    wanted = after_yank(version, registry.tags())
    return {tag: other for tag, other in wanted.items() if other and registry.digest(tag) == digest}


def _point(project: Project, registry: Registry, tag: str, digest: str) -> None:
    found = registry.manifest(digest)
    if found is None:
        raise PipelineError(f"{registry.name}@{digest} is gone")
    if registry.digest(tag) != digest:
        with effect(project, "yank:tag", tag):
            registry.put_manifest(tag, found.media_type, found.body)


def _offered(project: Project, version: str) -> tuple[str, ...]:
    """The files of a version that installers would still choose."""
    files = index.files(index_simple(project.endpoints), DISTRIBUTION)
    mine = to_pep440(version)
    stem = f"{DISTRIBUTION.replace('-', '_')}-{mine}"
    names = (name for name in files if name.startswith((f"{stem}-", f"{stem}.tar")))
    return tuple(sorted(name for name in names if not files[name].yanked))


PUBLISHED = Step("published", (), check_published, _look, effect=Effect.NONE)
IMAGE = Step("image", ("published",), check_image, run_image, effect=Effect.PUBLIC)
RELEASE = Step("release", ("image",), check_release, run_release, effect=Effect.PUBLIC)
INDEX = Step("index", ("changelog",), check_index, run_index, effect=Effect.PUBLIC)

YANK = (
    PUBLISHED,  #       only looks
    IMAGE,  #           `latest` and its like go back to the version before
    RELEASE,  #         the forge's release says so and is no longer the latest
    changelog.STEP,  #  [YANKED]
    INDEX,  #           by hand, so last: what a program can do is done by then
)
