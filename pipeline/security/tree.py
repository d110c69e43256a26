"""Trivy over the source tree: lock files, Dockerfile and manifests, secrets.

It is shown a copy of what git would commit, so that no environment or cache beside the sources is
read, with every lock file under the one name by which Trivy knows them, and with each overlay of
deploy/kubernetes as `kubectl kustomize` renders it: a patch can undo what the base says.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipeline.git import Git
from pipeline.manifests.overlays import overlays, render
from pipeline.security.canary import prove_trees
from pipeline.security.scan import Scan, Seen, cannot
from pipeline.security.trivy import FIXTURE, Trivy, open_trivy
from pipeline.security.trivy_report import Kind
from pipeline.security.trivy_report import Seen as TrivySeen
from pipeline.shell import Shell
from pipeline.step import PipelineError

NAME = "trivy"
_LEFT_OUT = ("tests/data/",)  # recorded API answers and advisories of other people
_STOPPING = ("CRITICAL", "HIGH")
_RENDERED = "rendered/"


def scan(shell: Shell, root: Path, *, mode: str = "auto", cache: str = "") -> Scan:
    """Prove Trivy on a planted package, Dockerfile and token, then read the tree.

    Args:
        shell: starts it.
        root: the project.
        mode: `live`, `fixture`, or `auto`: the live database where it can be had.
        cache: folder with a pinned database, which goes before `mode`.

    Raises:
        PipelineError: ENVIRONMENT; no Trivy, no database, it missed the canary, or an overlay
            cannot be rendered.
    """
    with tempfile.TemporaryDirectory(prefix="mgit-tree-") as folder:
        work, copy = Path(folder, "work"), Path(folder, "tree")
        trivy = _open(shell, root, work, mode, cache)
        canary = prove_trees(trivy)
        files = _copy(shell, root, copy) + _render(shell, root, copy)
        report = trivy.tree(copy)
    if not files:
        raise cannot(NAME, f"finds no file in {root}")
    seen = tuple(_seen(one) for one in report.seen)
    return Scan(NAME, files, "files", seen, canary, trivy.database, note=f"version {trivy.version}")


def _open(shell: Shell, root: Path, work: Path, mode: str, cache: str) -> Trivy:
    if cache:
        return open_trivy(shell, Path(cache), work)
    if mode == "fixture":
        return open_trivy(shell, root / FIXTURE, work)
    try:
        return open_trivy(shell, None, work)
    except PipelineError:
        if mode == "live":
            raise
        return open_trivy(shell, root / FIXTURE, work)


def _copy(shell: Shell, root: Path, target: Path) -> int:
    """Copy what git knows or would add; symbolic links and other people's data stay behind."""
    listed = Git(shell, root).out("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    count = 0
    for name in filter(None, listed.split("\0")):
        source = root / name
        if name.startswith(_LEFT_OUT) or source.is_symlink() or not source.is_file():
            continue
        _put(source, target / name)
        if name.startswith("requirements/") and name.endswith(".txt"):
            _put(source, target / "locks" / source.stem / "requirements.txt")
        count += 1
    return count


def _render(shell: Shell, root: Path, target: Path) -> int:
    """Write each overlay as a cluster would get it."""
    folders = overlays(root)
    for folder in folders:
        file = target / _RENDERED / f"{folder.name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(render(shell, folder), encoding="utf-8")
    return len(folders)


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _seen(one: TrivySeen) -> Seen:
    """Grave ones stop a release, and so does whatever is wrong with what a cluster would get."""
    grave = one.finding.severity in _STOPPING and one.fixable
    ours = one.finding.where.startswith(_RENDERED) and one.kind is Kind.MISCONFIGURATION
    return Seen(one.finding, grave or ours or one.kind is Kind.LEAK, (one.finding.id,))
