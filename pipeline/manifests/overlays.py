"""The overlays of `deploy/kubernetes`, rendered by `kubectl kustomize`. Asks no cluster."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

FOLDER = Path("deploy/kubernetes/overlays")
_FILE = "kustomization.yaml"
_SECONDS = 120


def overlays(root: Path) -> tuple[Path, ...]:
    """Folders of all overlays, by name.

    Args:
        root: the project.
    """
    return tuple(sorted(file.parent for file in (root / FOLDER).glob(f"*/{_FILE}")))


def objects_of(text: str) -> tuple[dict[str, Any], ...]:
    """The documents of what was rendered, in their order."""
    # libyaml is ten times as fast as the loader in Python; the wheels have it.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents: Iterable[Any] = yaml.load_all(text, loader)
    return tuple(one for one in documents if one)


def render(shell: Shell, folder: Path) -> str:
    """All objects of a folder with a `kustomization.yaml`, as YAML documents.

    Args:
        shell: starts kubectl.
        folder: an overlay, or one that was made on top of it.

    Raises:
        PipelineError: ENVIRONMENT; there is no kubectl, or it cannot read the folder.
    """
    ran = shell.run(("kubectl", "kustomize", folder), check=False, timeout=_SECONDS)
    if ran.ok and ran.stdout.strip():
        return ran.stdout
    said = ran.stderr.strip().splitlines()
    raise PipelineError(
        f"{folder} cannot be rendered: {said[-1] if said else 'there is nothing in it'}",
        exit_code=Exit.ENVIRONMENT,
        advice=f"repair it; `kubectl kustomize {folder}` shows the same",
    )
