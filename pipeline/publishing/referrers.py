"""What refers to an image in its registry: bills of materials, provenance; found by its digest.

Format: OCI image specification 1.1 (`subject`, `artifactType`) and distribution specification 1.1,
"Referrers". A registry that lists referrers by itself is left to it. For one that cannot, the list
is an index under the tag `sha256-HEX`, which clients of the specification look for; what others
have put into it stays.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from pipeline.publishing.registry import Registry, sha256
from pipeline.step import Artifact, Facts, PipelineError

T = TypeVar("T")

CYCLONEDX = "application/vnd.cyclonedx+json"
IN_TOTO = "application/vnd.in-toto+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_NOTHING = b"{}"
_TITLE = "org.opencontainers.image.title"
_TAG = re.compile(r"sha256-[0-9a-f]{64}")

Around = Callable[[str, str], AbstractContextManager[None]]
"""Entered with what is done, and to what, for as long as it takes."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that tells of an image.

    Args:
        subject: digest of the manifest or index that it tells of.
        kind: media type of the file: `CYCLONEDX` or `IN_TOTO`.
        artifact: the file.
    """

    subject: str
    kind: str
    artifact: Artifact


class Descriptor(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A reference to a manifest or blob; what is not told is left out."""

    media_type: str
    digest: str
    size: int
    artifact_type: str = ""
    annotations: dict[str, str] = {}


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor
    artifact_type: str
    annotations: dict[str, str]
    schema_version: int = 2
    media_type: str = _MANIFEST


class _Index(msgspec.Struct, frozen=True, rename="camel"):
    manifests: tuple[Descriptor, ...] = ()
    schema_version: int = 2
    media_type: str = _INDEX


def attachments(facts: Facts) -> tuple[Attachment, ...]:
    """The bill of materials of each platform's image, and the provenance of them all."""
    named = {each.name: each for each in facts.artifacts}
    found = [
        Attachment(platform.digest, CYCLONEDX, named[name])
        for platform in facts.platforms
        if (name := f"mgit-{facts.version}-{platform.platform.replace('/', '-')}.cdx.json") in named
    ]
    provenance = f"mgit-{facts.version}-provenance.intoto.json"
    if provenance in named:
        found.append(Attachment(facts.image_digest, IN_TOTO, named[provenance]))
    return tuple(found)


def lacks(registry: Registry, wanted: Attachment) -> bool:
    """Whether a stranger who has the image's digest does not find this very file.

    Raises:
        PipelineError: the registry refuses or does not answer.
    """
    return not any(_holds(registry, each, wanted) for each in referrers(registry, wanted.subject))


def referrers(registry: Registry, subject: str) -> tuple[Descriptor, ...]:
    """What refers to a manifest, as any client of the specification finds it.

    Raises:
        PipelineError: the registry refuses, or answers with what is no index.
    """
    told = registry.referrers(subject)
    if told is None:
        standing = registry.manifest(_tag(subject))
        told = standing.body if standing else b"{}"
    return _read(told, _Index).manifests


def files_beside(registry: Registry, subject: str) -> set[tuple[str, str]]:
    """Media type and digest of every file that refers to a manifest.

    Raises:
        PipelineError: see `referrers`.
    """
    return {
        (entry.artifact_type, digest)
        for entry in referrers(registry, subject)
        for digest in _files(registry, entry, subject)
    }


def attach(registry: Registry, wanted: Attachment, path: Path, around: Around) -> None:
    """Put a file beside an image. Doing it again changes nothing: its digest is the same.

    Args:
        registry: has the image.
        wanted: what to attach.
        path: the file.
        around: see `Around`.

    Raises:
        PipelineError: the image is gone, or the registry refuses.
    """
    subject = registry.manifest(wanted.subject)
    if subject is None:
        raise PipelineError(f"{registry.name}@{wanted.subject} is gone", advice="stage again")
    artifact, about = wanted.artifact, {_TITLE: wanted.artifact.name}
    body = msgspec.json.encode(
        _Manifest(
            config=Descriptor(media_type=_EMPTY, digest=sha256(_NOTHING), size=len(_NOTHING)),
            layers=(
                Descriptor(
                    media_type=wanted.kind,
                    digest=artifact.digest,
                    size=artifact.bytes,
                    annotations=about,
                ),
            ),
            subject=Descriptor(
                media_type=subject.media_type, digest=wanted.subject, size=len(subject.body)
            ),
            artifact_type=wanted.kind,
            annotations=about,
        )
    )
    with around("attach", artifact.name):
        registry.put_blob(artifact.digest, path)
        _put_nothing(registry)
        registry.put_manifest(sha256(body), _MANIFEST, body)
    if registry.referrers(wanted.subject) is None:
        entry = Descriptor(
            media_type=_MANIFEST,
            digest=sha256(body),
            size=len(body),
            artifact_type=wanted.kind,
            annotations=about,
        )
        _list(registry, wanted.subject, entry, around)


def is_list(tag: str) -> bool:
    """Whether a tag is a list of referrers, and no version of an image."""
    return _TAG.fullmatch(tag) is not None


def _list(registry: Registry, subject: str, entry: Descriptor, around: Around) -> None:
    known = referrers(registry, subject)
    if any(each.digest == entry.digest for each in known):
        return
    body = msgspec.json.encode(_Index((*known, entry)))
    with around("list", _tag(subject)):
        registry.put_manifest(_tag(subject), _INDEX, body)


def _holds(registry: Registry, entry: Descriptor, wanted: Attachment) -> bool:
    if entry.artifact_type != wanted.kind:
        return False
    return _files(registry, entry, wanted.subject) == {wanted.artifact.digest}


def _files(registry: Registry, entry: Descriptor, subject: str) -> set[str]:
    """Digests of the files of a referrer; none where it is of another subject or not whole."""
    standing = registry.manifest(entry.digest)
    if standing is None:
        return set()
    manifest = _read(standing.body, _Manifest)
    files = {layer.digest for layer in manifest.layers}
    whole = all(registry.has_blob(digest) for digest in files)
    return files if whole and manifest.subject.digest == subject else set()


def _put_nothing(registry: Registry) -> None:
    with tempfile.TemporaryDirectory(prefix="mgit-referrer-") as folder:
        path = Path(folder, "empty.json")
        path.write_bytes(_NOTHING)
        registry.put_blob(sha256(_NOTHING), path)


def _tag(subject: str) -> str:
    return subject.replace(":", "-")


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise PipelineError(f"what refers to the image cannot be read: {error}") from None
