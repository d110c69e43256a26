"""Is a version free? Asks the index, the registry and the forge; reads only what they answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from pipeline.project import Endpoints
from pipeline.publishing.http import Answer, read_token, request
from pipeline.publishing.places import DISTRIBUTION, index_simple
from pipeline.versioning.versions import tag_of, to_pep440

_SIMPLE = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
_MANIFEST = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)


def places_with(endpoints: Endpoints, version: str) -> tuple[str, ...]:
    """Where this version is published already, in words; empty when it is free everywhere.

    An endpoint that a rehearsal leaves empty is not asked.

    Raises:
        PipelineError: an endpoint cannot be reached.
    """
    return tuple(_places(endpoints, version))


def skew(endpoints: Endpoints, now: float) -> float | None:
    """Seconds that this clock is ahead of the forge's or the index's; None where neither tells."""
    for url in (endpoints.forge_api, endpoints.index_simple):
        date = request("HEAD", url).headers.get("date") if url else None
        if date:
            return now - parsedate_to_datetime(date).timestamp()
    return None


def _places(endpoints: Endpoints, version: str) -> Iterator[str]:
    if simple := _simple_of(endpoints):
        url = f"{simple.rstrip('/')}/{DISTRIBUTION}/"
        answer = request("GET", url, headers={"Accept": _SIMPLE})
        if _there(answer) and _has_file(answer, to_pep440(version)):
            yield "the package index"
    host, _, name = endpoints.registry.partition("/")
    if name:
        scheme = "http" if endpoints.registry_insecure else "https"
        url = f"{scheme}://{host}/v2/{name}/manifests/{version}"
        if _there(request("HEAD", url, headers={"Accept": _MANIFEST})):
            yield "the image registry"
    if endpoints.forge_api:
        base = f"{endpoints.forge_api.rstrip('/')}/repos/{endpoints.forge_repo}"
        token = read_token(endpoints.forge_token_file)
        if _there(request("GET", f"{base}/releases/tags/{tag_of(version)}", token=token)):
            yield "the forge's releases"


def _simple_of(endpoints: Endpoints) -> str:
    """Where to read the index; a rehearsal never asks the default one."""
    return endpoints.index_simple if endpoints.rehearsal else index_simple(endpoints)


def _there(answer: Answer) -> bool:
    """Whether it is there; an endpoint that hides what it has from strangers says nothing."""
    return answer.ok


def _has_file(answer: Answer, version: str) -> bool:
    """Whether a simple page (JSON or HTML) names a file of exactly this version."""
    return bool(re.search(rf"mgit[_-]fleet-{re.escape(version)}(-py|\.tar\.gz)", answer.text))
