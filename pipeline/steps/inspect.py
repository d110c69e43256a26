"""inspect: what was built is installed, run, listed, measured and scanned, and its parts named.

Bills of materials go beside the artefacts. `OUT/inspection.json` remembers which artefacts were
looked at with which scanner and database, so that the same question is not asked twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from pipeline.artifacts import sbom
from pipeline.artifacts.engine import open_engine
from pipeline.artifacts.image import left_out, native_platform
from pipeline.artifacts.inspection import (
    debian_files,
    export,
    look_at_image,
    try_image,
    try_sdist,
    try_wheel,
)
from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing.places import distributions, file_digest, layout_of, path_of
from pipeline.security.canary import prove_images
from pipeline.security.trivy import Trivy, check_age, open_trivy
from pipeline.security.trivy_report import Kind, Report
from pipeline.step import (
    Artifact,
    Database,
    Done,
    Exit,
    Facts,
    Finding,
    PipelineError,
    PlatformImage,
    Step,
    Todo,
    Verdict,
)
from pipeline.versioning.versions import to_pep440

_RECORD = "inspection.json"
_BOM = ".cdx.json"
_LOCK = "requirements/image.txt"


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and what came of it: `inspection.json`."""

    subjects: tuple[str, ...]
    database: Database
    findings: tuple[Finding, ...]
    scanned: dict[str, int]
    boms: tuple[Artifact, ...]


def check(project: Project, facts: Facts) -> Verdict:
    """Were these very artefacts inspected, with the database that would be used now?"""
    effects = (
        "install and run the wheel, rebuild it from the source distribution",
        "run the image, list its files, scan every platform",
        "write a bill of materials for the wheel and each platform",
    )
    if not facts.image_digest or not facts.artifacts:
        return Todo(effects)
    try:
        record = msgspec.json.decode((project.out / _RECORD).read_bytes(), type=_Record)
        folder = project.out / "artifacts"
        kept = all(file_digest(folder / bom.name) == bom.digest for bom in record.boms)
    except (OSError, msgspec.MsgspecError):
        return Todo(effects)
    if not kept or record.subjects != _subjects(facts) or not _current(project, record.database):
        return Todo(effects)
    return Done(_learn(facts, record))


def run(project: Project, facts: Facts) -> Facts:
    """Look at everything.

    Raises:
        PipelineError: GATE, something is wrong with an artefact; ENVIRONMENT, it cannot be seen.
    """
    with _workshop(project) as work:
        version = to_pep440(facts.version)
        wheel, sdist = (path_of(project, each) for each in distributions(facts))
        try_wheel(project.shell, wheel, project.root / _LOCK, version, work)
        try_sdist(project.shell, sdist, wheel, facts.epoch, work)
        trivy = open_trivy(project.shell, pinned_database(project), work)
        check_age(trivy.database, project.now())
        prove_images(trivy)
        boms = [_describe_wheel(project, facts, work)]
        findings: list[Finding] = []
        scanned = {"canaries flagged by trivy": 2}
        for platform in facts.platforms:
            archive = work / f"{_short(platform)}.tar"
            report = _look(project, facts, platform, trivy, archive)
            findings += report.findings
            for kind, count in report.packages.items():
                scanned[f"{platform.platform} {kind}"] = count
            boms.append(_describe_image(project, facts, platform, trivy, archive))
        _hold_against_lock(project, boms)
        record = _Record(
            subjects=_subjects(facts),
            database=trivy.database,
            findings=tuple(findings),
            scanned=scanned,
            boms=tuple(boms),
        )
    with effect(project, "inspect:record"):
        (project.out / _RECORD).write_bytes(msgspec.json.encode(record))
    return _learn(facts, record)


def pinned_database(project: Project) -> Path | None:
    """The folder of the database that the endpoints name; None for Trivy's own."""
    cache = project.endpoints.trivy_cache
    return project.root / cache if cache else None


def judge(platform: str, report: Report) -> None:
    """Whether a scan of the image lets it pass.

    It read something, and found nothing critical, nothing high that an update would mend, no
    secret, and no Debian past its end.

    Raises:
        PipelineError: GATE, names the first finding; ENVIRONMENT, it read too little to say.
    """
    for kind in ("os-pkgs", "lang-pkgs"):
        if not report.packages.get(kind):
            raise PipelineError(
                f"trivy recognised no {kind} in the image for {platform}",
                exit_code=Exit.ENVIRONMENT,
                advice="a scan that reads nothing finds nothing: look at docker/assemble.py",
            )
    stopping = [*report.at_least("CRITICAL")]
    stopping += [one for one in report.at_least("HIGH") if one.fixable]
    stopping += [one for one in report.seen if one.kind is Kind.LEAK and one not in stopping]
    if stopping:
        first = stopping[0].finding
        raise PipelineError(
            f"the image for {platform} has {len(stopping)} finding(s) that stop a release: "
            f"{first.id} {first.severity} in {first.where}",
            exit_code=Exit.GATE,
            advice=first.title or "remove it",
        )
    if report.end_of_life:
        raise PipelineError(
            f"the Debian in the image for {platform} gets no more security updates",
            exit_code=Exit.GATE,
            advice="build on the next stable release",
        )


