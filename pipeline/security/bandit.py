"""bandit over our own code.

It exits 0 for a folder that is not there and for a file that it cannot parse, so its JSON is
judged: no errors, and every Python file that is there was read. Hard-coded passwords stop a release
although bandit calls them LOW.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import msgspec

from pipeline.security.scan import Scan, Seen, cannot, must_flag
from pipeline.shell import Shell
from pipeline.step import Finding

NAME = "bandit"
TARGETS = ("mgit", "pipeline", "sandbox", "tasks.py", "noxfile.py")

_PASSWORDS = frozenset({"B105", "B106", "B107"})
_STOPPING = frozenset({"MEDIUM", "HIGH"})
# Put together here, so that no scanner of this very file takes it for real.
_CANARY = "pass" + 'word = "correct horse"\nimport subprocess\nsubprocess.run("ls", shell=True)\n'


class _Problem(msgspec.Struct):
    filename: str
    reason: str


class _Result(msgspec.Struct):
    filename: str
    issue_severity: str
    issue_text: str
    line_number: int
    test_id: str


class _Metrics(msgspec.Struct):
    nosec: int = 0
    skipped_tests: int = 0


class _Report(msgspec.Struct):
    errors: list[_Problem]
    metrics: dict[str, _Metrics]
    results: list[_Result]


def scan(shell: Shell, root: Path) -> Scan:
    """Prove bandit on a canary, then read the tree.

    Args:
        shell: starts it.
        root: the project; its pyproject.toml configures bandit for both runs.

    Raises:
        PipelineError: ENVIRONMENT; it missed the canary, or could not read something.
    """
    config = root / "pyproject.toml"
    with tempfile.TemporaryDirectory(prefix="mgit-canary-") as folder:
        Path(folder, "canary.py").write_text(_CANARY, encoding="utf-8")
        shown = _run(shell, Path(folder), config, ("canary.py",))
    canary = must_flag(NAME, ("B105", "B602"), {result.test_id for result in shown.results})
    targets = tuple(name for name in TARGETS if (root / name).exists())
    expected = sum(map(_python_files, (root / name for name in targets)))
    report = _run(shell, root, config, targets) if targets else _Report([], {}, [])
    read = len(report.metrics.keys() - {"_totals"})
    if read != expected:
        raise cannot(NAME, f"read {read} of {expected} Python files")
    seen = tuple(_seen(result) for result in report.results)
    totals = report.metrics.get("_totals", _Metrics())
    marks = totals.nosec + totals.skipped_tests
    note = f"{marks} lines marked nosec" if marks else ""
    return Scan(NAME, read, "files", seen, canary, note=note)


def _run(shell: Shell, folder: Path, config: Path, targets: tuple[str, ...]) -> _Report:
    """One run; its report goes to a file, because it quotes what it found and output is logged."""
    with tempfile.TemporaryDirectory(prefix="mgit-bandit-") as place:
        told = Path(place, "report.json")
        argv = (sys.executable, "-m", "bandit", "--quiet", "-c", config, "-f", "json", "-o", told)
        ran = shell.run((*argv, "-r", *targets), cwd=folder, check=False)
        try:
            report = msgspec.json.decode(told.read_bytes(), type=_Report)
        except (OSError, msgspec.DecodeError):
            last = (ran.stderr.strip().splitlines() or ["no output"])[-1]
            raise cannot(NAME, f"gave no report: {last}") from None
    if report.errors:
        first = report.errors[0]
        raise cannot(NAME, f"could not read {first.filename.removeprefix('./')}: {first.reason}")
    return report


def _seen(result: _Result) -> Seen:
    # the text of a password finding repeats the password
    text = (
        result.issue_text.partition(":")[0] if result.test_id in _PASSWORDS else result.issue_text
    )
    where = f"{result.filename.removeprefix('./')}:{result.line_number}"
    finding = Finding(NAME, result.test_id, result.issue_severity, where, text)
    blocking = result.issue_severity in _STOPPING or result.test_id in _PASSWORDS
    return Seen(finding, blocking, (result.test_id,))


def _python_files(target: Path) -> int:
    return 1 if target.is_file() else sum(1 for _ in target.rglob("*.py"))
