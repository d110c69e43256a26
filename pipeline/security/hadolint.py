"""hadolint over the Dockerfiles, and the shell inside them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from pipeline.security.scan import Scan, Seen, cannot, must_flag
from pipeline.shell import Shell
from pipeline.step import Finding

NAME = "hadolint"
_FOLDER = "docker"
_SEVERITY = {"error": "HIGH", "warning": "MEDIUM", "info": "LOW", "style": "LOW"}
_STOPPING = frozenset({"HIGH", "MEDIUM"})
_CANARY = "FROM debian:latest\nRUN cd /tmp && echo $1\n"


class _Told(msgspec.Struct):
    code: str
    file: str
    level: str
    line: int
    message: str


def scan(shell: Shell, root: Path, *, program: Path | None = None) -> Scan:
    """Prove hadolint on a tag that moves, then read our Dockerfiles.

    Args:
        shell: starts it.
        root: the project.
        program: the hadolint to run; None for the locked one, else the one on PATH.

    Raises:
        PipelineError: ENVIRONMENT; no hadolint, it missed the canary, or gave no report.
    """
    program = program or _find(shell)
    with tempfile.TemporaryDirectory(prefix="mgit-canary-") as folder:
        Path(folder, "Dockerfile").write_text(_CANARY, encoding="utf-8")
        shown = _run(shell, program, Path(folder), ("Dockerfile",))
    canary = must_flag(NAME, ("DL3007", "DL3003"), {one.code for one in shown})
    files = sorted(
        str(path.relative_to(root))
        for path in (root / _FOLDER).glob("*")
        if path.is_file() and (path.name.startswith("Dockerfile") or path.suffix == ".Dockerfile")
    )
    told = _run(shell, program, root, tuple(files)) if files else []
    note = "" if files else "there are no Dockerfiles"
    return Scan(NAME, len(files), "Dockerfiles", tuple(map(_seen, told)), canary, note=note)


def _find(shell: Shell) -> Path:
    path = os.pathsep.join((str(Path(sys.executable).parent), shell.env.get("PATH", "")))
    program = shutil.which(NAME, path=path)
    if program is None:
        raise cannot(NAME, "is not installed")
    return Path(program)


def _run(shell: Shell, program: Path, root: Path, files: tuple[str, ...]) -> list[_Told]:
    # No configuration of somebody else's, and no pragma in the file itself: waivers have one place.
    argv = (program, "--no-fail", "--disable-ignore-pragma", "--config", os.devnull)
    ran = shell.run((*argv, "--format", "json", *files), cwd=root, check=False)
    try:
        told = msgspec.json.decode(ran.stdout, type=list[_Told])
    except msgspec.DecodeError:
        last = (ran.stderr.strip().splitlines() or ["no output"])[0]
        raise cannot(NAME, f"gave no report: {last}") from None
    unread = [one for one in told if one.code == "DL1000"]  # hadolint's word for a syntax error
    if unread:
        raise cannot(NAME, f"could not read {unread[0].file}: {unread[0].message[:120]}")
    return told


def _seen(told: _Told) -> Seen:
    severity = _SEVERITY.get(told.level, "UNKNOWN")
    finding = Finding(NAME, told.code, severity, f"{told.file}:{told.line}", told.message)
    return Seen(finding, severity in {*_STOPPING, "UNKNOWN"}, (told.code,))
