"""A scanner is believed only after it flagged what was planted; a finding stops or is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.project import child_environment
from pipeline.security import advisories, bandit, tree, workflows
from pipeline.security.scan import Scan, Seen, judge, must_flag
from pipeline.security.show import as_json, as_sarif, as_table
from pipeline.security.waivers import Waiver, load_waivers
from pipeline.shell import Shell
from pipeline.step import Database, Exit, Finding, PipelineError
from pipeline.table import markdown_table, table
from sandbox.advisories import open_advisories

SHELL = Shell(env=child_environment())
REPOSITORY = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)
PASSWORD = "hunter2-hunter2"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small, clean project."""
    root = tmp_path / "project"
    (root / "mgit").mkdir(parents=True)
    (root / "requirements").mkdir()
    (root / "pyproject.toml").write_text("[tool.bandit]\n", encoding="utf-8")
    (root / "mgit" / "one.py").write_text("ONE = 1\n", encoding="utf-8")
    (root / "requirements" / "image.txt").write_text(
        f"msgspec=={version('msgspec')} \\\n    --hash=sha256:{'0' * 64}\n", encoding="utf-8"
    )
    (root / "tests" / "data").mkdir(parents=True)
    for name in ("advisories", "trivy-db"):
        (root / "tests" / "data" / name).symlink_to(REPOSITORY / "tests" / "data" / name)
    subprocess.run(("git", "init", "--quiet", str(root)), check=True)
    return root


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with open_advisories() as running:
        yield running.url


def ids(scan: Scan) -> dict[str, bool]:
    return {seen.finding.id: seen.blocking for seen in scan.seen}


def test_bandit_stops_at_a_planted_password_and_does_not_repeat_it(root: Path) -> None:
    (root / "mgit" / "two.py").write_text(f'password = "{PASSWORD}"\n', encoding="utf-8")
    scan = bandit.scan(SHELL, root)
    assert ids(scan) == {"B105": True}
    assert scan.seen[0].finding.where == "mgit/two.py:1"
    assert scan.read == 2
    assert PASSWORD not in repr(scan)


def test_bandit_tells_what_is_low_without_stopping(root: Path) -> None:
    (root / "mgit" / "two.py").write_text("import subprocess\nassert subprocess\n", "utf-8")
    assert ids(bandit.scan(SHELL, root)) == {"B404": False, "B101": False}


