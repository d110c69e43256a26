"""Trivy is believed when it is the known one, sees the canary, and read something."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.project import child_environment
from pipeline.security import canary
from pipeline.security.trivy import FIXTURE, Scanner, Trivy, check_age, find_trivy, open_trivy
from pipeline.security.trivy_report import Kind, Report, decode
from pipeline.shell import Shell
from pipeline.step import Database, Exit, PipelineError
from pipeline.steps.inspect import judge

ROOT = Path(__file__).parents[2]


def problem() -> str:
    try:
        find_trivy(Shell(env=child_environment()))
    except PipelineError as error:
        return error.message
    return ""


pytestmark = pytest.mark.skipif(
    bool(problem()) and not os.environ.get("CI"), reason=problem() or "trivy is there"
)


@pytest.fixture
def trivy(tmp_path: Path) -> Trivy:
    return open_trivy(Shell(env=child_environment()), ROOT / FIXTURE, tmp_path / "work")


def plant(root: Path, name: str, version: str) -> None:
    info = root / f"usr/local/lib/python3.13/dist-packages/{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_it_sees_the_canaries(trivy: Trivy) -> None:
    assert canary.prove_images(trivy) == ("CVE-2020-14343", "CVE-2025-48384")
    assert "github-pat" in canary.prove_trees(trivy)


def test_an_old_pyyaml_stops_and_a_new_one_does_not(trivy: Trivy, tmp_path: Path) -> None:
    plant(tmp_path / "old", "PyYAML", "5.3.1")
    (seen,) = trivy.rootfs(tmp_path / "old").at_least("CRITICAL")
    assert (seen.finding.id, seen.package, seen.fixed_in) == ("CVE-2020-14343", "PyYAML", "5.4")
    assert seen.finding.where == "PyYAML 5.3.1"
    assert seen.fixable
    plant(tmp_path / "new", "PyYAML", "6.0.3")
    report = trivy.rootfs(tmp_path / "new")
    assert report.seen == ()
    assert report.packages == {"lang-pkgs": 1}


def test_a_secret_in_the_tree_is_found_and_not_repeated(trivy: Trivy, tmp_path: Path) -> None:
    token = f"gh{'p_'}{('Zx9Yw8Vu7T' * 4)[:36]}"
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "settings.ini").write_text(f"token = {token}\n")
    (seen,) = trivy.tree(tree, (Scanner.SECRETS,)).seen
    assert seen.kind is Kind.LEAK
    assert seen.finding.where == "settings.ini:1"
    assert token not in repr(seen)


def test_the_database_is_copied_and_described(trivy: Trivy) -> None:
    assert trivy.database.kind == "fixture"
    assert "nothing was scanned against a live database" in trivy.database.statement
    assert (trivy.cache / "db/trivy.db").stat().st_mode & 0o200


def test_the_scanner_sees_no_secret(tmp_path: Path) -> None:
    shell = Shell(env={**child_environment(), "GITHUB_TOKEN": "canary", "AWS_SECRET": "canary"})
    trivy = open_trivy(shell, ROOT / FIXTURE, tmp_path / "work")
    assert "canary" not in trivy.shell.env.values()


def test_a_broken_database_is_no_clean_word(trivy: Trivy, tmp_path: Path) -> None:
    (trivy.cache / "db/trivy.db").write_bytes(b"no database")
    plant(tmp_path / "root", "PyYAML", "5.3.1")
    with pytest.raises(PipelineError, match="could not scan") as refused:
        trivy.rootfs(tmp_path / "root")
    assert refused.value.exit_code is Exit.ENVIRONMENT


def test_an_empty_database_fails_the_canary(trivy: Trivy, tmp_path: Path) -> None:
    # The fixture knows no such package: what stands for a database that was emptied.
    with pytest.raises(PipelineError, match="did not flag the planted CVE-0000-0001"):
        canary.must_flag(trivy, trivy.rootfs(_root(tmp_path)), ("CVE-0000-0001",))


def _root(tmp_path: Path) -> Path:
    plant(tmp_path / "canary", "PyYAML", "6.0.3")
    return tmp_path / "canary"


@pytest.mark.parametrize("absent", ["trivy.db", "metadata.json"])
def test_a_folder_without_a_database_is_named(tmp_path: Path, absent: str) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    for name in {"trivy.db", "metadata.json"} - {absent}:
        (folder / name).write_bytes((ROOT / FIXTURE / name).read_bytes())
    with pytest.raises(PipelineError, match=f"holds no {absent}") as refused:
        open_trivy(Shell(env=child_environment()), folder, tmp_path / "work")
    assert refused.value.exit_code is Exit.ENVIRONMENT


@pytest.mark.parametrize(
    ("updated", "told"),
    [
        ("2026-11-20T06:12:24.123456789Z", ""),
        ("2026-11-01T00:00:00Z", "22 days old, limit 7"),
        ("", "for its age"),
        ("yesterday", "for its age"),
        ("2026-11-20T06:12:24", "for its age"),
    ],
)
def test_an_old_database_is_not_asked(updated: str, told: str) -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    database = Database("live", "sha256:x", updated, "")
    if not told:
        check_age(database, now)
        return
    with pytest.raises(PipelineError, match=told) as refused:
        check_age(database, now)
    assert refused.value.exit_code is Exit.ENVIRONMENT


def test_the_fixture_has_no_age(trivy: Trivy) -> None:
    check_age(trivy.database, datetime(2099, 1, 1, tzinfo=UTC))


def document(**result: object) -> str:
    about = {"OS": {"Family": "debian", "Name": "13.1"}}
    results = [{"Target": "x", "Class": "os-pkgs", **result}]
    return json.dumps({"SchemaVersion": 2, "Metadata": about, "Results": results})


def flaw(severity: str) -> dict[str, object]:
    """A vulnerability; `HIGH+` is a high one that an update mends."""
    fixed = {"FixedVersion": "2"} if severity.endswith("+") else {}
    return {
        **fixed,
        "VulnerabilityID": "CVE-2026-0001",
        "PkgName": "git",
        "InstalledVersion": "1",
        "Severity": severity.rstrip("+"),
    }


def report(*severities: str, packages: tuple[str, ...] = ("os-pkgs", "lang-pkgs")) -> Report:
    read = decode(document(Vulnerabilities=[flaw(severity) for severity in severities]))
    return Report(read.seen, dict.fromkeys(packages, 7), files=2)


def test_a_critical_stops_the_image_and_a_high_without_a_fix_is_only_told() -> None:
    judge("linux/amd64", report("HIGH", "UNKNOWN"))
    with pytest.raises(PipelineError, match="CVE-2026-0001 CRITICAL in git 1") as refused:
        judge("linux/amd64", report("HIGH", "CRITICAL"))
    assert refused.value.exit_code is Exit.GATE


def test_a_high_that_an_update_mends_stops_the_image() -> None:
    judge("linux/amd64", report("HIGH", "MEDIUM+"))
    with pytest.raises(PipelineError, match=r"1 finding.*CVE-2026-0001 HIGH in git 1") as refused:
        judge("linux/amd64", report("HIGH", "HIGH+", "LOW+"))
    assert refused.value.exit_code is Exit.GATE
    assert "fixed in 2" in refused.value.advice


def test_a_scan_that_read_nothing_does_not_pass() -> None:
    with pytest.raises(PipelineError, match="recognised no lang-pkgs") as refused:
        judge("linux/arm64", report(packages=("os-pkgs",)))
    assert refused.value.exit_code is Exit.ENVIRONMENT


def test_an_os_without_updates_stops_the_image() -> None:
    ended = Report((), {"os-pkgs": 1, "lang-pkgs": 1}, files=1, end_of_life=True)
    with pytest.raises(PipelineError, match="no more security updates"):
        judge("linux/amd64", ended)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"SchemaVersion": 3}', '{"SchemaVersion": "2"}'])
def test_what_is_no_report_is_no_clean_word(text: str) -> None:
    with pytest.raises(PipelineError) as refused:
        decode(text)
    assert refused.value.exit_code is Exit.ENVIRONMENT
