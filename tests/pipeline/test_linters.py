"""hadolint, actionlint, licences: shown what is wrong they stop, shown nothing they say so."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.project import child_environment
from pipeline.security import actionlint, hadolint, licences
from pipeline.security.scan import Scan
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

SHELL = Shell(env=child_environment())
REPOSITORY = Path(__file__).parents[2]
WORKFLOW = "on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: {}\n"


def stops(scan: Scan) -> dict[str, bool]:
    return {seen.finding.id: seen.blocking for seen in scan.seen}


def a_dockerfile(root: Path, text: str) -> None:
    (root / "docker").mkdir()
    (root / "docker" / "Dockerfile").write_text(text, encoding="utf-8")


def a_workflow(root: Path, command: str) -> None:
    folder = root / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text(WORKFLOW.format(command), encoding="utf-8")


def test_hadolint_stops_at_a_tag_that_moves(tmp_path: Path) -> None:
    a_dockerfile(tmp_path, "FROM debian:latest\n")
    scan = hadolint.scan(SHELL, tmp_path)
    assert stops(scan) == {"DL3007": True}
    assert scan.seen[0].finding.where == "docker/Dockerfile:1"
    assert (scan.read, scan.canary) == (1, ("DL3007", "DL3003"))


def test_hadolint_tells_small_things_without_stopping(tmp_path: Path) -> None:
    a_dockerfile(tmp_path, "FROM debian:13\nRUN apt-get update && apt-get install -y git=1\n")
    assert set(stops(hadolint.scan(SHELL, tmp_path)).values()) == {False}


def test_a_comment_in_the_dockerfile_waives_nothing(tmp_path: Path) -> None:
    a_dockerfile(tmp_path, "# hadolint ignore=DL3007\nFROM debian:latest\n")
    assert stops(hadolint.scan(SHELL, tmp_path)) == {"DL3007": True}


def test_hadolint_cannot_pass_over_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    a_dockerfile(tmp_path, "FORM debian:13\n")
    with pytest.raises(PipelineError, match=r"could not read docker/Dockerfile") as caught:
        hadolint.scan(SHELL, tmp_path)
    assert caught.value.exit_code is Exit.ENVIRONMENT


def test_hadolint_without_a_dockerfile_says_so(tmp_path: Path) -> None:
    scan = hadolint.scan(SHELL, tmp_path)
    assert (scan.read, scan.note) == (0, "there are no Dockerfiles")


def test_actionlint_stops_at_an_expression_that_does_not_exist(tmp_path: Path) -> None:
    a_workflow(tmp_path, "echo ${{ github.evnt }}")
    scan = actionlint.scan(SHELL, tmp_path)
    assert stops(scan) == {"expression": True}
    assert scan.seen[0].finding.where == ".github/workflows/ci.yml:6"
    assert "evnt" in scan.seen[0].finding.title


def test_a_runner_that_is_newer_than_actionlint_is_no_finding(tmp_path: Path) -> None:
    a_workflow(tmp_path, "echo hello")
    scan = actionlint.scan(SHELL, tmp_path)
    assert (scan.seen, scan.read) == ((), 1)


def test_actionlint_without_workflows_says_so(tmp_path: Path) -> None:
    scan = actionlint.scan(SHELL, tmp_path)
    assert (scan.read, scan.note) == (0, "there are no workflows")


def test_another_package_in_the_cache_is_never_run(tmp_path: Path) -> None:
    """Whoever can write to the cache cannot choose what is run from it."""
    kept = tmp_path / "mgit-pipeline" / f"actionlint-{actionlint.VERSION}.tgz"
    kept.parent.mkdir()
    kept.write_bytes(b"something else")
    shell = replace(SHELL, env={**SHELL.env, "XDG_CACHE_HOME": str(tmp_path)})
    assert actionlint.scan(shell, tmp_path).canary == ("expression",)
    digest = base64.b64encode(hashlib.sha512(kept.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == actionlint.INTEGRITY
    unpacked = kept.with_suffix("") / "node.cjs"
    unpacked.write_text("process.exit(0)", encoding="utf-8")
    assert actionlint.scan(shell, tmp_path).canary == ("expression",)


def test_what_is_shipped_has_licences_that_are_allowed() -> None:
    scan = licences.scan(SHELL, REPOSITORY)
    pinned = (REPOSITORY / licences.LOCK).read_text(encoding="utf-8").count("==")
    assert scan.read == pinned > 0
    assert set(stops(scan).values()) == {False}


def test_a_package_that_is_not_here_cannot_be_passed_over(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "tests" / "data").mkdir(parents=True)
    data = tmp_path / "tests" / "data" / "trivy-db"
    data.symlink_to(REPOSITORY / "tests" / "data" / "trivy-db")
    lock = tmp_path / licences.LOCK
    lock.write_text("not-installed-anywhere==1.0\n", encoding="utf-8")
    with pytest.raises(PipelineError, match="not-installed-anywhere: it is not installed"):
        licences.scan(SHELL, tmp_path)
    lock.write_text("msgspec==0.0.1\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"msgspec .* to read, and 0\.0\.1 is shipped"):
        licences.scan(SHELL, tmp_path)


@pytest.mark.parametrize(
    ("expression", "fine"),
    [
        ("MIT", True),
        ("Apache-2.0 AND BSD-2-Clause", True),
        ("(MIT OR Apache-2.0)", True),
        ("MIT AND AGPL-3.0-only", False),
        ("GPL-2.0-or-later", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("whatever you like", False),
        ("", False),
        ("()", False),
    ],
)
def test_which_licences_may_be_shipped(expression: str, fine: bool) -> None:
    assert licences.allowed(expression) is fine


@given(st.text(max_size=40))
def test_only_known_words_are_allowed(text: str) -> None:
    words = set(text.replace("(", " ").replace(")", " ").split()) - {"AND", "OR"}
    if licences.allowed(text):
        assert words <= licences.ALLOWED


@pytest.mark.parametrize("script", ["exit 0", "echo '[]'", "echo nonsense", "exit 7"])
def test_a_hadolint_that_says_nothing_is_not_believed(tmp_path: Path, script: str) -> None:
    a_dockerfile(tmp_path, "FROM debian:13\n")
    program = tmp_path / "hadolint"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    with pytest.raises(PipelineError) as caught:
        hadolint.scan(SHELL, tmp_path, program=program)
    assert caught.value.exit_code is Exit.ENVIRONMENT
