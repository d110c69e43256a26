"""Signing with CI's identity, where there is one: no key, a certificate that lives for minutes.

Such a signature is worth something only with its entry in the public log, so this reaches the
network and never happens in a rehearsal. It is made besides the one by our own key.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline.project import Endpoints, environment
from pipeline.shell import Shell
from pipeline.signing.cosign import run_cosign
from pipeline.step import Exit, PipelineError

AUDIENCE = "sigstore"
_OFFERED = "ACTIONS_ID_TOKEN_REQUEST_URL"

Identify = Callable[[str], str | None]


def offered(endpoints: Endpoints) -> bool:
    """Whether this job may ask CI who it is, and this is no rehearsal."""
    return not endpoints.rehearsal and bool(environment().get(_OFFERED))


def sign_as_ci(shell: Shell, body: bytes, identify: Identify | None = None) -> bytes:
    """A bundle with signature, certificate and log entry for some bytes.

    The identity goes to cosign in a file that only this user can read, for as long as it runs.

    Args:
        shell: starts cosign.
        body: what to sign.
        identify: gives CI's identity for an audience; None asks the surroundings.

    Raises:
        PipelineError: ENVIRONMENT, no identity, no cosign, or it cannot reach its services.
    """
    identity = (identify or _ambient)(AUDIENCE)
    if not identity:
        raise PipelineError(
            "CI gave no identity to sign with",
            exit_code=Exit.ENVIRONMENT,
            advice="the job needs `permissions: id-token: write`",
        )
    with tempfile.TemporaryDirectory(prefix="mgit-identity-") as folder:
        token, blob, bundle = (Path(folder, name) for name in ("token", "blob", "bundle"))
        descriptor = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(identity)
        blob.write_bytes(body)
        argv = ("sign-blob", "--yes", "--identity-token", token, "--bundle", bundle, blob)
        run_cosign(shell, argv)
        return bundle.read_bytes()


def _ambient(audience: str) -> str | None:
    import id as identities

    try:
        return identities.detect_credential(audience)
    except identities.IdentityError as error:
        raise PipelineError(
            f"CI gave no identity: {type(error).__name__}",
            exit_code=Exit.ENVIRONMENT,
            advice="the job needs `permissions: id-token: write`",
        ) from None
