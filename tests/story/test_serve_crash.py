"""A service that ends by a defect of mgit says so before it is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mgit.telemetry import verify_audit
from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop

# A defect cannot be ordered from outside, so it is planted where the service looks for its parts.
_CRASH = """
import sys
import mgit.daemon.loop as loop
import mgit.daemon.service as service

class Idle(loop.Idle):
    def close(self):
        super().close()
        print("idle closed", flush=True)

class Loop(service.Loop):
    def _pause_until(self, moment):
        raise {error}

loop.Idle, service.Loop = Idle, Loop
from mgit.cli import main
sys.exit(main(sys.argv[1:]))
"""


def serve(work: Laptop, error: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    more = {"MGIT_LISTEN": "127.0.0.1:0", "MGIT_LOG_FORMAT": "json"}
    return subprocess.run(
        [sys.executable, "-c", _CRASH.format(error=error), "serve", *arguments],
        env={**work.environment, **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def stopped(work: Laptop) -> dict[str, dict[str, str]]:
    """The last record of the audit log."""
    log = work.home / ".local" / "state" / "mgit" / "audit.jsonl"
    assert verify_audit(log).problem == ""
    last = json.loads(log.read_text().splitlines()[-1])
    assert last["event"]["action"] == "service-stopped"
    return last


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (f"ZeroDivisionError('the token is {CANARY}')", "ZeroDivisionError"),
        (f"SystemExit('{CANARY}')", "SystemExit"),
    ],
)
def test_a_crash_is_audited_with_its_reason(
    work: Laptop, forge: SandboxForge, error: str, kind: str
) -> None:
    forge.add_repo("acme", "tool")
    ran = serve(work, error)
    assert ran.returncode == 1, ran.stderr
    last = stopped(work)
    assert last["event"]["outcome"] == "failure"
    assert last["labels"]["reason"].startswith(f"{kind} in ")
    assert CANARY not in json.dumps(last)
    lines = [json.loads(one) for one in ran.stderr.splitlines() if one.startswith("{")]
    (said,) = [one for one in lines if one["event"] == "service.failed"]
    assert (said["level"], said["reason"]) == ("error", last["labels"]["reason"])
    assert "idle closed" in ran.stdout


def test_an_error_that_is_known_is_audited_in_its_own_words(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "tool")
    ran = serve(work, "__import__('mgit.errors').errors.StateError('nothing goes here')")
    assert ran.returncode != 0
    assert stopped(work)["labels"]["reason"] == "nothing goes here"


def test_one_run_keeps_where_the_reading_stands_too(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "tool")
    ran = serve(work, "ZeroDivisionError()", "--once")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "idle closed\n"
    last = stopped(work)
    assert (last["event"]["outcome"], last["labels"]["exit_code"]) == ("success", "0")


def test_a_report_of_a_crash_hides_a_token_that_only_a_command_knows(
    work: Laptop, forge: SandboxForge, tmp_path: Path
) -> None:
    token = "canary-of-the-command-9d2"
    before = work.config_file.read_text().replace("[sources.work]", _COMMAND.format(token=token))
    work.config_file.write_text(before)
    ran = subprocess.run(
        [sys.executable, "-c", _REVEALS],
        env={**work.environment, "MGIT_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    (report,) = (tmp_path / "crashes").iterdir()
    assert "ZeroDivisionError: token ***" in report.read_text()
    assert token not in report.read_text() + ran.stderr + ran.stdout


_COMMAND = '[sources.work]\ntoken_command = ["printf", "{token}"]'
_REVEALS = """
import sys, types
from mgit.cli.app import settings_for
from mgit.fleet import open_fleet
module = types.ModuleType("mgit.cli.commands.list")
def run(options, console):
    with open_fleet(settings_for(options)) as fleet:
        credential = fleet.source("work").credential
        raise ZeroDivisionError("token " + credential.secret.reveal())
module.run = run
sys.modules[module.__name__] = module
from mgit.cli import main
sys.exit(main(["list"]))
"""