def test_bandit_cannot_pass_over_a_file_that_it_cannot_read(root: Path) -> None:
    (root / "mgit" / "two.py").write_text("def broken(:\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"could not read mgit/two\.py") as caught:
        bandit.scan(SHELL, root)
    assert caught.value.exit_code is Exit.ENVIRONMENT


@pytest.mark.parametrize("setting", ['skips = ["B105"]', 'exclude_dirs = ["mgit"]'])
def test_bandit_cannot_be_silenced_by_its_configuration(root: Path, setting: str) -> None:
    (root / "pyproject.toml").write_text(f"[tool.bandit]\n{setting}\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"did not flag the planted B105|read 0 of 1"):
        bandit.scan(SHELL, root)


def test_pip_audit_asks_about_every_pinned_package(root: Path, service: str) -> None:
    pins = f"PyYAML==5.3.1\nmsgspec=={version('msgspec')}\n"
    (root / "requirements" / "old.txt").write_text(pins, "utf-8")
    scan = advisories.scan(SHELL, root, url=service)
    assert scan.read == 2
    assert scan.canary == ("CVE-2020-14343",)
    found = {seen.finding.where: seen for seen in scan.seen}
    assert found["pyyaml 5.3.1"].blocking
    assert "CVE-2020-14343" in {name for seen in scan.seen for name in seen.ids}
    assert scan.database is not None
    assert scan.database.kind == "fixture"
    assert "nothing was compared with a live database" in scan.database.statement


def test_pip_audit_finds_nothing_in_a_clean_lock(root: Path) -> None:
    scan = advisories.scan(SHELL, root, mode="fixture")
    assert (scan.read, scan.seen) == (1, ())


def test_pip_audit_that_cannot_ask_is_no_clean_word(root: Path) -> None:
    with pytest.raises(PipelineError, match="could not ask") as caught:
        advisories.scan(SHELL, root, url="http://127.0.0.1:9/v1/query")
    assert caught.value.exit_code is Exit.ENVIRONMENT


def test_pip_audit_must_know_the_canary(root: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    missed = pytest.raises(PipelineError, match="did not flag the planted")
    with open_advisories(empty) as running, missed as caught:
        advisories.scan(SHELL, root, url=running.url)
    assert caught.value.exit_code is Exit.ENVIRONMENT


def test_a_lock_without_a_pin_is_not_passed_over(root: Path) -> None:
    (root / "requirements" / "loose.txt").write_text("msgspec>=0.20\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"no pinned package in requirements/loose\.txt"):
        advisories.pins(root)


def test_zizmor_stops_at_a_workflow_that_a_stranger_can_take_over(root: Path) -> None:
    folder = root / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text(
        "on: issues\npermissions: {}\njobs:\n  x:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: echo ${{ github.event.issue.title }}\n",
        encoding="utf-8",
    )
    scan = workflows.scan(SHELL, root)
    assert scan.read == 1
    assert ids(scan)["template-injection"]
    assert scan.seen[0].finding.where.startswith(".github/workflows/ci.yml:")


def test_zizmor_with_nothing_to_read_says_so(root: Path) -> None:
    scan = workflows.scan(SHELL, root)
    assert (scan.read, scan.note) == (0, "there are no workflows")


def test_trivy_reads_locks_and_secrets_of_what_git_would_commit(root: Path) -> None:
    (root / "requirements" / "old.txt").write_text("PyYAML==5.3.1\n", encoding="utf-8")
    token = "ghp" + "_" + "A1b2C3d4E5" * 3 + "A1b2C3"
    (root / "settings.ini").write_text(f"token = {token}\n", encoding="utf-8")
    (root / ".gitignore").write_text("ignored/\n", encoding="utf-8")
    (root / "ignored").mkdir()
    (root / "ignored" / "settings.ini").write_text(f"token = {token}\n", encoding="utf-8")
    scan = tree.scan(SHELL, root, mode="fixture")
    assert ids(scan)["CVE-2020-14343"]
    assert [s.finding.where for s in scan.seen if s.finding.id == "github-pat"] == [
        "settings.ini:1"
    ]
    assert token not in repr(scan)


def finding(name: str = "CVE-2026-1", where: str = "pkg 1.0") -> Finding:
    return Finding("pip-audit", name, "UNKNOWN", where)


def scan_with(*seen: Seen, kind: str = "live") -> Scan:
    return Scan("pip-audit", 3, "packages", seen, ("X",), Database(kind, "", "", f"{kind}."))


def waiver(**changes: object) -> Waiver:
    values: dict[str, object] = {
        "id": "GHSA-1",
        "reason": "not reachable",
        "owner": "ada",
        "expires": date(2027, 1, 1),
    }
    return Waiver(**{**values, **changes})  # type: ignore[arg-type]


def test_a_waiver_covers_a_finding_by_any_of_its_names() -> None:
    scan = scan_with(Seen(finding(), blocking=True, ids=("CVE-2026-1", "GHSA-1")))
    assert not judge((scan,), (), TODAY).ok
    verdict = judge((scan,), (waiver(),), TODAY)
    assert verdict.ok
    assert (verdict.waived, verdict.findings) == ((finding(),), ())


@pytest.mark.parametrize(
    "changes", [{"scanner": "trivy"}, {"where": "other"}, {"expires": TODAY}, {"id": "GHSA-2"}]
)
def test_a_waiver_that_is_not_about_it_or_has_expired_covers_nothing(
    changes: dict[str, object],
) -> None:
    scan = scan_with(Seen(finding(), blocking=True, ids=("CVE-2026-1", "GHSA-1")))
    verdict = judge((scan,), (waiver(**changes),), TODAY)
    assert verdict.blocking == (finding(),)
    assert len(verdict.complaints) == 1


def test_an_unused_waiver_stops_where_only_a_live_database_could_use_it() -> None:
    assert judge((scan_with(),), (waiver(),), TODAY).complaints
    assert judge((scan_with(kind="fixture"),), (waiver(),), TODAY).ok
    assert not judge((scan_with(kind="fixture"),), (waiver(id="B105"),), TODAY).ok


def test_waivers_are_read_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "security-waivers.toml"
    assert load_waivers(file) == ()
    text = '[[waiver]]\nid = "GHSA-1"\nreason = "x"\nowner = "ada"\nexpires = 2027-01-01\n'
    file.write_text(text, encoding="utf-8")
    assert load_waivers(file) == (waiver(reason="x"),)
    for broken in (text.replace('"x"', '" "'), text.replace("owner", "boss"), "[[waiver]\n"):
        file.write_text(broken, encoding="utf-8")
        with pytest.raises(PipelineError) as caught:
            load_waivers(file)
        assert caught.value.exit_code is Exit.USAGE


def test_a_scanner_that_overlooks_the_canary_is_not_believed() -> None:
    assert must_flag("x", ("a",), {"a", "b"}) == ("a",)
    with pytest.raises(PipelineError, match="did not flag the planted b"):
        must_flag("x", ("a", "b"), {"a"})


def verdict_shown() -> Scan:
    grave = Seen(Finding("bandit", "B602", "HIGH", "mgit/a.py:3", "shell"), True, ("B602",))
    quiet = Seen(Finding("bandit", "B404", "LOW", "mgit/a.py:1", "import"), False, ("B404",))
    return Scan("bandit", 7, "files", (grave, quiet), ("B105",))


def test_the_table_says_what_was_read_proven_and_found() -> None:
    text = as_table(judge((verdict_shown(), scan_with(kind="fixture")), (), TODAY))
    assert "7 files" in text
    assert "STOP  bandit" in text
    assert "B404" not in text
    assert "fixture." in text
    assert text.endswith("security: 1 to mend before a release\n")


def test_json_and_sarif_hold_every_finding() -> None:
    verdict = judge((verdict_shown(),), (waiver(id="B602"),), TODAY)
    document = json.loads(as_json(verdict))
    assert document["schema"] == "mgit.security/1"
    assert document["ok"] is True
    sarif = json.loads(as_sarif(verdict))
    [run] = sarif["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["B602", "B404"]
    assert run["results"][0]["suppressions"] == [{"kind": "external"}]
    jsonschema.validate(sarif, SARIF_CORE)


# The parts of SARIF 2.1.0 that a reader needs to place a result.
SARIF_CORE = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "results": {
                        "items": {
                            "required": ["ruleId", "level", "message", "locations"],
                            "properties": {"level": {"enum": ["none", "note", "warning", "error"]}},
                        }
                    }
                },
            }
        },
    },
}

