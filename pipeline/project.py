"""What a release works on and with: the clone, the places it publishes to, the tools.

The one place of the pipeline that reads the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline.errors import Exit, PipelineError
from pipeline.shell import Shell

PLATFORMS = ("linux/amd64", "linux/arm64")
SOURCE = "https://github.com/OWNER/mgit"

# What the children of the pipeline may see: enough to find tools, network and keys, no token.
_PASSED = re.compile(
    r"""PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LC_.*|XDG_.*|TERM|CI
    |(?:https?|no|all)_proxy|SSL_CERT_(?:FILE|DIR)|(?:REQUESTS|CURL)_CA_BUNDLE
    |KUBECONFIG|SSH_AUTH_SOCK|GIT_SSH(?:_COMMAND)?|GIT_SSL_CAINFO|DOCKER_(?:HOST|CONFIG|CONTEXT|CERT_PATH|TLS.*)
    |(?:PIP|UV)_(?:INDEX|INDEX_URL|DEFAULT_INDEX|EXTRA_INDEX_URL|CERT|CONFIG_FILE|CACHE_DIR|NATIVE_TLS
    |SYSTEM_CERTS|PYTHON_DOWNLOADS|FIND_LINKS|NO_INDEX|TRUSTED_HOST|PROXY)|PYENV_ROOT|MGIT_RELEASE_.*""",
    re.VERBOSE | re.IGNORECASE,
)


class Endpoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a release goes to. A rehearsal uses the same functions with loopback endpoints.

    Args:
        rehearsal: True when every endpoint is a stand-in on this machine.
        git_remote: URL or path of the repository that gets the commit and the tag.
        index_upload: upload URL of the package index.
        index_simple: its simple (PEP 503/691) URL, to read back.
        index_token_file: file with the upload token; empty: trusted publishing.
        registry: `HOST/NAME` of the image, without a tag.
        registry_insecure: plain http (loopback only).
        forge_api: base URL of the forge's REST API that keeps the releases.
        forge_repo: `owner/name` there.
        forge_token_file: file with its token; empty: the environment of CI has one.
        osv_url: advisory service for pip-audit; empty: its own default.
        trivy_cache: folder with a pinned Trivy database; empty: Trivy's own, downloaded.
        base_image: reference that the Dockerfile builds on.
        environments: path of the file that lists the places to deploy to.
        signing_key_file: private ssh key that signs the tag; empty: the tag is annotated only.
        branch: the branch that is released.
        tag_signers_file: allowed signers (ssh-keygen(1)) whose tags CI publishes; empty: not asked.
        cosign_public_file: public key that files and image are verified with; a relative path is
            one in the released tree; empty: nothing but the tag is signed.
        cosign_key_file: its private half, which only the CI half needs.
        cosign_password_file: file with the password of that key; empty: it has none.
        log_url: transparency log (Rekor's API, version 1); empty: nothing is logged.
        source_url: address of the repository for people; the labels of the image tell it.
    """

    rehearsal: bool
    git_remote: str
    index_upload: str
    index_simple: str
    registry: str
    forge_api: str
    forge_repo: str
    index_token_file: str = ""
    registry_insecure: bool = False
    forge_token_file: str = ""
    osv_url: str = ""
    trivy_cache: str = ""
    base_image: str = "debian:trixie-slim"
    environments: str = "deploy/environments.toml"
    signing_key_file: str = ""
    branch: str = "main"
    tag_signers_file: str = ""
    cosign_public_file: str = ""
    cosign_key_file: str = ""
    cosign_password_file: str = ""
    log_url: str = ""
    source_url: str = SOURCE


@dataclass(frozen=True, slots=True)
class Project:
    """One release in the making.

    Args:
        root: the clean clone that the steps work in.
        out: folder for artefacts, journal, logs and report; outside `root`.
        endpoints: where things go.
        shell: starts processes.
        ci: whether this is the CI half.
        tag: the tag that started CI (`v1.2.3`), empty on a laptop.
        pre: `alpha`, `beta` or `rc` for a pre-release; empty for a release.
        fault: where to die on purpose, for example `after:tag`; rehearsals only.
        now: the clock.
    """

    root: Path
    out: Path
    endpoints: Endpoints
    shell: Shell
    ci: bool = False
    tag: str = ""
    fault: str = ""
    pre: str = ""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


def environment() -> dict[str, str]:
    """The environment of this process."""
    return dict(os.environ)


def child_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """What of an environment (this process's, by default) is handed to children: no secrets."""
    given = environment() if env is None else env
    return {name: value for name, value in given.items() if _PASSED.fullmatch(name)}


def load_endpoints(path: Path) -> Endpoints:
    """Read a TOML file of endpoints.

    Raises:
        PipelineError: missing file, unknown key or wrong type.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Endpoints)
    except OSError as error:
        raise PipelineError(
            f"cannot read the endpoints file {path}: {error.strerror}", exit_code=Exit.ENVIRONMENT
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path}: {error}", exit_code=Exit.ENVIRONMENT) from None