def _look(
    project: Project, facts: Facts, platform: PlatformImage, trivy: Trivy, archive: Path
) -> Report:
    """Everything about one platform's image."""
    layout = layout_of(project, facts.image_digest)
    look_at_image(layout, platform, facts.version)
    name = f"mgit:inspect-{platform.digest.removeprefix('sha256:')[:12]}"
    export(project.shell, layout, platform, archive, name)
    if platform.platform == native_platform():
        try_image(open_engine(project.shell), archive, name, to_pep440(facts.version))
    report = trivy.image(archive)
    judge(platform.platform, report)
    return report


def _describe_image(
    project: Project, facts: Facts, platform: PlatformImage, trivy: Trivy, archive: Path
) -> Artifact:
    document = sbom.settle(
        trivy.sbom(archive),
        name="mgit",
        version=facts.version,
        subject=platform.digest,
        epoch=facts.epoch,
    )
    files = debian_files(layout_of(project, facts.image_digest), platform)
    document = sbom.with_files(document, files)
    return _keep(project, f"mgit-{facts.version}-{_short(platform)}{_BOM}", document)


def _describe_wheel(project: Project, facts: Facts, work: Path) -> Artifact:
    wheel = distributions(facts)[0]
    lock = project.root / _LOCK
    document = sbom.settle(
        sbom.of_requirements(project.shell, project.root, lock, work / "wheel.json"),
        name="mgit-fleet",
        version=to_pep440(facts.version),
        subject=wheel.digest,
        epoch=facts.epoch,
    )
    return _keep(project, wheel.name.removesuffix(".whl") + _BOM, document)


def _hold_against_lock(project: Project, boms: Sequence[Artifact]) -> None:
    """Every Python package of the lock is in the document of every image.

    That every Debian package is, `sbom.with_files` has made sure of.
    """
    wheel, *images = ((project.out / "artifacts" / bom.name).read_bytes() for bom in boms)
    without = left_out(project.root)
    for bom, image in zip(boms[1:], images, strict=True):
        if left := sbom.lacking(image, wheel, without):
            raise PipelineError(
                f"{bom.name} does not tell of {left[0]}, which {_LOCK} puts into the image",
                exit_code=Exit.ENVIRONMENT,
                advice="a scan that does not see a package finds nothing in it: see log.txt",
            )


def _keep(project: Project, name: str, document: bytes) -> Artifact:
    if not sbom.packages_of(document):
        raise PipelineError(f"{name} would name no package", exit_code=Exit.ENVIRONMENT)
    path = project.out / "artifacts" / name
    with effect(project, "inspect:write", name):
        path.write_bytes(document)
    return Artifact(name, file_digest(path), len(document))


def _current(project: Project, used: Database) -> bool:
    """A pinned database is compared by digest; a live one moves on, so it is asked again."""
    pinned = pinned_database(project)
    if pinned is None:
        return False
    places = (pinned / "trivy.db", pinned / "db" / "trivy.db")
    found = next((place for place in places if place.is_file()), None)
    return found is not None and file_digest(found) == used.digest


def _subjects(facts: Facts) -> tuple[str, ...]:
    return (facts.image_digest, *(each.digest for each in distributions(facts)))


def _short(platform: PlatformImage) -> str:
    return platform.platform.replace("/", "-")


def _learn(facts: Facts, record: _Record) -> Facts:
    """The findings of the image join those of the tree; a second look adds nothing twice."""
    added = {bom.name for bom in record.boms}
    others = tuple(each for each in facts.artifacts if each.name not in added)
    known = set(facts.findings)
    return replace(
        facts,
        artifacts=(*others, *record.boms),
        findings=(*facts.findings, *(one for one in record.findings if one not in known)),
        scanned={**facts.scanned, **record.scanned},
        database=record.database,
    )


@contextmanager
def _workshop(project: Project) -> Iterator[Path]:
    work = project.out / "inspect"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    yield work
    shutil.rmtree(work)


STEP = Step("inspect", ("build",), check, run)
