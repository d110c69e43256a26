"""gates: security first, because it is quick, then lint, types, import rules and tests.

The tests here are those of the tree; those of the product wait for the built wheel (`trial`).

The quality gates are the nox sessions themselves, run in the clean clone; nox's own report is
judged, not its exit code alone. The verdict is kept under a key of tree, service and database, so
that a resumed release does not ask twice what cannot have changed. In CI only security runs again:
the tree is the one that was tested, the advisories may know more by then.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from pipeline.artifacts.wheel_tests import ON_TREE, QUICK, SHORT_ON_TREE
from pipeline.faults import checkpoint, effect
from pipeline.git import Git
from pipeline.project import Project
from pipeline.security.gate import scan_all
from pipeline.security.scan import Verdict as Security
from pipeline.step import (
    Database,
    Done,
    Exit,
    Facts,
    Finding,
    PipelineError,
    Step,
    Todo,
    Verdict,
)

QUALITY = ("lint", "types", "imports", "tests")


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A verdict that was good, as it is kept."""

    key: str
    findings: tuple[Finding, ...]
    scanned: dict[str, int]
    database: Database | None


class _Session(msgspec.Struct):
    name: str
    result: str


class _NoxReport(msgspec.Struct):
    sessions: list[_Session]


def check(project: Project, facts: Facts) -> Verdict:
    """Were the gates passed already by this very tree, against this very database?"""
    if not facts.commit:
        return Todo(_effects(project))
    record = _read(project)
    if record is None or record.key != _key(project, facts):
        return Todo(_effects(project))
    return Done(_with(facts, record))


def run(project: Project, facts: Facts) -> Facts:
    """Run all gates in the clean clone.

    Raises:
        PipelineError: GATE, one said no; ENVIRONMENT, one could not work.
    """
    security = _security(project)
    checkpoint(project, "gates:security")
    sessions = () if project.ci else QUALITY
    for name in sessions:
        _nox(project, name)
    _still_clean(project)
    record = _Record(
        _key(project, facts), security.findings, dict(security.scanned), security.database
    )
    path = _path(project)
    path.parent.mkdir(parents=True, exist_ok=True)
    with effect(project, "gates:record"):
        path.write_bytes(msgspec.json.encode(record))
    return _with(facts, record)


def _security(project: Project) -> Security:
    endpoints = project.endpoints
    verdict = scan_all(
        project.shell,
        project.root,
        today=project.now().date(),
        mode="auto" if endpoints.rehearsal else "live",
        osv_url=endpoints.osv_url,
        trivy_cache=str(project.root / endpoints.trivy_cache) if endpoints.trivy_cache else "",
    )
    if verdict.ok:
        return verdict
    first = [f"{f.scanner} {f.id} in {f.where}" for f in verdict.blocking] + [*verdict.complaints]
    more = f" and {len(first) - 3} more" if len(first) > 3 else ""
    raise PipelineError(
        f"security says no: {'; '.join(first[:3])}{more}",
        exit_code=Exit.GATE,
        advice="run `nox -s security`, mend what it lists, then release again",
    )


def _nox(project: Project, session: str) -> None:
    """Run one nox session in the clean clone and read nox's own report of it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        ran = project.shell.run(
            (
                *(sys.executable, "-m", "nox", "--noxfile", project.root / "noxfile.py"),
                *("--envdir", project.out / "nox", "--reuse-existing-virtualenvs"),
                *("--report", report, "--session", session),
                *_python(project, session),
            ),
            cwd=project.root,
            env={"MGIT_TESTS_FIXED": "1"},  # the same tree, the same verdict
            check=False,
        )
        told = _told(report)
    passed = [each for each in told.sessions if each.result == "success"]
    if ran.ok and passed:
        return
    log = f", see {project.shell.log}" if project.shell.log else ""
    if not told.sessions or ran.ok:
        raise PipelineError(
            f"`nox -s {session}` ran nothing{log}",
            exit_code=Exit.ENVIRONMENT,
            advice=f"run `nox -s {session}` yourself: an interpreter or a package may be missing",
        )
    raise PipelineError(
        f"`nox -s {session}` says no{log}",
        exit_code=Exit.GATE,
        advice=f"run `nox -s {session}`, mend what it lists, then release again",
    )


def _python(project: Project, session: str) -> tuple[str, ...]:
    """The tests of one Python that is here for certain: the one that runs this."""
    if session != "tests":
        return ()
    return (
        "--python",
        f"{sys.version_info.major}.{sys.version_info.minor}",
        "--",
        *QUICK,
        *(SHORT_ON_TREE if project.endpoints.rehearsal else ON_TREE),
    )


def _told(report: Path) -> _NoxReport:
    try:
        return msgspec.json.decode(report.read_bytes(), type=_NoxReport)
    except (OSError, msgspec.DecodeError):
        return _NoxReport([])


def _still_clean(project: Project) -> None:
    dirt = Git(project.shell, project.root).out("status", "--porcelain").splitlines()
    if dirt:
        raise PipelineError(
            f"the gates dirtied the clean clone: {dirt[0].strip()}",
            exit_code=Exit.GATE,
            advice="a check must not write into the sources; add what it makes to .gitignore",
        )


def _effects(project: Project) -> tuple[str, ...]:
    names = ("security",) if project.ci else ("security", *QUALITY)
    return (f"run {', '.join(names)} in the clean clone",)


def _with(facts: Facts, record: _Record) -> Facts:
    others = tuple(finding for finding in facts.findings if finding not in record.findings)
    return replace(
        facts,
        findings=(*record.findings, *others),
        scanned={**facts.scanned, **record.scanned},
        database=facts.database or record.database,
    )


def _read(project: Project) -> _Record | None:
    try:
        return msgspec.json.decode(_path(project).read_bytes(), type=_Record)
    except (OSError, msgspec.DecodeError):
        return None


def _path(project: Project) -> Path:
    return project.out / "gates.json"


def _key(project: Project, facts: Facts) -> str:
    """Tree (locks and records are in it), service, database; and the day, where either is live."""
    endpoints = project.endpoints
    tree = Git(project.shell, project.root).resolve(f"{facts.commit}^{{tree}}")
    pinned = _pinned(project)
    day = "" if endpoints.osv_url and pinned else project.now().date().isoformat()
    parts: list[Any] = [tree, project.ci, endpoints.rehearsal, bool(endpoints.osv_url), day, pinned]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _pinned(project: Project) -> str:
    """What the pinned Trivy database says about itself, empty where none is pinned."""
    if not project.endpoints.trivy_cache:
        return ""
    cache = project.root / project.endpoints.trivy_cache
    places = (cache / "metadata.json", cache / "db" / "metadata.json")
    return next((p.read_text(encoding="utf-8") for p in places if p.is_file()), "")


STEP = Step("gates", ("prepare",), check, run)
