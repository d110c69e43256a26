"""The signed documents of a release: their names, what is signed in them, and which are good."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.project import Project
from pipeline.publishing.forge_release import ForgeReleases, Release
from pipeline.publishing.places import path_of
from pipeline.publishing.registry import Registry, sha256
from pipeline.signing.beside import payload_of, signatures_in, tag_beside
from pipeline.signing.cosign import Cosign
from pipeline.signing.envelope import to_sign, unseal
from pipeline.step import Artifact, Facts, PipelineError

CHECKSUMS = "SHA256SUMS"
SIGNATURE = f"{CHECKSUMS}.sig"
BUNDLE = f"{CHECKSUMS}.sigstore.json"


@dataclass(frozen=True, slots=True)
class Documents:
    """What is signed, as it was built here.

    Args:
        checksums: the bytes of `SHA256SUMS`.
        statement: the bytes of the provenance.
        envelope: file name of the signed provenance.
    """

    checksums: bytes
    statement: bytes
    envelope: str


def provenance_name(version: str) -> str:
    """File name of the provenance, unsigned."""
    return f"mgit-{version}-provenance.intoto.json"


def envelope_name(version: str) -> str:
    """File name of the provenance in its signed envelope."""
    return f"mgit-{version}-provenance.dsse.json"


def documents_of(project: Project, facts: Facts) -> Documents:
    """Read what is to be signed.

    Raises:
        PipelineError: it is not there, or changed after it was built.
    """
    return Documents(
        _read(project, facts, CHECKSUMS),
        _read(project, facts, provenance_name(facts.version)),
        envelope_name(facts.version),
    )


def are_built(facts: Facts) -> bool:
    """Whether there is something to sign."""
    names = {each.name for each in facts.artifacts}
    return bool(facts.image_digest) and {CHECKSUMS, provenance_name(facts.version)} <= names


def asset_of(releases: ForgeReleases, release: Release | None, name: str) -> bytes:
    """The bytes of an asset; none where it is not there or its upload broke off."""
    asset = release.asset(name) if release else None
    return releases.content(asset) if asset and asset.state == "uploaded" else b""


def signature_holds(cosign: Cosign, body: bytes, signature: bytes) -> bool:
    """Whether a published signature is ours and of these bytes."""
    return bool(signature) and cosign.is_good(body, signature.decode("utf-8", "replace").strip())


def envelope_holds(cosign: Cosign, statement: bytes, document: bytes) -> bool:
    """Whether a published envelope is ours and holds this very statement."""
    envelope = unseal(document)
    if envelope is None or envelope.statement != statement:
        return False
    return cosign.is_good(to_sign(statement), envelope.signature)


def image_holds(cosign: Cosign, registry: Registry, digest: str) -> bool:
    """Whether one of the signatures beside an image is ours and of this image."""
    payload = payload_of(registry.name, digest)
    found = signatures_in(registry, tag_beside(digest, "sig"))
    return any(
        body == sha256(payload) and cosign.is_good(payload, signature) for body, signature in found
    )


def tell(facts: Facts, about: str, why: str) -> Facts:
    """Note for the report what was not done; an earlier note about the same is replaced."""
    others = tuple(line for line in facts.skipped if not line.startswith(f"{about}: "))
    return replace(facts, skipped=(*others, f"{about}: {why}") if why else others)


def _read(project: Project, facts: Facts, name: str) -> bytes:
    found: Artifact | None = next((each for each in facts.artifacts if each.name == name), None)
    if found is None:
        raise PipelineError(f"{name} is not among the artefacts", advice="build them again")
    return path_of(project, found).read_bytes()
