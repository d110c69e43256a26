"""Asks mgit itself, as a program, and its schemas and sources for the public surface."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.surface import api, schemas
from pipeline.surface.items import FILE, Items

_SCHEMAS = Path("docs/schemas")


def describe(shell: Shell, root: Path) -> Items:
    """The surface of the sources below a folder.

    Args:
        shell: starts the Python that this runs in, which must have mgit's dependencies.
        root: the clone.

    Raises:
        PipelineError: ENVIRONMENT, mgit cannot be started here.
    """
    ran = shell.run((sys.executable, "-m", "mgit.cli.surface"), cwd=root, check=False)
    try:
        told = msgspec.json.decode(ran.stdout, type=dict[str, str]) if ran.ok else None
    except msgspec.DecodeError:
        told = None
    if told is None:
        last = (ran.stderr.strip().splitlines() or ["no output"])[-1]
        raise PipelineError(
            f"mgit does not describe itself: {last}",
            exit_code=Exit.ENVIRONMENT,
            advice="run it by `nox -s invoke -- surface`, which has what it needs",
        )
    return {**told, **_of_schemas(root / _SCHEMAS), **api.items_of(root)}


def _of_schemas(folder: Path) -> dict[str, str]:
    documents: dict[str, Any] = {
        path.name: msgspec.json.decode(path.read_bytes()) for path in sorted(folder.glob("*.json"))
    }
    found: dict[str, str] = {}
    for name, document in documents.items():
        found.update(schemas.items_of(name.removesuffix(".json"), document, documents))
    return found


def committed(root: Path) -> Items:
    """The surface that is written down; empty where there is none."""
    from pipeline.surface.items import read

    path = root / FILE
    return read(path.read_text(encoding="utf-8")) if path.is_file() else {}
