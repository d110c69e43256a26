"""The outermost edge: one line for every error, and nothing loaded that is not needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# A defect cannot be ordered from outside, so it is planted where `main` looks for a command.
CRASH = """
import sys, types
module = types.ModuleType("mgit.cli.commands.list")
def run(options, console):
    raise ZeroDivisionError("token {secret} and \\x1b[31m")
module.run = run
sys.modules[module.__name__] = module
from mgit.cli import main
sys.exit(main([*sys.argv[1:], "list"]))
"""


def _python(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    keep = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return subprocess.run(
        [sys.executable, *words],
        env={**keep, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_crash_is_one_line_and_a_private_report_without_tokens(tmp_path: Path) -> None:
    code = CRASH.replace("{secret}", "canary-1")
    ran = _python("-c", code, MGIT_STATE_DIR=str(tmp_path), MGIT_TOKEN_WORK="canary-1")
    assert ran.returncode == 1
    (report,) = (tmp_path / "crashes").iterdir()
    assert ran.stderr.splitlines() == [
        f"mgit: this is a defect of mgit (ZeroDivisionError); the report is {report}",
        "mgit: please report it; nothing is lost",
    ]
    assert report.stat().st_mode & 0o077 == 0
    text = report.read_text()
    assert "ZeroDivisionError: token *** and \\e[31m" in text
    assert "canary" not in text


def test_a_crash_report_knows_tokens_under_other_names_too(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('version = 1\n[sources.a]\nforge = "github"\ntoken_env = "GH_TOKEN"\n')
    code = CRASH.replace("{secret}", "canary-2")
    places = {"MGIT_STATE_DIR": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    _python("-c", code, MGIT_CONFIG=str(file), GH_TOKEN="canary-2", **places)
    (report,) = (tmp_path / "crashes").iterdir()
    assert "token ***" in report.read_text()


def test_a_letter_that_the_terminal_lacks_is_no_crash(tmp_path: Path) -> None:
    root = str(tmp_path / "wörk")
    ran = _python("-m", "mgit", "config", "show", MGIT_ROOT=root, PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert "w\\xf6rk" in ran.stdout


def test_debug_shows_where_it_happened(tmp_path: Path) -> None:
    ran = _python("-c", CRASH, "--debug", MGIT_STATE_DIR=str(tmp_path))
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr
    assert not (tmp_path / "crashes").exists()


def test_a_reader_that_leaves_is_no_error() -> None:
    code = "import sys; from mgit.cli import main; sys.exit(main(['config', 'show']))"
    keep = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**keep, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("arguments", "banned"),
    [
        ("'--version'", "argparse mgit.config mgit.errors dataclasses json re"),
        ("'health', '--url', '127.0.0.1:1'", "argparse mgit.config http json re"),
        (
            "'--help'",
            "dataclasses mgit.config msgspec rich http.client ssl sqlite3 mgit.fleet",
        ),
        ("'complete', 'words', 'st'", "mgit.config sqlite3 msgspec rich mgit.fleet"),
        ("'sync', 'a//b'", "rich http.client sqlite3 prometheus_client"),
    ],
)
def test_a_command_loads_only_what_it_needs(arguments: str, banned: str) -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from mgit.cli import main\n"
        f"main([{arguments}])\n"
        f"print('LOADED', sorted((set(sys.modules) - before) & set('{banned}'.split())))"
    )
    ran = _python("-c", code)
    assert "LOADED []" in ran.stdout, ran.stdout + ran.stderr
