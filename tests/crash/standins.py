"""What a crash run does not do for real, because it takes minutes and changes nothing outside.

Everything around these is the release's own code: the steps, their records, their looks at the
world. `install` changes modules of the process it is called in, which is a child made for one run.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from pipeline.git import Git
from pipeline.project import PLATFORMS, Project
from pipeline.step import Artifact, Database, Facts, PlatformImage
from pipeline.steps import build, gates, inspect, preflight, publish, trial, verify

WHAT = (
    "the scanners and the tests of the gates (they pass)",
    "compiling wheel, source distribution and image (the comparison of two builds is real)",
    "the tests on the wheel (`trial`; its record is real)",
    "running the artefacts and describing their parts (`inspect`; its records are real)",
    "installing and pulling as a stranger (`verify`; its look at the release's assets is real)",
    "the container engine (a script that keeps what runs in a file; the rollout is real)",
    "the list of tools that preflight wants",
)
"""For the page: what is not real."""

_OCI = "application/vnd.oci.image"
_DATABASE = Database("fixture", f"sha256:{'0' * 64}", "2026-01-01T00:00:00Z", "A stand-in.")
_BOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [
        {"type": "library", "name": "part", "version": "1", "purl": "pkg:generic/part@1"}
    ],
}


def install(stack: ExitStack) -> None:
    """Put the stand-ins in place until the stack is closed."""
    bom = json.dumps(_BOM).encode()
    trivy = SimpleNamespace(database=_DATABASE)
    verdict = SimpleNamespace(findings=(), scanned={"files": 1}, database=_DATABASE)
    for module, values in (
        (preflight, {"missing_tools": _none, "tools": _none}),
        (gates, {"_security": lambda _project: verdict, "_nox": lambda _project, _name: None}),
        (build, {"build_once": _build}),
        (
            inspect,
            {
                "try_wheel": _nothing,
                "try_sdist": _nothing,
                "open_trivy": lambda *_: trivy,
                "check_age": _nothing,
                "prove_images": _nothing,
                "_look": lambda *_: SimpleNamespace(findings=(), packages={"os-pkgs": 1}),
                "_current": lambda *_: True,
                "_describe_image": _describe_image,
            },
        ),
        (inspect.sbom, {"of_requirements": lambda *_: bom}),
        (publish, {"_WAITS": (0.0, 0.1)}),
        (trial, {"run_on_wheel": lambda *_: 1}),
        (verify, {"install_and_run": _nothing, "open_engine": _nothing, "_image": _nothing}),
    ):
        stack.enter_context(patch.multiple(module, **values))


def _describe_image(
    project: Project, facts: Facts, platform: PlatformImage, *_: object
) -> Artifact:
    name = f"mgit-{facts.version}-{platform.platform.replace('/', '-')}.cdx.json"
    return inspect._keep(project, name, json.dumps(_BOM).encode())


def _none(_project: Project) -> tuple[()]:
    """In place of a list of what is wrong."""
    return ()


def _nothing(*_: object) -> None:
    """In place of what only looks."""


def _build(
    project: Project, facts: Facts, place: Path, _tools_id: str, *, elsewhere: bool = False
) -> Path:
    """What a build leaves in its folder, told by version and commit alone."""
    _ = elsewhere
    out = place / "out"
    out.mkdir(parents=True)
    _wheel(out, facts)
    _sdist(out, facts)
    text = Git(project.shell, project.root).text(facts.commit, "mgit/version.py")
    _layout(out / build.LAYOUT, text)
    return out


def _metadata(facts: Facts) -> str:
    return (
        f"Metadata-Version: 2.1\nName: mgit-fleet\nVersion: {facts.version}\n"
        f"Summary: Made from {facts.commit}\n"
    )


def _wheel(out: Path, facts: Facts) -> None:
    info = f"mgit_fleet-{facts.version}.dist-info"
    with zipfile.ZipFile(out / f"mgit_fleet-{facts.version}-py3-none-any.whl", "w") as wheel:
        for name, text in (
            (f"{info}/METADATA", _metadata(facts)),
            (f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            (f"{info}/RECORD", ""),
        ):
            wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)


def _sdist(out: Path, facts: Facts) -> None:
    tree = f"mgit_fleet-{facts.version}"
    packed = _tar({f"{tree}/PKG-INFO": _metadata(facts), f"{tree}/pyproject.toml": ""})
    (out / f"{tree}.tar.gz").write_bytes(gzip.compress(packed, mtime=0))


def _tar(files: dict[str, str]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return raw.getvalue()


def _layout(folder: Path, text: str) -> None:
    """An OCI layout of one image for all platforms, with a layer of its own for each."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def keep(body: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(body).hexdigest()
        (blobs / digest).write_bytes(body)
        return {"mediaType": f"{_OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(body)}

    def keep_json(value: object, kind: str) -> dict[str, object]:
        return keep(json.dumps(value).encode(), kind)

    manifests = []
    for platform in PLATFORMS:
        system, _, architecture = platform.partition("/")
        layer = keep(
            gzip.compress(_tar({"mgit": f"{text}{platform}"}), mtime=0), "layer.v1.tar+gzip"
        )
        settings = {"architecture": architecture, "os": system, "config": {}}
        parts = {"config": keep_json(settings, "config.v1+json"), "layers": [layer]}
        kind = "manifest.v1+json"
        made = keep_json({"schemaVersion": 2, "mediaType": f"{_OCI}.{kind}", **parts}, kind)
        manifests.append({**made, "platform": {"architecture": architecture, "os": system}})
    kind = "index.v1+json"
    index = {"schemaVersion": 2, "mediaType": f"{_OCI}.{kind}", "manifests": manifests}
    outer = {"schemaVersion": 2, "manifests": [keep_json(index, kind)]}
    (folder / "index.json").write_text(json.dumps(outer), encoding="utf-8")
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
