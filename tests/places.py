"""Places that tests release and deploy to: nothing but a registry."""

from __future__ import annotations

from pipeline.project import Endpoints


def only_a_registry(repository: str, environments: str = "environments.toml") -> Endpoints:
    """Endpoints of a rehearsal with this registry.

    Args:
        repository: `HOST/NAME`, spoken to without TLS.
        environments: path of their file below the sources.
    """
    return Endpoints(
        rehearsal=True,
        git_remote="",
        index_upload="",
        index_simple="",
        registry=repository,
        registry_insecure=True,
        forge_api="",
        forge_repo="acme/mgit",
        environments=environments,
    )
