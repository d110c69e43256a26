"""stage: everything is where it will be published, and nobody can see it yet.

The image is in the registry by digest, without a tag; the release is a draft with all its assets.
Both are read back, and both can be taken away again.
"""

from __future__ import annotations

from functools import partial

from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing.forge_release import ForgeReleases, Release
from pipeline.publishing.places import layout_of, path_of, registry_of, releases_of
from pipeline.publishing.push import delete_image, missing, push_layout
from pipeline.step import (
    Artifact,
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
from pipeline.versioning.versions import parse, tag_of


def check(project: Project, facts: Facts) -> Verdict:
    """Is the image in the registry, and are all assets in the release?"""
    registry = registry_of(project.endpoints)
    if not facts.version or not facts.image_digest:
        return Todo((f"push the image to {registry.name} by digest", "draft the release"))
    effects = []
    if missing(registry, facts.image_digest):
        effects.append(f"push {registry.name}@{facts.image_digest}")
    release = releases_of(project.endpoints).find(tag_of(facts.version))
    wrong = wrong_assets(release, facts.artifacts)
    if release is not None and not release.draft and wrong:
        return Blocked(
            f"the release {release.tag_name} is published with another {wrong[0].name}",
            Exit.CONFLICT,
            "a published release never changes: release the next version",
        )
    if release is None:
        effects.append(f"draft the release {tag_of(facts.version)}")
    effects += [f"upload {artifact.name}" for artifact in wrong]
    return Todo(tuple(effects)) if effects else Done(facts)


def run(project: Project, facts: Facts) -> Facts:
    """Push what is missing, draft the release, upload what is missing or wrong; read it back.

    Raises:
        PipelineError: a place refuses, or does not give back what it got.
    """
    registry = registry_of(project.endpoints)
    layout = layout_of(project, facts.image_digest)
    push_layout(registry, layout, facts.image_digest, around=partial(effect, project, "stage:push"))
    if lacking := missing(registry, facts.image_digest):
        raise PipelineError(f"{registry.name} took {facts.image_digest} and lacks {lacking[0]}")
    _draft(project, facts)
    return facts


def undo(project: Project, facts: Facts) -> None:
    """Take the draft and the untagged image away; what is published stays.

    Raises:
        PipelineError: CONFLICT, the release is published.
    """
    releases, registry = releases_of(project.endpoints), registry_of(project.endpoints)
    release = releases.find(tag_of(facts.version))
    if release is not None and not release.draft:
        raise PipelineError(
            f"the release {release.tag_name} is published and stays", exit_code=Exit.CONFLICT
        )
    if release is not None:
        with effect(project, "undo:draft"):
            releases.delete(release)
    if all(registry.digest(tag) != facts.image_digest for tag in registry.tags()):
        around = partial(effect, project, "undo:image")
        delete_image(registry, facts.image_digest, around=around)


def wrong_assets(release: Release | None, wanted: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
    """Which artefacts the release lacks, or has with other bytes, as far as the forge tells."""
    return tuple(artifact for artifact in wanted if not _holds(release, artifact))


def _holds(release: Release | None, artifact: Artifact) -> bool:
    asset = release.asset(artifact.name) if release else None
    if asset is None or asset.state != "uploaded" or asset.size != artifact.bytes:
        return False
    return asset.digest in {None, artifact.digest}


def _draft(project: Project, facts: Facts) -> None:
    releases, tag = releases_of(project.endpoints), tag_of(facts.version)
    release = releases.find(tag)
    if release is None:
        prerelease = bool(parse(facts.version).prerelease)
        with effect(project, "stage:draft"):
            release = releases.create_draft(tag, facts.commit, facts.notes, prerelease=prerelease)
    for artifact in wrong_assets(release, facts.artifacts):
        old, path = release.asset(artifact.name), path_of(project, artifact)
        if old is not None:
            with effect(project, "stage:delete-asset", artifact.name):
                releases.delete_asset(old)
        with effect(project, "stage:asset", artifact.name):
            releases.upload(release, path)
    _read_back(releases, tag, facts.artifacts)


def _read_back(releases: ForgeReleases, tag: str, wanted: tuple[Artifact, ...]) -> None:
    """Every asset's bytes, as the forge hands them out."""
    release = releases.find(tag)
    for artifact in wanted:
        asset = release.asset(artifact.name) if release else None
        if asset is None or releases.digest(asset) != artifact.digest:
            raise PipelineError(f"the forge does not give back {artifact.name} as it was sent")


STEP = Step("stage", ("confirm",), check, run, undo, Effect.PUBLIC)
