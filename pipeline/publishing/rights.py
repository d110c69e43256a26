"""May this release write where it has to? Asked in ways that leave nothing there."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.project import Endpoints
from pipeline.publishing import index
from pipeline.publishing.http import read_token
from pipeline.publishing.places import index_upload, registry_of, releases_of


def refusals(endpoints: Endpoints) -> Iterator[tuple[str, str]]:
    """The places that would not take the release, and what helps.

    A place that a rehearsal leaves empty is not asked.

    Raises:
        PipelineError: a place does not answer, or there is no credential for it.
    """
    if endpoints.index_upload or not endpoints.rehearsal:
        url, token = index_upload(endpoints), read_token(endpoints.index_token_file)
        if not index.may_upload(url, token=token):
            yield (
                "the package index refuses this upload token",
                "make another one, for this project",
            )
    if endpoints.registry and not registry_of(endpoints).may_push():
        yield (
            f"no right to push to {endpoints.registry}",
            "give the token the right to write packages",
        )
    if endpoints.forge_api and not releases_of(endpoints).may_write():
        yield (
            f"no right to make releases of {endpoints.forge_repo}",
            "give the token the right to write contents",
        )
