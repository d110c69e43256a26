"""sign: checksums, provenance and image carry a signature by our key, while all is still a draft.

Signatures by ECDSA come out different each time, so no digest of one is in the tag: the tag carries
what is signed. Whether a signature is there is asked of the public places and of cosign, never of a
memory; a good one is not made again.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing.forge_release import Release
from pipeline.publishing.places import registry_of, releases_of
from pipeline.publishing.registry import sha256
from pipeline.signing import documents, identity
from pipeline.signing.beside import (
    ENDS,
    ENVELOPE,
    PAYLOAD,
    SIGNATURE,
    Note,
    all_of,
    payload_of,
    put,
    remove,
    signatures_in,
    tag_beside,
)
from pipeline.signing.cosign import PREDICATE_URI, Cosign, cosign_of
from pipeline.signing.envelope import Envelope, seal, to_sign
from pipeline.step import Blocked, Done, Effect, Exit, Facts, PipelineError, Step, Todo, Verdict
from pipeline.versioning.versions import tag_of

_ABOUT = "signatures"


def check(project: Project, facts: Facts) -> Verdict:
    """Which signatures are there, and are they ours?"""
    cosign = cosign_of(project)
    if cosign is None:
        why = "checksums, provenance and image have none: no cosign_public_file is set"
        return Done(documents.tell(facts, _ABOUT, why))
    if not documents.are_built(facts):
        return Todo(("sign checksums and provenance", "sign the image and each platform of it"))
    releases = releases_of(project.endpoints)
    release = releases.find(tag_of(facts.version))
    lacking = _lacking_files(project, facts, cosign, release)
    if lacking and release is not None and not release.draft:
        return Blocked(
            f"the release {release.tag_name} is published without a good {lacking[0]}",
            Exit.CONFLICT,
            "a published release never changes: release the next version",
        )
    effects = [f"sign and upload {name}" for name in lacking]
    effects += _lacking_beside(project, facts, cosign, release)
    return Todo(tuple(effects)) if effects else Done(documents.tell(facts, _ABOUT, ""))


def run(project: Project, facts: Facts) -> Facts:
    """Sign what has no good signature: the files first, then the image.

    Raises:
        PipelineError: the draft is gone, a place refuses, or the key cannot be used.
    """
    cosign = cosign_of(project)
    release = releases_of(project.endpoints).find(tag_of(facts.version))
    if cosign is None or release is None:
        raise PipelineError(f"the draft of {tag_of(facts.version)} is gone", advice="stage again")
    texts = documents.documents_of(project, facts)
    for name in _lacking_files(project, facts, cosign, release):
        match name:
            case documents.SIGNATURE:
                body = f"{cosign.sign(texts.checksums)}\n".encode()
            case documents.BUNDLE:
                body = identity.sign_as_ci(project.shell, texts.checksums)
            case _:
                signature = cosign.sign(to_sign(texts.statement))
                body = seal(Envelope(texts.statement, signature))
        _upload(project, release, name, body)
    _sign_image(project, facts, cosign)
    return facts


def undo(project: Project, facts: Facts) -> None:
    """Take the signatures beside the image away; those in the draft go with the draft.

    Raises:
        PipelineError: CONFLICT, the release is published.
    """
    release = releases_of(project.endpoints).find(tag_of(facts.version))
    if release is not None and not release.draft:
        raise PipelineError(
            f"the release {release.tag_name} is published and stays signed",
            exit_code=Exit.CONFLICT,
        )
    registry = registry_of(project.endpoints)
    for digest in all_of(registry, facts.image_digest):
        for end in ENDS:
            with effect(project, "undo:signature", tag_beside(digest, end)):
                remove(registry, tag_beside(digest, end))


def _lacking_files(
    project: Project, facts: Facts, cosign: Cosign, release: Release | None
) -> tuple[str, ...]:
    """Names of the signed files that the release lacks, or has and they are not good."""
    texts, releases = documents.documents_of(project, facts), releases_of(project.endpoints)
    signature = documents.asset_of(releases, release, documents.SIGNATURE)
    envelope = documents.asset_of(releases, release, texts.envelope)
    there = {
        documents.SIGNATURE: documents.signature_holds(cosign, texts.checksums, signature),
        texts.envelope: documents.envelope_holds(cosign, texts.statement, envelope),
    }
    if identity.offered(project.endpoints):
        bundle = documents.asset_of(releases, release, documents.BUNDLE)
        there[documents.BUNDLE] = bool(bundle)
    return tuple(name for name, good in there.items() if not good)


def _lacking_beside(
    project: Project, facts: Facts, cosign: Cosign, release: Release | None
) -> list[str]:
    """What is still to be done beside the image, in words."""
    registry, releases = registry_of(project.endpoints), releases_of(project.endpoints)
    digests = all_of(registry, facts.image_digest) or (facts.image_digest,)
    effects = [
        f"sign {registry.name}@{digest}"
        for digest in digests
        if not documents.image_holds(cosign, registry, digest)
    ]
    name = documents.envelope_name(facts.version)
    envelope = documents.asset_of(releases, release, name)
    attached = {body for body, _ in signatures_in(registry, tag_beside(facts.image_digest, "att"))}
    if not envelope or sha256(envelope) not in attached:
        effects.append("put the provenance beside the image")
    return effects


def _sign_image(project: Project, facts: Facts, cosign: Cosign) -> None:
    registry, releases = registry_of(project.endpoints), releases_of(project.endpoints)

    def around(what: str, tag: str) -> AbstractContextManager[None]:
        return effect(project, f"sign:{what}", tag)

    for digest in all_of(registry, facts.image_digest):
        if documents.image_holds(cosign, registry, digest):
            continue
        payload = payload_of(registry.name, digest)
        note = Note(PAYLOAD, payload, {SIGNATURE: cosign.sign(payload)})
        put(registry, tag_beside(digest, "sig"), note, around)
    release = releases.find(tag_of(facts.version))
    envelope = documents.asset_of(releases, release, documents.envelope_name(facts.version))
    tag = tag_beside(facts.image_digest, "att")
    if sha256(envelope) not in {body for body, _ in signatures_in(registry, tag)}:
        about = {SIGNATURE: "", "predicateType": PREDICATE_URI}
        put(registry, tag, Note(ENVELOPE, envelope, about), around)


def _upload(project: Project, release: Release, name: str, body: bytes) -> None:
    """Into the draft, in place of one that is not good."""
    releases, path = releases_of(project.endpoints), project.out / "signatures" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    old = release.asset(name)
    if old is not None:
        with effect(project, "sign:delete-asset", name):
            releases.delete_asset(old)
    with effect(project, "sign:asset", name):
        releases.upload(release, path)


STEP = Step("sign", ("stage",), check, run, undo, Effect.PUBLIC)
