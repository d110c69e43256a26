"""Finds the endpoints of a release and fills in what follows from where it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pipeline.project import Endpoints, load_endpoints
from pipeline.publishing.http import is_loopback, shown
from pipeline.step import Exit, PipelineError

DEFAULT_FILE = Path("deploy/endpoints.toml")
VARIABLE = "MGIT_RELEASE_ENDPOINTS"
FAULT_VARIABLE = "MGIT_RELEASE_FAULT"

_REPOSITORY = re.compile(r"[:/]([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+?)(?:\.git)?/?$")


def find_endpoints(here: Path, given: str, env: Mapping[str, str], origin: str) -> Endpoints:
    """Read the endpoints and complete them.

    Args:
        here: the person's clone.
        given: a file named on the command line, else the variable's, else the default one.
        env: environment of this process.
        origin: URL of the clone's `origin`, empty without one.

    Raises:
        PipelineError: no such file, a mistake in it, or no remote to release to.
    """
    named = given or env.get(VARIABLE, "")
    return complete(load_endpoints(Path(named) if named else here / DEFAULT_FILE), env, origin)


def complete(endpoints: Endpoints, env: Mapping[str, str], origin: str) -> Endpoints:
    """Fill empty places from where this runs.

    The remote is `origin`; the forge's repository and API are those of CI or of the remote's URL;
    the image is kept under the repository's owner.

    Raises:
        PipelineError: USAGE, a place stays empty, or a rehearsal names one that is not on this
            machine.
    """
    if endpoints.rehearsal:
        return _local_only(endpoints)
    remote = endpoints.git_remote or origin
    if not remote:
        raise _lacks("git_remote", "the clone has no `origin`")
    found = _REPOSITORY.search(remote)
    repo = endpoints.forge_repo or env.get("GITHUB_REPOSITORY", "") or (found[1] if found else "")
    if not repo:
        raise _lacks("forge_repo", "the remote's URL does not end in OWNER/NAME")
    owner = repo.partition("/")[0].lower()
    return msgspec.structs.replace(
        endpoints,
        git_remote=remote,
        forge_repo=repo,
        forge_api=endpoints.forge_api or env.get("GITHUB_API_URL", "https://api.github.com"),
        registry=endpoints.registry.replace("OWNER", owner),
        # A label of the image: laptop and CI must write the same, so nothing else of the place.
        source_url=endpoints.source_url.replace("OWNER", owner),
    )


def _local_only(endpoints: Endpoints) -> Endpoints:
    """A rehearsal is never completed with real places, and never reaches one."""
    registry = f"http://{endpoints.registry}" if endpoints.registry else ""
    places = {
        "index_upload": endpoints.index_upload,
        "index_simple": endpoints.index_simple,
        "registry": registry,
        "forge_api": endpoints.forge_api,
        "osv_url": endpoints.osv_url,
    }
    if "://" in endpoints.git_remote and not endpoints.git_remote.startswith("file://"):
        places["git_remote"] = endpoints.git_remote
    elif not endpoints.git_remote.startswith(("/", "file:///")):
        raise _lacks("git_remote", "a rehearsal needs one on this machine, as an absolute path")
    for name, url in places.items():
        if url and not is_loopback(url):
            raise PipelineError(
                f"{name} of a rehearsal must be on this machine, not {shown(url)}",
                exit_code=Exit.USAGE,
                advice="a rehearsal never reaches a real place; give a loopback address",
            )
    return endpoints


def _lacks(name: str, why: str) -> PipelineError:
    return PipelineError(
        f"the endpoints name no {name}, and {why}",
        exit_code=Exit.USAGE,
        advice=f"set {name} in {DEFAULT_FILE}, or give --endpoints FILE",
    )
