from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.report import Proof, Report, as_document, as_markdown, write_report
from pipeline.result import StepResult
from pipeline.step import Artifact, Database, Exit, Facts, Finding, PlatformImage

DIGEST = "sha256:" + "a" * 64
FIXTURE = Database(
    "fixture",
    DIGEST,
    "2026-11-23T00:00:00Z",
    "This proves that the gate works; nothing was scanned against a live database.",
)
FACTS = Facts(
    version="0.1.0",
    commit="c" * 40,
    image_digest=DIGEST,
    artifacts=(Artifact("mgit_fleet-0.1.0.tar.gz", DIGEST, 12345),),
    platforms=(PlatformImage("linux/amd64", DIGEST, 60_000_000, 25_000_000),),
    findings=(
        Finding("trivy", "CVE-2026-1", "HIGH", "libc6 2.41", "a | b"),
        Finding("bandit", "B404", "LOW", "mgit/a.py:1"),
    ),
    scanned={"bandit files": 120},
    database=FIXTURE,
)
REPORT = Report(
    title="Rehearsal",
    exit_code=Exit.DONE,
    steps=(StepResult("plan", "done", 0.25), StepResult("build", "there", 9.75)),
    facts=FACTS,
    skipped=("deploy: no container engine",),
    proofs=(Proof("a planted password stops the release", ok=True, detail="exit 3, no tag"),),
)


def test_the_document_has_what_its_readers_rely_on() -> None:
    document = json.loads(json.dumps(as_document(REPORT)))
    assert document["result"] == "done"
    assert document["version"] == "0.1.0"
    assert document["steps"][1] == {"name": "build", "state": "there", "seconds": 9.75}
    assert document["artifacts"] == [
        {"name": "mgit_fleet-0.1.0.tar.gz", "digest": DIGEST, "bytes": 12345}
    ]
    assert document["image"]["platforms"] == [
        {
            "platform": "linux/amd64",
            "digest": DIGEST,
            "bytes": 60_000_000,
            "compressed_bytes": 25_000_000,
        }
    ]
    assert document["findings"]["by_severity"]["HIGH"] == 1
    assert document["database"]["kind"] == "fixture"
    assert document["skipped"] == ["deploy: no container engine"]
    assert document["proofs"][0]["ok"] is True


@pytest.mark.parametrize(
    ("code", "word"), [(Exit.GATE, "stopped by a gate"), (Exit.INCOMPLETE, "incomplete")]
)
def test_the_result_is_a_word(code: Exit, word: str) -> None:
    assert as_document(replace(REPORT, exit_code=code))["result"] == word


def test_the_page_says_in_so_many_words_what_a_fixture_is_worth() -> None:
    page = as_markdown(REPORT)
    assert "**Database: fixture, last updated 2026-11-23T00:00:00Z.**" in page
    assert "nothing was scanned against a live database" in page


def test_the_page_tells_results_proofs_gaps_and_time() -> None:
    page = as_markdown(
        replace(REPORT, exit_code=Exit.GATE, message="security says no", advice="mend")
    )
    assert page.startswith("# Rehearsal 0.1.0\n\n**Result: stopped by a gate** (exit 3)")
    assert "security says no\nmend" in page
    assert "- deploy: no container engine" in page
    assert "a planted password stops the release" in page
    assert "| 60.0 |" in page
    assert "a \\| b" in page
    assert "B404" not in page
    total = next(line for line in page.splitlines() if line.startswith("| total"))
    assert "10.0" in total


def test_every_table_is_aligned() -> None:
    lines = as_markdown(REPORT).splitlines()
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("|"):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    assert all(len({len(line) for line in block}) == 1 for block in blocks if block)


def test_a_report_of_nothing_is_a_report(tmp_path: Path) -> None:
    empty = Report(title="Release", exit_code=Exit.ENVIRONMENT, steps=(), facts=Facts())
    json_path, page = write_report(empty, tmp_path / "new")
    assert json.loads(json_path.read_bytes())["artifacts"] == []
    assert page.read_text(encoding="utf-8").startswith("# Release\n")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "report.json",
        "report.md",
    ]
