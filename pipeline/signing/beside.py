"""What lies beside an image: signatures and statements, as images of their own under known tags.

Format: cosign's storage specification. For `sha256:HEX` the tag `sha256-HEX.sig` names a manifest
whose layers are signed payloads (simple signing), `sha256-HEX.att` one whose layers are envelopes.
They travel by our own registry client, so cosign never needs a credential of the registry.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.publishing.registry import Registry, sha256

SIGNATURE = "dev.cosignproject.cosign/signature"
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
ENDS = ("sig", "att")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MOST_SIGNATURES = 100

Around = Callable[[str, str], AbstractContextManager[None]]


class _Layer(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = {}


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    config: _Layer
    layers: tuple[_Layer, ...] = ()
    schema_version: int = 2
    media_type: str = _MANIFEST


class _Child(msgspec.Struct, frozen=True):
    digest: str


class _Index(msgspec.Struct, frozen=True):
    manifests: tuple[_Child, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that lies beside an image.

    Args:
        kind: `PAYLOAD` or `ENVELOPE`.
        body: its bytes.
        annotations: of its layer; a signature is one.
    """

    kind: str
    body: bytes
    annotations: dict[str, str]


def payload_of(name: str, digest: str) -> bytes:
    """What is signed for an image: its name and digest; the same for everybody.

    Args:
        name: `HOST/NAME` of the image.
        digest: of a manifest or an index.
    """
    critical = {
        "identity": {"docker-reference": name},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return msgspec.json.encode({"critical": critical, "optional": None})


def tag_beside(digest: str, end: str) -> str:
    """The tag of what lies beside an image; `end` is `sig` or `att`."""
    return f"{digest.replace(':', '-')}.{end}"


def is_beside(tag: str) -> bool:
    """Whether a tag names something beside an image, and not an image."""
    return tag.startswith("sha256-") and tag.endswith((".sig", ".att"))


def all_of(registry: Registry, digest: str) -> tuple[str, ...]:
    """An image's digest and those of its platforms; nothing where the image is not there."""
    found = registry.manifest(digest)
    if found is None:
        return ()
    index = msgspec.json.decode(found.body, type=_Index)
    return (digest, *(child.digest for child in index.manifests))


def signatures_in(registry: Registry, tag: str) -> tuple[tuple[str, str], ...]:
    """Digest of the signed payload and the signature, for each one under a tag."""
    layers = _layers(registry, tag)[:_MOST_SIGNATURES]
    return tuple((each.digest, each.annotations.get(SIGNATURE, "")) for each in layers)


def put(registry: Registry, tag: str, note: Note, around: Around) -> None:
    """Add something beside an image; what others have put there stays.

    Args:
        registry: of the image.
        tag: see `tag_beside`.
        note: what to add.
        around: wraps each thing done to the registry.

    Raises:
        PipelineError: the registry refuses, or does not give it back.
    """
    added = _Layer(note.kind, sha256(note.body), len(note.body), note.annotations)
    layers = (*_layers(registry, tag), added)
    config = msgspec.json.encode(
        {
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [each.digest for each in layers]},
        }
    )
    about = _Layer(_CONFIG, sha256(config), len(config))
    for what, body in (("payload", note.body), ("config", config)):
        with around(what, tag):
            _put_blob(registry, body)
    manifest = msgspec.json.encode(_Manifest(about, layers))
    with around("beside", tag):
        registry.put_manifest(tag, _MANIFEST, manifest)


def remove(registry: Registry, tag: str) -> None:
    """Take away what lies under a tag; nothing there is fine."""
    digest = registry.digest(tag)
    if digest:
        registry.delete(digest)


def _layers(registry: Registry, tag: str) -> tuple[_Layer, ...]:
    found = registry.manifest(tag)
    return msgspec.json.decode(found.body, type=_Manifest).layers if found else ()


def _put_blob(registry: Registry, body: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="mgit-beside-") as folder:
        path = Path(folder, "blob")
        path.write_bytes(body)
        registry.put_blob(sha256(body), path)
