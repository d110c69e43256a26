"""Reads OCI image layouts on disk: which image is in it, for which platforms, how big.

Format: OCI image layout and image index, version 1. Nothing is run and nothing is changed.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from pipeline.step import Exit, PipelineError, PlatformImage

T = TypeVar("T")

INDEX = "application/vnd.oci.image.index.v1+json"
_GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar"
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_PIECE = 1 << 20


class _Platform(msgspec.Struct):
    os: str
    architecture: str


class _Descriptor(msgspec.Struct, rename="camel"):
    media_type: str
    digest: str
    size: int
    platform: _Platform | None = None


class _Index(msgspec.Struct, rename="camel"):
    schema_version: int
    manifests: list[_Descriptor]


class _Manifest(msgspec.Struct, rename="camel"):
    schema_version: int
    config: _Descriptor
    layers: list[_Descriptor]


class _Settings(msgspec.Struct, rename="pascal"):
    user: str = ""
    labels: dict[str, str] = {}
    entrypoint: list[str] = []


class _Config(msgspec.Struct):
    config: _Settings


@dataclass(frozen=True, slots=True)
class Image:
    """One image of several platforms.

    Args:
        digest: of the index that names all platforms.
        platforms: each with its manifest's digest and sizes.
    """

    digest: str
    platforms: tuple[PlatformImage, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration of one platform's image says.

    Args:
        user: who it runs as.
        labels: its OCI annotations.
        entrypoint: what it starts.
    """

    user: str
    labels: dict[str, str]
    entrypoint: tuple[str, ...]


def read_image(layout: Path) -> Image:
    """Read the one image of a layout, every blob checked against its digest.

    Raises:
        PipelineError: no layout, more than one image, or a blob that is missing or changed.
    """
    top = _top(layout)
    if top.media_type != INDEX:
        raise _unreadable(layout, f"its image is a {top.media_type}, not an index of platforms")
    inner = _decode(layout, top.digest, _Index)
    return Image(top.digest, tuple(_platform(layout, child) for child in inner.manifests))


def read_single(layout: Path, platform: str) -> PlatformImage:
    """Read the one image of a layout that was built for one platform, so without an inner index.

    Raises:
        PipelineError: see `read_image`.
    """
    os, _, architecture = platform.partition("/")
    return _platform(
        layout, msgspec.structs.replace(_top(layout), platform=_Platform(os, architecture))
    )


def _top(layout: Path) -> _Descriptor:
    try:
        outer = msgspec.json.decode((layout / "index.json").read_bytes(), type=_Index)
    except OSError as error:
        raise _unreadable(layout, error.strerror or "cannot be read") from None
    except msgspec.MsgspecError as error:
        raise _unreadable(layout, str(error)) from None
    if len(outer.manifests) != 1:
        raise _unreadable(layout, f"it holds {len(outer.manifests)} images, not one")
    return outer.manifests[0]


def read_settings(layout: Path, platform: PlatformImage) -> Settings:
    """The image configuration of one platform.

    Raises:
        PipelineError: see `read_image`.
    """
    manifest = _decode(layout, platform.digest, _Manifest)
    found = _decode(layout, manifest.config.digest, _Config).config
    return Settings(found.user, found.labels, tuple(found.entrypoint))


def layer_paths(layout: Path, platform: PlatformImage) -> tuple[Path, ...]:
    """The files of one platform's layers (tar, gzip), the lowest first.

    Raises:
        PipelineError: see `read_image`.
    """
    layers = _decode(layout, platform.digest, _Manifest).layers
    return tuple(_path(layout, layer.digest) for layer in layers)


def _platform(layout: Path, child: _Descriptor) -> PlatformImage:
    if child.platform is None or child.platform.os == "unknown":
        raise _unreadable(layout, f"{child.digest} is for no platform")
    layers = _decode(layout, child.digest, _Manifest).layers
    return PlatformImage(
        platform=f"{child.platform.os}/{child.platform.architecture}",
        digest=child.digest,
        bytes=sum(_unpacked_size(layout, layer) for layer in layers),
        compressed_bytes=sum(layer.size for layer in layers),
    )


def unpacked_size(layer: Path) -> int:
    """Bytes of the tar inside a layer (tar, gzip)."""
    with gzip.open(layer) as tar:
        return sum(len(piece) for piece in iter(lambda: tar.read(_PIECE), b""))


def _unpacked_size(layout: Path, layer: _Descriptor) -> int:
    """Bytes of the tar inside; reading it through also checks the digest."""
    if layer.media_type not in {_GZIP_LAYER, _PLAIN_LAYER}:
        raise _unreadable(layout, f"a layer is a {layer.media_type}")
    digest = hashlib.sha256()
    inflate = zlib.decompressobj(wbits=31) if layer.media_type == _GZIP_LAYER else None
    total = 0
    with _path(layout, layer.digest).open("rb") as blob:
        while piece := blob.read(_PIECE):
            digest.update(piece)
            total += len(piece) if inflate is None else len(inflate.decompress(piece))
    if f"sha256:{digest.hexdigest()}" != layer.digest:
        raise _unreadable(layout, f"{layer.digest} was changed")
    return total


def _decode(layout: Path, digest: str, kind: type[T]) -> T:
    body = _path(layout, digest).read_bytes()
    if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
        raise _unreadable(layout, f"{digest} was changed")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise _unreadable(layout, f"{digest}: {error}") from None


def _path(layout: Path, digest: str) -> Path:
    if not _DIGEST.fullmatch(digest):
        raise _unreadable(layout, f"{digest!a} is no digest")
    path = layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
    if not path.is_file():
        raise _unreadable(layout, f"{digest} is missing")
    return path


def _unreadable(layout: Path, why: str) -> PipelineError:
    return PipelineError(
        f"{layout} is not the image that was built: {why}",
        exit_code=Exit.CONFLICT,
        advice=f"delete {layout} and build again",
    )
