"""Sends an image from an OCI layout on disk to a registry, by digest and without any tag.

What the registry has already is not sent again, so a broken push goes on where it stopped. The
index goes last: until then nobody can ask for the image.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from pipeline.publishing.registry import Registry, is_digest, sha256
from pipeline.step import Exit, PipelineError

Around = Callable[[str], AbstractContextManager[None]]
"""Entered with a digest for as long as that blob or manifest is sent or deleted."""


def _unwatched(_digest: str) -> AbstractContextManager[None]:
    return nullcontext()


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """What a manifest says of a part of it (OCI image specification)."""

    media_type: str
    digest: str
    size: int


class _Document(msgspec.Struct, rename="camel"):
    media_type: str = ""
    manifests: tuple[Descriptor, ...] = ()
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()


def push_layout(
    registry: Registry,
    layout: Path,
    digest: str,
    *,
    around: Around = _unwatched,
) -> None:
    """Send a manifest or an index with all that it names.

    Args:
        registry: where to.
        layout: folder with `blobs/sha256/…` (OCI image layout).
        digest: of the manifest or index.
        around: see `Around`; not entered for what the registry has already.

    Raises:
        PipelineError: a blob is missing or changed, or the registry refuses.
    """
    body = blob_path(layout, digest).read_bytes()
    if sha256(body) != digest:
        raise PipelineError(f"{digest} changed after it was built", exit_code=Exit.CONFLICT)
    document = _read(body, digest)
    for child in document.manifests:
        push_layout(registry, layout, child.digest, around=around)
    for blob in (*filter(None, [document.config]), *document.layers):
        if not registry.has_blob(blob.digest):
            with around(blob.digest):
                registry.put_blob(blob.digest, blob_path(layout, blob.digest))
    if registry.digest(digest) != digest:
        with around(digest):
            registry.put_manifest(digest, document.media_type or _kind(document), body)


def missing(registry: Registry, digest: str) -> tuple[str, ...]:
    """What of an image the registry lacks: digests of manifests and blobs, the outermost first.

    Raises:
        PipelineError: the registry refuses or does not answer.
    """
    found = registry.manifest(digest)
    if found is None or found.digest != digest:
        return (digest,)
    document = _read(found.body, digest)
    lacking = [lack for child in document.manifests for lack in missing(registry, child.digest)]
    blobs = (*filter(None, [document.config]), *document.layers)
    return (*lacking, *(blob.digest for blob in blobs if not registry.has_blob(blob.digest)))


def delete_image(registry: Registry, digest: str, *, around: Around = _unwatched) -> None:
    """Take an index and its manifests away; what is gone already is fine.

    The index goes last, because it names the others: whoever is stopped between finds them again.
    """
    found = registry.manifest(digest)
    if found is None:
        return
    for child in _read(found.body, digest).manifests:
        delete_image(registry, child.digest, around=around)
    with around(digest):
        registry.delete(digest)


def blob_path(layout: Path, digest: str) -> Path:
    """Where a layout keeps a blob.

    Raises:
        PipelineError: it is no digest, or the layout lacks it.
    """
    path = layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
    if not is_digest(digest) or not path.is_file():
        raise PipelineError(f"{layout} holds no blob {digest}", advice="build the image again")
    return path


def _read(body: bytes, digest: str) -> _Document:
    try:
        return msgspec.json.decode(body, type=_Document)
    except msgspec.DecodeError as error:
        raise PipelineError(f"{digest} is no manifest: {error}") from None


def _kind(document: _Document) -> str:
    kind = "index" if document.manifests else "manifest"
    return f"application/vnd.oci.image.{kind}.v1+json"
