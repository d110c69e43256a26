"""The image is weighed beside a single-stage build of the same, and judged by that."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from pipeline.artifacts.oci import layer_paths, read_single, unpacked_size
from pipeline.imagesize.base import base_for
from pipeline.imagesize.weigh import (
    BARE,
    CAREFUL,
    OURS,
    USUAL,
    Report,
    Weight,
    files_of,
    largest,
    marks,
    parts,
    table,
)
from pipeline.machine.emulation import Emulation
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

ROOT = Path(__file__).parents[2]


def weights(ours: int = 57, arm: int = 57, bare: int = 200) -> tuple[Weight, ...]:
    """In millions of bytes; each travels at 40 %."""
    sizes = (
        (OURS, "linux/amd64", ours),
        (OURS, "linux/arm64", arm),
        (USUAL, "linux/amd64", 1000),
        (CAREFUL, "linux/amd64", 330),
        (BARE, "linux/amd64", bare),
    )
    return tuple(Weight(n, p, mb * 1_000_000, mb * 400_000, 12.5) for n, p, mb in sizes)


def report(*of: Weight) -> Report:
    sizes = {"git": 4_100_000}
    return Report("c" * 12, "debian:trixie-slim", "today", of, marks(of), sizes, sizes)


def failing(*of: Weight) -> list[str]:
    return [mark.what for mark in marks(of) if not mark.holds]


def test_a_small_image_holds_every_mark() -> None:
    small = report(*weights())
    assert small.holds
    assert len(small.marks) == 8


def test_each_platform_has_its_own_limits() -> None:
    assert failing(*weights(arm=61)) == ["linux/arm64: bytes"]
    assert failing(*weights(arm=63)) == ["linux/arm64: bytes", "linux/arm64: compressed bytes"]


def test_half_of_a_careful_build_is_the_most_even_without_its_base() -> None:
    """A base that is fat by itself must not make the comparison easy."""
    assert failing(*weights(bare=113)) == [
        f"linux/amd64: part of `{BARE}`",
        f"linux/amd64: part of `{BARE}`, compressed",
    ]
    assert not report(*weights(bare=113)).holds


def test_the_usual_build_is_told_and_not_judged_by() -> None:
    assert not any(USUAL in mark.what for mark in marks(weights()))
    assert "| usual | linux/amd64 | 1000.0 | 400.0 | 12 s |" in table(report(*weights()))


def test_the_table_says_what_does_not_hold() -> None:
    text = table(report(*weights(ours=61)))
    assert "| linux/amd64: bytes | 61.0 MB | 60.0 MB | **no** |" in text
    assert "| git | 4.1 |" in text


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("usr/lib/x86_64-linux-gnu/libcrypto.so.3", "shared libraries"),
        ("usr/lib/python3.13/json/__init__.pyc", "Python's library"),
        ("usr/lib/python3.13/lib-dynload/_ssl.cpython-313-x.so", "Python's extension modules"),
        ("usr/local/lib/python3.13/dist-packages/mgit/cli/__init__.pyc", "mgit"),
        ("usr/local/lib/python3.13/dist-packages/msgspec/_core.so", "its Python packages"),
        ("usr/lib/git-core/git-remote-http", "git-remote-http"),
        ("usr/share/doc/git/copyright", "copyrights and package records"),
        ("etc/passwd", "the rest"),
    ],
)
def test_every_file_is_for_something(name: str, part: str) -> None:
    assert parts([(name, 7), ("etc/group", 1)])[part] >= 7


def test_the_largest_come_first() -> None:
    found = largest([(f"file-{size:02}", size) for size in range(30)])
    assert list(found)[:2] == ["file-29", "file-28"]
    assert len(found) == 15


def layout(folder: Path) -> Path:
    """One image for one platform, as a builder writes it without an inner index."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(body: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(body).hexdigest()
        (blobs / digest).write_bytes(body)
        kind = f"application/vnd.oci.image.{kind}"
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(body)}

    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        entry = tarfile.TarInfo("usr/bin/git")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"git"))
    layer = put(gzip.compress(raw.getvalue()), "layer.v1.tar+gzip")
    config = put(b"{}", "config.v1+json")
    manifest = {"schemaVersion": 2, "config": config, "layers": [layer]}
    top = put(json.dumps(manifest).encode(), "manifest.v1+json")
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    return folder


