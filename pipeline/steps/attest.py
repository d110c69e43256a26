"""attest: checksums of all files, and a statement of what they were built from.

Neither is signed by itself: the tag carries the digest of both, and it is the tag that is signed
(with `signing_key_file` in the endpoints, else it is annotated only).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from pipeline.artifacts import provenance, sbom
from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing.places import path_of
from pipeline.step import Artifact, Done, Facts, PipelineError, Step, Todo, Verdict

CHECKSUMS = "SHA256SUMS"
_BOM = ".cdx.json"


def check(project: Project, facts: Facts) -> Verdict:
    """Are both files there, saying what they should?"""
    effects = (f"write {CHECKSUMS}", "write the provenance")
    if not facts.image_digest or not _boms(facts):
        return Todo(effects)
    try:
        wanted = _documents(project, facts)
        lies = {name: (_folder(project) / name).read_bytes() for name in wanted}
    except (OSError, PipelineError):
        return Todo(effects)
    return Done(_learn(facts, wanted)) if lies == wanted else Todo(effects)


def run(project: Project, facts: Facts) -> Facts:
    """Write both files.

    Raises:
        PipelineError: an artefact is missing or changed after it was inspected.
    """
    wanted = _documents(project, facts)
    for name, body in wanted.items():
        with effect(project, "attest:write", name):
            (_folder(project) / name).write_bytes(body)
    return _learn(facts, wanted)


def undo(project: Project, facts: Facts) -> None:
    """Delete both files."""
    for name in (CHECKSUMS, _provenance_name(facts)):
        with effect(project, "undo:delete", name):
            (_folder(project) / name).unlink(missing_ok=True)


def _documents(project: Project, facts: Facts) -> dict[str, bytes]:
    """The text of both files, by name; every artefact is read again on the way."""
    name = _provenance_name(facts)
    built = tuple(each for each in facts.artifacts if each.name not in {CHECKSUMS, name})
    paths = {each.name: path_of(project, each) for each in built}
    materials: dict[str, str] = {}
    for bom in _boms(facts):
        document = paths[bom.name].read_bytes()
        materials = {**dict.fromkeys(sbom.packages_of(document), ""), **materials}
        materials |= sbom.files_of(document)
    stated = provenance.statement(facts, built, project.endpoints.base_image, materials)
    summed = provenance.checksums((*built, _artifact(name, stated)))
    return {name: stated, CHECKSUMS: summed}


def _learn(facts: Facts, documents: dict[str, bytes]) -> Facts:
    others = tuple(each for each in facts.artifacts if each.name not in documents)
    added = tuple(_artifact(name, body) for name, body in documents.items())
    return replace(facts, artifacts=(*others, *added))


def _artifact(name: str, body: bytes) -> Artifact:
    return Artifact(name, f"sha256:{hashlib.sha256(body).hexdigest()}", len(body))


def _boms(facts: Facts) -> tuple[Artifact, ...]:
    return tuple(each for each in facts.artifacts if each.name.endswith(_BOM))


def _provenance_name(facts: Facts) -> str:
    return f"mgit-{facts.version}-provenance.intoto.json"


def _folder(project: Project) -> Path:
    return project.out / "artifacts"


STEP = Step("attest", ("inspect",), check, run, undo)
