from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.comparison import compare, read_earlier, tagged
from pipeline.report import Proof, Report, as_document, as_markdown, write_report
from pipeline.result import StepResult
from pipeline.step import Artifact, Database, Exit, Facts, Finding, PlatformImage
from pipeline.versioning.claims import Claims
from pipeline.waterfall import clock, waterfall

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


def test_the_picture_has_a_bar_for_every_step_and_is_sound_xml(tmp_path: Path) -> None:
    steps = (
        StepResult("plan", "done", 0.25),
        StepResult("<build>", "done", 95.0),
        StepResult("tag", "failed", 0.0),
        StepResult("deploy", "waiting", 0.0),
    )
    _, page = write_report(replace(REPORT, steps=steps), tmp_path)
    picture = ET.parse(tmp_path / "waterfall.svg")
    bars = picture.findall("{http://www.w3.org/2000/svg}rect")
    titles = [bar.findtext("{http://www.w3.org/2000/svg}title") for bar in bars]
    assert titles == [
        "plan: done, 0.2 s",
        "<build>: done, 95.0 s",
        "tag: failed, 0.0 s",
        "deploy: waiting, 0.0 s",
    ]
    assert "![where the time went](waterfall.svg)" in page.read_text(encoding="utf-8")


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20),
            st.sampled_from(["done", "there", "failed", "blocked", "waiting", "else"]),
            st.floats(0, 1e5),
        ),
        max_size=20,
    )
)
def test_no_bar_leaves_the_picture(rows: list[tuple[str, str, float]]) -> None:
    picture = ET.fromstring(waterfall([StepResult(*row) for row in rows], "a & b"))
    wide = float(picture.attrib["width"])
    for bar in picture.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= wide


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (0.44, "0.4 s"), (12.4, "12 s"), (185, "3:05"), (3723, "1:02:03")],
)
def test_times_are_told_as_people_say_them(seconds: float, told: str) -> None:
    assert clock(seconds) == told


def test_a_release_is_shown_beside_the_one_before(tmp_path: Path) -> None:
    before = replace(
        FACTS,
        version="0.0.9",
        artifacts=(Artifact("mgit_fleet-0.0.9.tar.gz", DIGEST, 10000),),
        findings=(Finding("bandit", "B404", "LOW", "mgit/a.py:7"), Finding("x", "Y", "LOW", "z")),
    )
    path, _ = write_report(replace(REPORT, facts=before), tmp_path)
    earlier = read_earlier(path)
    assert earlier is not None
    comparison = compare(FACTS, earlier)
    assert [(c.what, c.before, c.now) for c in comparison.sizes] == [
        ("mgit_fleet-X.Y.Z.tar.gz", 10000, 12345),
        ("image linux/amd64", 60_000_000, 60_000_000),
    ]
    assert [finding.id for finding in comparison.new] == ["CVE-2026-1"]
    assert comparison.gone == ("x Y",)
    page = as_markdown(replace(REPORT, comparison=comparison))
    assert "## Beside 0.0.9" in page
    assert "+23.4 %" in page
    assert as_document(replace(REPORT, comparison=comparison))["compared"]["version"] == "0.0.9"


def test_a_report_that_is_gone_or_broken_is_not_compared_with(tmp_path: Path) -> None:
    assert read_earlier(tmp_path / "report.json") is None
    (tmp_path / "report.json").write_text("{", encoding="utf-8")
    assert read_earlier(tmp_path / "report.json") is None


def test_without_the_report_of_the_last_release_its_tag_tells_the_sizes() -> None:
    claims = Claims(
        "0.0.9", "c" * 40, DIGEST, (Artifact("mgit_fleet-0.0.9.tar.gz", DIGEST, 10000),)
    )
    seen = compare(FACTS, tagged(claims))
    assert [(c.what, c.before, c.now) for c in seen.sizes] == [
        ("mgit_fleet-X.Y.Z.tar.gz", 10000, 12345)
    ]
    page = as_markdown(replace(REPORT, comparison=seen))
    assert "+23.4 %" in page
    assert "nothing of its findings" in page
    assert "New findings" not in page
