"""An OCI layout is believed only as far as its digests go."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.artifacts.oci import INDEX, layer_paths, read_image, read_settings
from pipeline.step import Exit, PipelineError, PlatformImage

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"


class Layout:
    """Writes a layout, blob by blob."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)

    def blob(self, kind: str, body: bytes, **more: Any) -> dict[str, Any]:
        name = hashlib.sha256(body).hexdigest()
        (self.folder / "blobs/sha256" / name).write_bytes(body)
        return {"mediaType": kind, "digest": f"sha256:{name}", "size": len(body), **more}

    def document(self, kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.blob(kind, json.dumps({"schemaVersion": 2, **value}).encode(), **more)

    def platform(self, architecture: str, tar: bytes) -> dict[str, Any]:
        settings = {"config": {"User": "65532:65532", "Labels": {"a": architecture}}}
        manifest = {
            "config": self.blob(CONFIG, json.dumps(settings).encode()),
            "layers": [self.blob(LAYER, gzip.compress(tar, mtime=0))],
        }
        where = {"os": "linux", "architecture": architecture}
        return self.document(MANIFEST, manifest, platform=where)

    def finish(self, *platforms: dict[str, Any]) -> str:
        top = self.document(INDEX, {"manifests": list(platforms)})
        outer = {"schemaVersion": 2, "manifests": [top]}
        (self.folder / "index.json").write_text(json.dumps(outer))
        return str(top["digest"])


def a_tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo("usr/bin/git")
        member.size = 5000
        tar.addfile(member, io.BytesIO(b"g" * 5000))
    return out.getvalue()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    made = Layout(tmp_path / "image")
    made.finish(made.platform("amd64", a_tar()), made.platform("arm64", b"x" * 1024))
    return made.folder


def test_both_platforms_are_measured(layout: Path) -> None:
    image = read_image(layout)
    amd, arm = image.platforms
    assert (amd.platform, amd.bytes) == ("linux/amd64", len(a_tar()))
    assert (arm.platform, arm.bytes) == ("linux/arm64", 1024)
    assert amd.compressed_bytes == len(gzip.compress(a_tar(), mtime=0))
    assert read_settings(layout, arm).labels == {"a": "arm64"}
    assert read_settings(layout, arm).user == "65532:65532"
    (layer,) = layer_paths(layout, amd)
    assert gzip.decompress(layer.read_bytes()) == a_tar()


def drop_a_blob(layout: Path) -> None:
    max((layout / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size).unlink()


def change_a_layer(layout: Path) -> None:
    layer = layer_paths(layout, read_image(layout).platforms[0])[0]
    layer.write_bytes(gzip.compress(b"other"))


def change_a_manifest(layout: Path) -> None:
    path = layout / "blobs/sha256" / read_image(layout).platforms[0].digest[7:]
    path.write_bytes(path.read_bytes() + b" ")


def climb_out(layout: Path) -> None:
    text = (layout / "index.json").read_text()
    digest = read_image(layout).digest
    (layout / "index.json").write_text(text.replace(digest, "sha256:../../../etc/passwd"))


def no_index(layout: Path) -> None:
    (layout / "index.json").unlink()


def no_json(layout: Path) -> None:
    (layout / "index.json").write_text("<html>")


@pytest.mark.parametrize(
    "damage", [drop_a_blob, change_a_layer, change_a_manifest, climb_out, no_index, no_json]
)
def test_a_damaged_layout_is_a_conflict(layout: Path, damage: Callable[[Path], None]) -> None:
    damage(layout)
    with pytest.raises(PipelineError) as refused:
        read_image(layout)
    assert refused.value.exit_code is Exit.CONFLICT
    assert "build again" in refused.value.advice


def test_a_plain_image_is_not_taken_for_an_index(tmp_path: Path) -> None:
    made = Layout(tmp_path / "image")
    single = made.platform("amd64", b"x")
    outer = {"schemaVersion": 2, "manifests": [single]}
    (made.folder / "index.json").write_text(json.dumps(outer))
    with pytest.raises(PipelineError, match="not an index"):
        read_image(made.folder)


def test_a_missing_platform_of_a_layout_is_told(layout: Path) -> None:
    absent = PlatformImage("linux/s390x", f"sha256:{'0' * 64}", 0, 0)
    with pytest.raises(PipelineError, match="is missing"):
        read_settings(layout, absent)
