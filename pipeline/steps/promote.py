"""promote: the version's names point at what was staged, the release is out, `latest` last.

Before the first name, bills of materials and provenance are put beside the image.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing.followed import LATEST, image_tags
from pipeline.publishing.places import path_of, registry_of, releases_of
from pipeline.publishing.referrers import Around, Attachment, attach, attachments, lacks
from pipeline.publishing.registry import Registry
from pipeline.step import Blocked, Done, Effect, Exit, Facts, PipelineError, Step, Todo, Verdict
from pipeline.versioning.versions import tag_of


def check(project: Project, facts: Facts) -> Verdict:
    """Where do the tags point, and is the release published?"""
    if not facts.version or not facts.image_digest:
        return Todo(
            (
                "attach what tells of the image",
                "tag the image with its version",
                "publish the release",
                f"move {LATEST}",
            )
        )
    registry = registry_of(project.endpoints)
    standing = registry.digest(facts.version)
    if standing not in {"", facts.image_digest}:
        return Blocked(
            f"{registry.name}:{facts.version} is another image ({standing})",
            Exit.CONFLICT,
            "a version's tag never moves: release the next version",
        )
    wanted = image_tags(facts.version, registry.tags())
    effects = [f"attach {each.artifact.name}" for each in _lacking(registry, facts)]
    effects += [f"tag {tag}" for tag in wanted if registry.digest(tag) != facts.image_digest]
    release = releases_of(project.endpoints).find(tag_of(facts.version))
    if release is None or release.draft:
        effects.append(f"publish the release {tag_of(facts.version)}")
    return Todo(tuple(effects)) if effects else Done(facts)


def run(project: Project, facts: Facts) -> Facts:
    """Attach, put the version's own tag, publish, then move the tags that people follow.

    Raises:
        PipelineError: the staged image or draft is gone, or a place refuses.
    """
    registry, releases = registry_of(project.endpoints), releases_of(project.endpoints)
    for each in _lacking(registry, facts):
        attach(registry, each, path_of(project, each.artifact), _around(project))
    tags = image_tags(facts.version, registry.tags())
    _point(project, registry, facts.version, facts.image_digest)
    release = releases.find(tag_of(facts.version))
    if release is None:
        raise PipelineError(f"the draft of {tag_of(facts.version)} is gone", advice="stage again")
    if release.draft:
        with effect(project, "promote:release"):
            releases.publish(release, latest=LATEST in tags)
    for tag in tags[1:]:
        _point(project, registry, tag, facts.image_digest)
    return facts


def _lacking(registry: Registry, facts: Facts) -> tuple[Attachment, ...]:
    return tuple(each for each in attachments(facts) if lacks(registry, each))


def _around(project: Project) -> Around:
    def around(what: str, name: str) -> AbstractContextManager[None]:
        return effect(project, f"promote:{what}", name)

    return around


def _point(project: Project, registry: Registry, tag: str, digest: str) -> None:
    if registry.digest(tag) == digest:
        return
    staged = registry.manifest(digest)
    if staged is None:
        raise PipelineError(f"{registry.name}@{digest} is gone", advice="stage again")
    with effect(project, "promote:tag", tag):
        registry.put_manifest(tag, staged.media_type, staged.body)


STEP = Step("promote", ("publish_index",), check, run, effect=Effect.PUBLIC)
