"""The places that a release goes to, as its endpoints name them, and the files that go there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.project import Endpoints, Project, environment
from pipeline.publishing.forge_release import ForgeReleases
from pipeline.publishing.http import read_token
from pipeline.publishing.registry import Registry
from pipeline.step import Artifact, Exit, Facts, PipelineError

DISTRIBUTION = "mgit-fleet"
"""The project's name on the package index."""

_CI_VARIABLE = "GITHUB_TOKEN"
_DISTRIBUTIONS = (".whl", ".tar.gz")


def forge_token(endpoints: Endpoints) -> str:
    """The token of the forge: from its file, else the one that CI gives its job.

    Raises:
        PipelineError: there is neither.
    """
    token = _token_at_hand(endpoints)
    if not token:
        raise PipelineError(
            "there is no token for the forge",
            exit_code=Exit.ENVIRONMENT,
            advice=f"set forge_token_file in the endpoints; in CI give the step {_CI_VARIABLE}",
        )
    return token


def index_upload(endpoints: Endpoints) -> str:
    """Where distributions are sent: as the endpoints say, else twine's own default."""
    if endpoints.index_upload:
        return endpoints.index_upload
    from twine.utils import DEFAULT_REPOSITORY

    return DEFAULT_REPOSITORY


def index_simple(endpoints: Endpoints) -> str:
    """Where distributions are read: as the endpoints say, else beside twine's own default."""
    if endpoints.index_simple:
        return endpoints.index_simple
    from twine.repository import WAREHOUSE_WEB

    return f"{WAREHOUSE_WEB}simple/"


def registry_of(endpoints: Endpoints) -> Registry:
    """The repository of images.

    One on this machine asks for no token, so it is shown none; a public one can be read without.
    """
    if endpoints.registry_insecure:
        return Registry(endpoints.registry, insecure=True)
    owner = endpoints.forge_repo.partition("/")[0]
    return Registry(endpoints.registry, user=owner, token=_token_at_hand(endpoints))


def releases_of(endpoints: Endpoints) -> ForgeReleases:
    """The releases of the forge."""
    return ForgeReleases(endpoints.forge_api, endpoints.forge_repo, forge_token(endpoints))


def _token_at_hand(endpoints: Endpoints) -> str:
    return read_token(endpoints.forge_token_file) or environment().get(_CI_VARIABLE, "")


def path_of(project: Project, artifact: Artifact) -> Path:
    """Where an artefact lies, checked against its digest.

    Raises:
        PipelineError: it is missing, or not what was built.
    """
    path = project.out / "artifacts" / artifact.name
    if not path.is_file():
        raise PipelineError(f"{artifact.name} is not in {path.parent}", advice="build it again")
    if file_digest(path) != artifact.digest:
        raise PipelineError(
            f"{artifact.name} changed after it was built",
            exit_code=Exit.CONFLICT,
            advice=f"remove {path.parent} and build again",
        )
    return path


def distributions(facts: Facts) -> tuple[Artifact, ...]:
    """What goes to the package index: the wheel first, then the source distribution."""
    found = (each for each in facts.artifacts if each.name.endswith(_DISTRIBUTIONS))
    return tuple(sorted(found, key=lambda each: (not each.name.endswith(".whl"), each.name)))


def file_digest(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def layout_of(project: Project, digest: str) -> Path:
    """The OCI layout that holds an image.

    Raises:
        PipelineError: no layout among the artefacts does.
    """
    blob = Path("blobs", "sha256", digest.removeprefix("sha256:"))
    for marker in sorted((project.out / "artifacts").glob("*/oci-layout")):
        if (marker.parent / blob).is_file():
            return marker.parent
    raise PipelineError(f"no image {digest} in {project.out}", advice="build it again")
