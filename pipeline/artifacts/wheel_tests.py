"""Runs the tests of the product on the wheel that was built, where its sources cannot be imported.

A release tests once: what concerns the product here, on the wheel, everything else (the pipeline,
the benchmarks, and the few tests that read the sources) at the gates, on the tree.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET  # nosec B405  what is read is written by the line before

from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

ON_WHEEL = (
    *("tests/unit", "tests/contract", "tests/story", "tests/endurance", "tests/fuzz"),
    "tests/faults",
)
TREE_FILES = (
    # They read the sources as text, or start a Python that sees no installed package.
    "tests/unit/test_security_papers.py",
    "tests/unit/telemetry/test_vocabulary.py::test_every_event_of_the_log_is_documented",
    "tests/unit/telemetry/test_vocabulary.py::test_every_audited_action_is_documented",
    "tests/unit/transport/test_transport.py::test_importing_it_loads_no_network_modules",
    "tests/contract/test_providers_pages.py::test_the_pages_lead_to_files_that_are_there",
)
ON_TREE = ("tests/pipeline", "tests/handbook", "tests/soak", "tests/unit/bench", *TREE_FILES)
"""What the gates run."""

# A rehearsal shows that the tests are run and stop a release; `nox` has just run all of them.
SHORT_ON_WHEEL = ("tests/unit/plan", "tests/unit/config", "tests/story/test_cli_bad_input.py")
SHORT_ON_TREE = ("tests/pipeline/test_graph.py", "tests/pipeline/test_changelog.py")
SHORT = "the tests of a rehearsal are a short form: `nox -s tests` and a real release run all"

QUICK = ("-m", "not engine and not slow")
_TAKEN = ("tests", "sandbox", "docs", "deploy/observability", "pyproject.toml", "README.md")
_LEFT = ("tests/pipeline", "tests/handbook", "tests/image", "tests/soak", "tests/unit/bench")


def run_on_wheel(
    shell: Shell,
    root: Path,
    wheel: Path,
    work: Path,
    chosen: tuple[str, ...] = ON_WHEEL,
) -> int:
    """Install the wheel and what tests need into a fresh environment, and test it there.

    Args:
        shell: starts everything.
        root: clean clone; tests, sandbox and docs are copied from there, sources are not.
        wheel: the one that will be published.
        work: folder for environment and copies.
        chosen: folders or files of tests.

    Returns:
        How many tests passed.

    Raises:
        PipelineError: GATE, a test failed; ENVIRONMENT, nothing was tested, or not the wheel.
    """
    venv, room = work / "tests-venv", work / "room"
    shutil.rmtree(venv, ignore_errors=True)
    shell.run((sys.executable, "-m", "venv", "--without-pip", venv))
    python = venv / "bin" / "python"
    # The gates have filled the cache of uv with the same lock a moment ago.
    install = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python)
    lock = root / "requirements" / "test.txt"
    shell.run((*install, "--no-deps", "--require-hashes", "--requirement", lock))
    shell.run((*install, "--no-deps", "--no-index", wheel))
    make_room(root, room)
    return judge(shell, python, room, chosen)


def make_room(root: Path, room: Path) -> None:
    """Copy what tests need besides the product itself.

    Args:
        root: clean clone.
        room: folder to make.
    """
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(parents=True)
    for name in _TAKEN:
        if (root / name).is_dir():
            junk = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / name, room / name, ignore=junk)
        elif (root / name).is_file():
            shutil.copyfile(root / name, room / name)
    for name in _LEFT:
        shutil.rmtree(room / name, ignore_errors=True)


def judge(shell: Shell, python: Path, room: Path, chosen: tuple[str, ...]) -> int:
    """Run tests in a room where mgit comes from the environment, and count them.

    Args:
        shell: starts pytest.
        python: of an environment that has the wheel.
        room: see `make_room`.
        chosen: folders or files of tests.

    Raises:
        PipelineError: see `run_on_wheel`.
    """
    where = "import sys, mgit; print(mgit.__file__); print(sys.prefix)"
    said = shell.run((python, "-c", where), cwd=room).stdout.splitlines()
    if not Path(said[0]).is_relative_to(said[1]):
        raise PipelineError(
            f"the tests would be of {said[0]}, not of the wheel",
            exit_code=Exit.ENVIRONMENT,
            advice="take PYTHONPATH out of the environment",
        )
    report = room / "report.xml"
    without: Iterator[str] = (word for name in TREE_FILES for word in ("--deselect", name))
    argv: tuple[str | Path, ...] = (
        python,
        *("-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", *QUICK),
        *("-p", "no:cacheprovider", "--junit-xml"),
        report,
        *without,
        *chosen,
    )
    ran = shell.run(argv, cwd=room, env={"MGIT_TESTS_FIXED": "1"}, check=False)
    total, bad, skipped = _counted(report)
    log = f", see {shell.log}" if shell.log else ""
    if bad or not ran.ok:
        raise PipelineError(
            f"{bad or 'no'} of {total} tests failed on the built wheel{log}"
            if total
            else f"pytest ended with {ran.returncode} on the built wheel{log}",
            exit_code=Exit.GATE if bad else Exit.ENVIRONMENT,
            advice="run `nox -s tests`; what passes there and fails here is missing in the wheel",
        )
    if total == skipped:
        raise PipelineError(
            f"no test was run on the built wheel{log}",
            exit_code=Exit.ENVIRONMENT,
            advice="look at the marks of the tests",
        )
    return total - skipped


def _counted(report: Path) -> tuple[int, int, int]:
    """All, failed and skipped tests of a JUnit file; zeroes where there is none."""
    try:
        tree = ET.parse(report)  # noqa: S314  # nosec B314  pytest has just written it
    except (OSError, ET.ParseError):
        return 0, 0, 0
    suites = list(tree.iter("testsuite"))

    def count(name: str) -> int:
        return sum(int(suite.get(name, "0")) for suite in suites)

    return count("tests"), count("failures") + count("errors"), count("skipped")
