"""zizmor over the workflows of the forge's CI."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from pipeline.security.scan import Scan, Seen, cannot, must_flag
from pipeline.shell import Shell
from pipeline.step import Finding

NAME = "zizmor"
_FOLDER = ".github"
_STOPPING = frozenset({"MEDIUM", "HIGH"})
_CANARY = """on: issues
jobs:
  canary:
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ github.event.issue.title }}
"""


class _Determinations(msgspec.Struct):
    severity: str


class _Found(msgspec.Struct):
    ident: str
    desc: str
    determinations: _Determinations
    locations: list[dict[str, Any]] = []
    ignored: bool = False


def scan(shell: Shell, root: Path) -> Scan:
    """Prove zizmor on a workflow that a stranger's issue title can take over, then read ours.

    Raises:
        PipelineError: ENVIRONMENT; no zizmor, it missed the canary, or gave no report.
    """
    with tempfile.TemporaryDirectory(prefix="mgit-canary-") as folder:
        file = Path(folder, _FOLDER, "workflows", "canary.yml")
        file.parent.mkdir(parents=True)
        file.write_text(_CANARY, encoding="utf-8")
        shown = _run(shell, Path(folder))
    canary = must_flag(NAME, ("template-injection",), {found.ident for found in shown})
    files = len([p for p in (root / _FOLDER).rglob("*.y*ml") if p.is_file()])
    found = _run(shell, root) if files else []
    seen = tuple(_seen(one) for one in found if not one.ignored)
    note = "" if files else "there are no workflows"
    return Scan(NAME, files, "workflows", seen, canary, note=note)


def _run(shell: Shell, root: Path) -> list[_Found]:
    path = os.pathsep.join((str(Path(sys.executable).parent), shell.env.get("PATH", "")))
    program = shutil.which(NAME, path=path)
    if program is None:
        raise cannot(NAME, "is not installed")
    argv = (program, "--quiet", "--offline", "--no-exit-codes", "--format", "json", _FOLDER)
    ran = shell.run(argv, cwd=root, check=False)
    try:
        return msgspec.json.decode(ran.stdout, type=list[_Found])
    except msgspec.DecodeError:
        last = (ran.stderr.strip().splitlines() or ["no output"])[0]
        raise cannot(NAME, f"gave no report: {last}") from None


def _seen(found: _Found) -> Seen:
    severity = found.determinations.severity.upper()
    finding = Finding(NAME, found.ident, severity, _where(found.locations), found.desc)
    return Seen(finding, severity in _STOPPING, (found.ident,))


def _where(locations: list[dict[str, Any]]) -> str:
    """File and line of the first place that zizmor names."""
    if not locations:
        return _FOLDER
    symbolic, concrete = (locations[0].get(key) or {} for key in ("symbolic", "concrete"))
    local = (symbolic.get("key") or {}).get("Local") or {}
    row = ((concrete.get("location") or {}).get("start_point") or {}).get("row", 0)
    name = local.get("verbatim_path") or local.get("given_path") or _FOLDER
    return f"{name}:{row + 1}"