cells = st.text(alphabet="ab |é\n", max_size=6)


@given(st.lists(st.tuples(cells, cells), max_size=5))
def test_a_markdown_table_has_one_line_per_row(rows: list[tuple[str, str]]) -> None:
    lines = markdown_table(("one", "two"), rows, "two").split("\n")
    assert len(lines) == len(rows) + 2
    assert len({len(line) for line in lines}) == 1


def test_a_text_table_leaves_empty_columns_out() -> None:
    assert table(("a", "b", "c"), [("1", "", "333"), ("22", "", "3")]) == "a   c\n1   333\n22  3"


def test_the_command_says_no_with_three_and_cannot_with_four(root: Path) -> None:
    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        argv = (sys.executable, "-m", "pipeline.security", "--advisories", "fixture", *flags)
        env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        return subprocess.run(argv, cwd=root, env=env, capture_output=True, text=True, check=False)

    clean = run()
    assert (clean.returncode, clean.stdout.splitlines()[-1]) == (
        0,
        "security: nothing stops a release",
    )
    (root / "mgit" / "two.py").write_text(f'password = "{PASSWORD}"\n', encoding="utf-8")
    said_no = run("--format", "json")
    assert said_no.returncode == 3
    assert json.loads(said_no.stdout)["blocking"][0]["id"] == "B105"
    assert PASSWORD not in said_no.stdout + said_no.stderr
    (root / "mgit" / "two.py").write_text("def broken(:\n", encoding="utf-8")
    cannot = run()
    assert (cannot.returncode, cannot.stdout) == (4, "")
    assert cannot.stderr.startswith("error: bandit could not read")
