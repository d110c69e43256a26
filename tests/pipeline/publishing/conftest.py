"""A whole world to publish to, on loopback, and something small to publish."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.project import Endpoints, Project
from pipeline.shell import Shell
from pipeline.step import Artifact, Facts
from sandbox.index import Index, open_index
from sandbox.registry import open_registry
from sandbox.releases import Releases, open_releases

METADATA = """\
Metadata-Version: 2.1
Name: mgit-fleet
Version: {version}
Summary: A stand-in
Requires-Python: >=3.11
"""
STANDIN = """\
'''{extra}'''


def main():
    print("mgit {version}")
"""
COMMIT = "c" * 40


@dataclass(frozen=True)
class World:
    """Where a release goes, and how to look at it from outside."""

    project: Project
    facts: Facts
    index: Index
    releases: Releases
    packages: Path

    def published(self) -> set[str]:
        return {file.name for file in self.packages.iterdir()}


def artifact(path: Path) -> Artifact:
    body = path.read_bytes()
    return Artifact(path.name, f"sha256:{hashlib.sha256(body).hexdigest()}", len(body))


def make_wheel(folder: Path, version: str = "0.1.0", extra: str = "") -> Path:
    """A wheel that pip takes: one module and its metadata."""
    path = folder / f"mgit_fleet-{version}-py3-none-any.whl"
    info = f"mgit_fleet-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in (
            ("mgit_standin.py", STANDIN.format(extra=extra, version=version)),
            (f"{info}/entry_points.txt", "[console_scripts]\nmgit = mgit_standin:main\n"),
            (f"{info}/METADATA", METADATA.format(version=version)),
            (f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            (f"{info}/RECORD", ""),
        ):
            wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
    return path


def make_sdist(folder: Path, version: str = "0.1.0") -> Path:
    path = folder / f"mgit_fleet-{version}.tar.gz"
    content = METADATA.format(version=version).encode()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, body in (("PKG-INFO", content), ("pyproject.toml", b"")):
            entry = tarfile.TarInfo(f"mgit_fleet-{version}/{name}")
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    path.write_bytes(gzip.compress(raw.getvalue(), mtime=0))
    return path


def make_layout(folder: Path, text: str = "mgit") -> str:
    """An OCI layout with an index of two platforms; returns the index's digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def keep(body: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(body).hexdigest()
        (blobs / digest).write_bytes(body)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(body)}

    manifests = []
    for architecture in ("amd64", "arm64"):
        prefix = "application/vnd.oci.image"
        layer = keep(gzip.compress(f"{text} {architecture}".encode(), mtime=0), f"{prefix}.layer")
        config = keep(
            json.dumps({"architecture": architecture, "os": "linux"}).encode(),
            f"{prefix}.config.v1+json",
        )
        kind = f"{prefix}.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}
        entry = keep(json.dumps(manifest).encode(), kind)
        manifests.append({**entry, "platform": {"architecture": architecture, "os": "linux"}})
    kind = "application/vnd.oci.image.index.v1+json"
    index = {"schemaVersion": 2, "mediaType": kind, "manifests": manifests}
    return str(keep(json.dumps(index).encode(), kind)["digest"])


def secret_file(folder: Path, name: str, value: str) -> Path:
    path = folder / name
    path.write_text(f"{value}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Index, registry and forge run; nothing is published yet."""
    artifacts = tmp_path / "out" / "artifacts"
    artifacts.mkdir(parents=True)
    files = (make_wheel(artifacts), make_sdist(artifacts))
    digest = make_layout(artifacts / "image")
    index_token = secret_file(tmp_path, "index-token", "canary-of-the-index")
    forge_token = secret_file(tmp_path, "forge-token", "canary-of-the-forge")
    with ExitStack() as stack:
        packages = tmp_path / "packages"
        index = stack.enter_context(open_index(packages, token_file=index_token))
        releases = stack.enter_context(
            open_releases(tmp_path / "releases", token="canary-of-the-forge")
        )
        registry = stack.enter_context(open_registry(tmp_path / "registry"))
        endpoints = Endpoints(
            rehearsal=True,
            git_remote=str(tmp_path / "remote.git"),
            index_upload=index.url,
            index_simple=index.simple,
            index_token_file=str(index_token),
            registry=f"{registry.host}/mgit",
            registry_insecure=True,
            forge_api=releases.url,
            forge_repo="acme/mgit",
            forge_token_file=str(forge_token),
        )
        shell = Shell(dict(os.environ))
        project = Project(tmp_path, tmp_path / "out", endpoints, shell, ci=True, tag="v0.1.0")
        facts = Facts(
            version="0.1.0",
            notes="First.",
            commit=COMMIT,
            artifacts=tuple(artifact(path) for path in files),
            image_digest=digest,
        )
        yield World(project, facts, index, releases, packages)
