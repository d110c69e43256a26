"""Verifies the signatures of a published release with nothing but public keys and public places."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.git import Git
from pipeline.publishing.forge_release import ForgeReleases, Release
from pipeline.publishing.registry import Registry
from pipeline.signing.beside import all_of
from pipeline.signing.cosign import Cosign
from pipeline.signing.documents import (
    CHECKSUMS,
    SIGNATURE,
    asset_of,
    envelope_name,
    provenance_name,
    signature_holds,
)
from pipeline.signing.envelope import unseal
from pipeline.step import Exit, PipelineError

_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._+-]*)")


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who trusts the public key and nothing else.

    Args:
        cosign: with the public key only.
        releases: of the forge.
        registry: of the image.
        insecure: the registry speaks plain http (loopback).
    """

    cosign: Cosign
    releases: ForgeReleases
    registry: Registry
    insecure: bool = False

    def files(self, release: Release, version: str) -> None:
        """The signed checksums name every file of the release, the provenance all that is built.

        Raises:
            PipelineError: CONFLICT; names what does not hold.
        """
        sums = asset_of(self.releases, release, CHECKSUMS)
        signature = asset_of(self.releases, release, SIGNATURE)
        if not signature_holds(self.cosign, sums, signature):
            raise wrong(f"{CHECKSUMS} of {release.tag_name} has no good signature")
        document = asset_of(self.releases, release, envelope_name(version))
        envelope = unseal(document)
        stated = asset_of(self.releases, release, provenance_name(version))
        if envelope is None or envelope.statement != stated:
            raise wrong("the signed provenance is not the one that the checksums name")
        with tempfile.TemporaryDirectory(prefix="mgit-stranger-") as folder:
            signed = Path(folder, "envelope.json")
            signed.write_bytes(document)
            for digest, name in _lines(sums):
                self._file(release, name, digest, Path(folder), signed, version)

    def image(self, digest: str) -> None:
        """The image and each platform are signed, and the provenance speaks of the image.

        Raises:
            PipelineError: CONFLICT; names what does not hold.
        """
        digests = all_of(self.registry, digest)
        for each in digests or (digest,):
            reference = f"{self.registry.name}@{each}"
            if not self.cosign.image_signed(reference, insecure=self.insecure):
                raise wrong(f"{reference} has no good signature")
        reference = f"{self.registry.name}@{digest}"
        if not self.cosign.image_attested(reference, insecure=self.insecure):
            raise wrong(f"no good provenance lies beside {reference}")

    def _file(
        self, release: Release, name: str, digest: str, folder: Path, signed: Path, version: str
    ) -> None:
        body = asset_of(self.releases, release, name)
        if hashlib.sha256(body).hexdigest() != digest:
            raise wrong(f"{name} of {release.tag_name} is not what the signed {CHECKSUMS} names")
        path = folder / "file"
        path.write_bytes(body)
        if name != provenance_name(version) and not self.cosign.attested(path, signed):
            raise wrong(f"the signed provenance does not speak of {name}")


def tag_is_signed(git: Git, tag: str, signers: Path) -> bool:
    """Whether a tag carries a good signature by somebody who may release.

    Args:
        git: where the tag is.
        tag: its name, or the id of the tag object.
        signers: allowed signers (ssh-keygen(1)).
    """
    trust = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}")
    return git.run(*trust, "verify-tag", tag, check=False).ok


def wrong(what: str) -> PipelineError:
    """What a stranger gets is not what was signed."""
    return PipelineError(
        what,
        exit_code=Exit.CONFLICT,
        advice="tell the users, yank the version, find the cause, release the next version",
    )


def _lines(sums: bytes) -> list[tuple[str, str]]:
    found = [_LINE.fullmatch(line) for line in sums.decode("utf-8", "replace").splitlines()]
    lines = [match.groups() for match in found if match]
    if not lines or len(lines) != len(found):
        raise wrong(f"{CHECKSUMS} is not a list of checksums")
    return [(digest, name) for digest, name in lines]
