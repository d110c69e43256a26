"""docs/operations/telemetry.md names everything that is really said, and nothing else."""

import ast
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from mgit.daemon.web.service import AUDITED
from mgit.model import Result
from mgit.telemetry.kinds import ACTIONS
from mgit.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operations" / "telemetry.md").read_text(encoding="utf-8")
LEVELS = {"debug", "info", "warning", "error"}


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def documented(title: str, pattern: str) -> set[str]:
    rows = [row.split("|")[1] for row in section(title).splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(rf"`({pattern})`", row)}


def called(
    names: set[str], argument: int = 0, packages: tuple[str, ...] = ("telemetry", "fleet", "daemon")
) -> set[str]:
    """Constant arguments of all calls of these names, where mgit says something."""
    found = set()
    for file in (file for name in packages for file in (ROOT / "mgit" / name).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) > argument:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                value = node.args[argument]
                if name in names and isinstance(value, ast.Constant):
                    found.add(str(value.value))
    return found


def notes() -> set[str]:
    """Events of lines that the web helper sends whole."""
    found = set()
    for file in (ROOT / "mgit" / "daemon" / "web").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Note":
                given = {one.arg: one.value for one in node.keywords}
                if isinstance(given.get("event"), ast.Constant):
                    found.add(given["event"].value)
    return found


def test_every_metric_is_documented():
    really = {
        sample if family.type != "counter" else f"{family.name}_total"
        for family in text_string_to_metric_families(Metrics().render().decode())
        for sample in [family.name]
    }
    assert documented("Metrics", r"mgit_\w+") == really


def test_every_event_of_the_log_is_documented():
    said = {name for name in called(LEVELS | {"write"}) if re.fullmatch(r"[a-z]+\.[a-z-]+", name)}
    said |= {f"{name}.restarted" for name in called({"helper_teller"}, 1)}
    said |= called({"_note"}, 2) | notes()  # of the web helper
    outcomes = documented("Logs", r"repo\.[a-z-]+")
    assert outcomes == {f"repo.{result}" for result in Result}
    assert documented("Logs", r"[a-z]+\.[a-z-]+") == said | outcomes


def test_every_audited_action_is_documented():
    file = ROOT / "mgit" / "telemetry" / "audited.py"
    returned = {
        node.value.value
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant)
    }
    named = {str(name) for name in returned if name}
    # `_append` writes what the trail itself has to say, `audit` what the service has.
    put = called({"_append"}, 2) | called({"audit"}, 1)
    put |= AUDITED  # what the web helper may ask for
    put |= called({"_put"}, packages=("telemetry", "cli"))
    put |= called({"record"}, packages=("cli",))
    assert documented("Audit", r"[a-z]+-[a-z]+") == named | put == set(ACTIONS)
