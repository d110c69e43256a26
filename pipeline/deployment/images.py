"""From what a person asks for to an image by digest."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.deployment.environments import Digests, Environment
from pipeline.project import Endpoints
from pipeline.publishing.places import registry_of
from pipeline.publishing.registry import Registry
from pipeline.step import Exit, PipelineError
from pipeline.versioning.versions import parse

_YANKED = "yanked"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to go live.

    Args:
        reference: the image by digest.
        version: its version; empty where only the digest was named.
    """

    reference: str
    version: str = ""


def find_image(endpoints: Endpoints, version: str, reference: str) -> Wanted:
    """The image that is asked for.

    Args:
        endpoints: name the registry.
        version: `X.Y.Z`, a tag of the registry; empty: not asked by version.
        reference: the image by digest; empty: not asked by digest. Both empty: the registry's
            `latest`.

    Raises:
        PipelineError: USAGE, both were given or the registry has no such version; GATE, it was
            yanked; ENVIRONMENT, the registry does not answer.
    """
    if version and reference:
        raise PipelineError(
            "a version and a reference were given", exit_code=Exit.USAGE, advice="give one of them"
        )
    if reference:
        return Wanted(reference)
    registry = registry_of(endpoints)
    if version:
        return _of_version(registry, str(parse(version)))
    digest = registry.digest("latest")
    if not digest:
        raise PipelineError(
            f"{registry.name} has no `latest`",
            exit_code=Exit.USAGE,
            advice="name an image by digest: REGISTRY/NAME@sha256:…",
        )
    return Wanted(f"{registry.name}@{digest}")


def check_policy(environment: Environment, reference: str, registry: str) -> None:
    """Whether an environment takes images from where this one comes.

    Raises:
        PipelineError: GATE, it does not.
    """
    match environment.digests:
        case Digests.REGISTRY if not reference.startswith(f"{registry}@"):
            raise PipelineError(
                f"{environment.name} takes images of {registry} only, not {reference}",
                exit_code=Exit.GATE,
                advice='release it, or set digests = "any" for that environment',
            )
        case _:
            return


def _of_version(registry: Registry, version: str) -> Wanted:
    digest = registry.digest(version)
    if not digest:
        found = sorted(tag for tag in registry.tags() if tag[:1].isdigit() and tag.count(".") > 1)
        known = ", ".join(found[-_SHOWN:])
        raise PipelineError(
            f"{registry.name} has no image of version {version}",
            exit_code=Exit.USAGE,
            advice=f"it has {known}" if known else "it has none at all: release one first",
        )
    if registry.digest(f"{version}-{_YANKED}"):
        raise PipelineError(
            f"{version} was yanked",
            exit_code=Exit.GATE,
            advice="deploy another version; its reason stands in the changelog",
        )
    return Wanted(f"{registry.name}@{digest}", version)
