"""cosign with a key of our own, without a network: signs bytes and verifies as a stranger would.

The private key stays in its encrypted file. Its password goes in by standard input, so that neither
a command line nor an environment ever has it. Tried with cosign 2.5.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.project import Project
from pipeline.publishing.http import read_token
from pipeline.shell import Ran, Shell
from pipeline.step import Exit, PipelineError

PREDICATE_URI = "https://slsa.dev/provenance/v1"
_PREDICATE = "slsaprovenance1"
_SECONDS = 120
# The log is a step of its own, which may come later; without it a key is all there is to trust.
_UNLOGGED = "--insecure-ignore-tlog=true"


@dataclass(frozen=True, slots=True)
class Cosign:
    """cosign with one key.

    Args:
        shell: starts it.
        public: file with the public key.
        key: file with the encrypted private key; empty where there is only verifying to do.
        password_file: file with its password; empty: an empty password.
    """

    shell: Shell
    public: Path
    key: str = ""
    password_file: str = ""

    def sign(self, body: bytes) -> str:
        """The signature of some bytes, in base64 (ECDSA P-256 over SHA-256, another each time).

        Raises:
            PipelineError: ENVIRONMENT, no key, a wrong password, or no cosign.
        """
        if not self.key:
            raise PipelineError(
                "there is no cosign_key_file to sign with",
                exit_code=Exit.ENVIRONMENT,
                advice="name it in the endpoints; make one: cosign generate-key-pair",
            )
        with tempfile.TemporaryDirectory(prefix="mgit-sign-") as folder:
            blob, out = Path(folder, "blob"), Path(folder, "signature")
            blob.write_bytes(body)
            self._run(
                *("sign-blob", "--yes", "--tlog-upload=false", "--key", self.key),
                *("--output-signature", out, blob),
                password=read_token(self.password_file),
            )
            signature = out.read_text(encoding="utf-8").strip()
        if not self.is_good(body, signature):
            raise PipelineError(
                f"{self.key} is not the private half of {self.public}",
                exit_code=Exit.ENVIRONMENT,
                advice="cosign public-key --key FILE shows the public half of a key",
            )
        return signature

    def is_good(self, body: bytes, signature: str) -> bool:
        """Whether our key has signed these very bytes."""
        with tempfile.TemporaryDirectory(prefix="mgit-verify-") as folder:
            blob, given = Path(folder, "blob"), Path(folder, "signature")
            blob.write_bytes(body)
            given.write_text(signature, encoding="utf-8")
            argv = ("verify-blob", *self._trust(), "--signature", given, blob)
            return self._run(*argv, check=False).ok

    def attested(self, blob: Path, envelope: Path) -> bool:
        """Whether a signed statement speaks of this file, by its digest."""
        what = ("--type", _PREDICATE, "--signature", envelope, blob)
        return self._run("verify-blob-attestation", *self._trust(), *what, check=False).ok

    def image_signed(self, reference: str, *, insecure: bool = False) -> bool:
        """Whether a good signature lies beside an image; asked without any credential."""
        return self._of_image("verify", reference, insecure=insecure)

    def image_attested(self, reference: str, *, insecure: bool = False) -> bool:
        """Whether a signed provenance of it lies beside an image; asked without any credential."""
        return self._of_image(
            "verify-attestation", reference, "--type", _PREDICATE, insecure=insecure
        )

    def _of_image(self, verb: str, reference: str, *more: str, insecure: bool) -> bool:
        plain = ("--allow-http-registry=true",) if insecure else ()
        with tempfile.TemporaryDirectory(prefix="mgit-stranger-") as empty:
            argv = (verb, *self._trust(), *plain, *more, "--output", "text", reference)
            return self._run(*argv, check=False, env={"DOCKER_CONFIG": empty}).ok

    def _trust(self) -> tuple[str | Path, ...]:
        return ("--key", self.public, _UNLOGGED)

    def _run(
        self,
        *words: str | Path,
        password: str = "",
        check: bool = True,
        env: dict[str, str] | None = None,
    ) -> Ran:
        return run_cosign(self.shell, words, stdin=password, check=check, env=env)


def run_cosign(
    shell: Shell,
    words: Sequence[str | Path],
    *,
    stdin: str = "",
    check: bool = True,
    env: dict[str, str] | None = None,
) -> Ran:
    """Run cosign; what it says never holds a key, a password or a token.

    Raises:
        PipelineError: ENVIRONMENT, it is not installed, or (with `check`) it failed.
    """
    argv = ("cosign", *words)
    ran = shell.run(argv, stdin=stdin, env=env, check=False, timeout=_SECONDS)
    if check and not ran.ok:
        last = (ran.stderr.strip() or "it says nothing").splitlines()[-1]
        raise PipelineError(f"cosign {words[0]}: {last}", exit_code=Exit.ENVIRONMENT)
    return ran


def cosign_of(project: Project) -> Cosign | None:
    """The cosign with the keys that the endpoints name; None where they name none."""
    endpoints = project.endpoints
    if not endpoints.cosign_public_file:
        return None
    public = project.root / endpoints.cosign_public_file
    if not public.is_file():
        raise PipelineError(
            f"there is no public key {public}",
            exit_code=Exit.ENVIRONMENT,
            advice="make a pair: cosign generate-key-pair; name it in the endpoints",
        )
    return Cosign(project.shell, public, endpoints.cosign_key_file, endpoints.cosign_password_file)