def test_a_layout_for_one_platform_is_weighed(tmp_path: Path) -> None:
    place = layout(tmp_path / "layout")
    image = read_single(place, "linux/amd64")
    (layer,) = layer_paths(place, image)
    assert image.bytes == unpacked_size(layer) > image.compressed_bytes
    assert files_of(place, image) == (("usr/bin/git", 3),)


def test_both_ways_to_build_it_are_the_same_program() -> None:
    """The comparison is no straw man: one user, settings, command and health check."""
    text = (ROOT / "docker/single-stage.Dockerfile").read_text()
    usual, careful = text.split("FROM ${BASE} AS ")[1:]
    common = usual[usual.index("ENV MGIT_CONFIG") :].strip()
    assert careful.endswith(f"{common}\n")
    assert "--no-install-recommends" in careful
    assert "/var/lib/apt/lists" in careful
    assert "--no-cache-dir" in careful
    assert "COPY --from" not in text


def test_a_careful_build_for_the_other_platform_is_judged_by_too() -> None:
    fat, thin = (Weight(CAREFUL, "linux/arm64", mb * 1_000_000, mb * 400_000) for mb in (355, 99))
    assert failing(*weights(), fat) == []
    part = f"linux/arm64: part of `{CAREFUL}`"
    assert failing(*weights(), thin) == [part, f"{part}, compressed"]


def emulating(tmp_path: Path, flags: str = "flags: POF") -> Emulation:
    kernel = tmp_path / "binfmt_misc"
    kernel.mkdir()
    (kernel / "qemu-aarch64").write_text(f"enabled\n{flags}\n")
    return Emulation(kernel, tmp_path)


def docker_that(tmp_path: Path, inspects: str, has: str) -> Shell:
    """A docker whose registry says something of a base, and whose engine has it or not."""
    docker = tmp_path / "docker"
    script = f'#!/bin/sh\nif [ "$1" = buildx ]; then {inspects}; else {has}; fi\n'
    docker.write_text(script)
    docker.chmod(0o755)
    return Shell(env={"PATH": f"{tmp_path}:/usr/bin:/bin"})


BASE = "debian:trixie-slim"


def test_a_registry_that_has_the_base_for_the_other_platform_is_asked_for_it(
    tmp_path: Path,
) -> None:
    shell = docker_that(tmp_path, "echo Platform:   linux/arm64", "exit 1")
    assert base_for(shell, BASE, "linux/arm64", pytest.fail, emulating(tmp_path)) == BASE


def test_one_that_was_made_here_is_taken_where_no_registry_has_it(tmp_path: Path) -> None:
    shell = docker_that(tmp_path, "exit 1", "exit 0")
    made = base_for(shell, BASE, "linux/arm64", pytest.fail, emulating(tmp_path))
    assert made == "debian:trixie-slim-arm64"


def test_without_emulation_its_way_is_said(tmp_path: Path) -> None:
    shell = docker_that(tmp_path, "exit 0", "exit 0")
    with pytest.raises(PipelineError) as refused:
        base_for(shell, BASE, "linux/arm64", pytest.fail, emulating(tmp_path, "flags: P"))
    assert refused.value.exit_code is Exit.ENVIRONMENT
    assert "--emulation" in refused.value.advice


def test_a_platform_that_nothing_emulates_here_is_not_asked_for(tmp_path: Path) -> None:
    shell = docker_that(tmp_path, "exit 0", "exit 0")
    with pytest.raises(PipelineError, match="linux/amd64 are not emulated"):
        base_for(shell, BASE, "linux/amd64", pytest.fail, emulating(tmp_path))


def test_where_none_can_be_made_its_lack_is_said(tmp_path: Path) -> None:
    docker_that(tmp_path, "exit 1", "exit 1")
    shell = Shell(env={"PATH": str(tmp_path)})  # so that there is no mmdebstrap
    with pytest.raises(PipelineError, match="no registry has debian:trixie-slim") as refused:
        base_for(shell, BASE, "linux/arm64", pytest.fail, emulating(tmp_path))
    assert refused.value.exit_code is Exit.ENVIRONMENT
