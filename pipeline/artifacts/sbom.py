"""Bills of material (CycloneDX 1.6) that come out the same whenever the same thing is described."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

_NAMESPACE = uuid.UUID("2f0b7d0e-5a43-5d0c-9c0e-6f6d67697400")


def settle(document: bytes, *, name: str, version: str, subject: str, epoch: int) -> bytes:
    """Take time and chance out of a CycloneDX document.

    Scanners number components at random, order them by that number, and write down when they ran.

    Args:
        document: as the tool wrote it.
        name: what is described.
        version: of what is described.
        subject: digest of what is described.
        epoch: seconds, in place of the time of the run.

    Raises:
        PipelineError: it is no CycloneDX document.
    """
    bom = _decode(document)
    about = bom.setdefault("metadata", {})
    component = about.setdefault("component", {"type": "application"})
    component["name"], component["version"] = name, version
    about["timestamp"] = datetime.fromtimestamp(epoch, UTC).isoformat()
    bom["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, subject)}"
    names = {}
    for part in (component, *bom.get("components", [])):
        reference = part.get("bom-ref", "")
        if _is_uuid(reference):
            words = [subject, part.get("type"), part.get("name"), part.get("version"), _path(part)]
            names[reference] = str(uuid.uuid5(_NAMESPACE, repr(words)))
    return _encode(_rename(bom, names))


def with_files(document: bytes, files: Mapping[str, str]) -> bytes:
    """Add to each Debian package the digest of the package file that it came from.

    Args:
        document: a CycloneDX document.
        files: SHA-256 (hex) by `NAME@VERSION`.

    Raises:
        PipelineError: a package file is of none of the components.
    """
    bom, left = _decode(document), dict(files)
    for part in bom.get("components", []):
        if str(part.get("purl", "")).startswith("pkg:deb/"):
            digest = left.pop(f"{part.get('name')}@{part.get('version')}", "")
            if digest:
                part["hashes"] = [{"alg": "SHA-256", "content": digest}]
    if left:
        raise PipelineError(
            f"the scanner does not know {min(left)}, which is in the image",
            exit_code=Exit.ENVIRONMENT,
        )
    return _encode(bom)


def files_of(document: bytes) -> dict[str, str]:
    """The package URLs of components with the SHA-256 (hex) that is told of them."""
    found = {}
    for part in _decode(document).get("components", []):
        digests = [h["content"] for h in part.get("hashes", []) if h.get("alg") == "SHA-256"]
        if part.get("purl") and len(digests) == 1:
            found[str(part["purl"])] = str(digests[0])
    return found


def packages_of(document: bytes) -> tuple[str, ...]:
    """The package URLs of all components, sorted."""
    components = _decode(document).get("components", [])
    return tuple(sorted(part["purl"] for part in components if part.get("purl")))


def lacking(image: bytes, wheel: bytes, without: Collection[str] = ()) -> tuple[str, ...]:
    """Package URLs of Python packages that the wheel needs and the image's document lacks.

    Args:
        image: what the scanner found in the image.
        wheel: what the lock file says the wheel needs.
        without: names of packages that were left out of the image on purpose.
    """
    needed = {purl for purl in packages_of(wheel) if purl.startswith("pkg:pypi/")}
    left = needed - set(packages_of(image))
    meant = tuple(f"pkg:pypi/{name}@" for name in without)
    return tuple(sorted(purl for purl in left if not purl.startswith(meant)))


def of_requirements(shell: Shell, root: Path, lock: Path, out: Path) -> bytes:
    """Describe what the wheel needs: every locked package with its hashes.

    Args:
        shell: starts cyclonedx-bom.
        root: clean clone; its pyproject.toml names the project.
        lock: requirement file with hashes.
        out: file that the tool may write to.

    Raises:
        PipelineError: the tool failed.
    """
    argv = (
        *(sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible"),
        *("--pyproject", root / "pyproject.toml", "--spec-version", "1.6"),
        *("--output-format", "JSON", "--output-file", out, lock),
    )
    shell.run(argv)
    return out.read_bytes()


def _rename(bom: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    parts = bom.get("components", [])
    for part in (bom["metadata"]["component"], *parts):
        if part.get("bom-ref") in names:
            part["bom-ref"] = names[part["bom-ref"]]
    parts.sort(key=lambda part: str(part.get("bom-ref", "")))
    links = bom.get("dependencies", [])
    for link in links:
        link["ref"] = names.get(link["ref"], link["ref"])
        if "dependsOn" in link:
            link["dependsOn"] = sorted(names.get(ref, ref) for ref in link["dependsOn"])
    links.sort(key=lambda link: str(link["ref"]))
    return bom


def _path(part: dict[str, Any]) -> str:
    """What tells two components of one name apart: where they lie."""
    return repr(sorted((p.get("name"), p.get("value")) for p in part.get("properties", [])))


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _decode(document: bytes) -> dict[str, Any]:
    try:
        bom = msgspec.json.decode(document, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise _no_bom(str(error)) from None
    if bom.get("bomFormat") != "CycloneDX":
        raise _no_bom("its bomFormat is another")
    return bom


def _encode(bom: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(bom, order="sorted"), indent=1) + b"\n"


def _no_bom(why: str) -> PipelineError:
    return PipelineError(f"that is no CycloneDX document: {why}", exit_code=Exit.ENVIRONMENT)
