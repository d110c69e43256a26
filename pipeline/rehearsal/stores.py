"""What a rehearsal without a network is given: the base image and every package, as files.

They are fetched once, while there is a network, by the programs that will want them again: pip
downloads what the locks name, and one build of the image, through a proxy that keeps what it
fetches, takes Debian's packages.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline.artifacts.engine import open_engine
from pipeline.artifacts.image import (
    Recipe,
    build_distributions,
    build_layout,
    download_wheels,
    make_context,
)
from pipeline.git import Git
from pipeline.machine.tools import BASE_IMAGE
from pipeline.project import PLATFORMS, child_environment
from pipeline.provision import provision
from pipeline.rehearsal.flaws import OLD, OLD_WHEEL
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from sandbox.pantry import keeping

GATEWAY = "172.17.0.1"
"""The engine's end of its bridge, where a build reaches this machine."""
PORT = 3128
_BUILD = ("hatchling==1.33.0", "editables")  # an editable installation builds in isolation
_INPUTS = ("requirements/*.txt", "docker/*")
_NAME = re.compile(r"[-_.]+")
_PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True, slots=True)
class Stores:
    """The folder with all of it.

    Args:
        root: the folder; it outlives a rehearsal.
    """

    root: Path

    @property
    def base(self) -> Path:
        """The base image, as `docker save` writes it."""
        return self.root / "base.tar"

    @property
    def files(self) -> Path:
        """Wheels and source distributions."""
        return self.root / "files"

    @property
    def simple(self) -> Path:
        """The same as an index of folders (PEP 503)."""
        return self.root / "simple"

    @property
    def kept(self) -> Path:
        """What the proxy keeps."""
        return self.root / "http"

    @property
    def client(self) -> Path:
        """Settings of the engine's client: builds go through the proxy."""
        return self.root / "client"

    @property
    def stamp(self) -> Path:
        """What the stores were filled for; written last."""
        return self.root / "filled-for"


def is_filled(stores: Stores, source: Path) -> bool:
    """Whether everything is there for the locks and the image of this tree."""
    return stores.stamp.is_file() and stores.stamp.read_text(encoding="utf-8") == _inputs(source)


def tell_client(stores: Stores) -> None:
    """Write the settings of the engine's client."""
    stores.client.mkdir(parents=True, exist_ok=True)
    proxies = {"httpProxy": f"http://{GATEWAY}:{PORT}", "noProxy": "127.0.0.1,localhost"}
    settings = {"proxies": {"default": proxies}}
    (stores.client / "config.json").write_bytes(msgspec.json.encode(settings))


def fill(stores: Stores, source: Path, say: Callable[[str], None]) -> None:
    """Fetch everything, with a network and an engine.

    Args:
        stores: the folder.
        source: clean clone.
        say: gets one line per thing.

    Raises:
        PipelineError: something is not to be had.
    """
    shell = Shell(env=child_environment(), log=stores.root / "log.txt")
    stores.stamp.unlink(missing_ok=True)
    stores.files.mkdir(parents=True, exist_ok=True)
    say("packages of Python, as the locks name them")
    _fill_files(stores, shell, source)
    write_index(stores)
    if missing := provision(shell, say):
        raise PipelineError(f"{missing[0].name} is missing", exit_code=Exit.ENVIRONMENT)
    say(f"the base image {BASE_IMAGE}")
    # A name that only a registry has is not in the engine yet.
    if not shell.run(("docker", "image", "inspect", BASE_IMAGE), check=False).ok:
        shell.run(("docker", "pull", "--quiet", BASE_IMAGE))
    shell.run(("docker", "image", "save", "--output", stores.base, BASE_IMAGE))
    say("packages of Debian, by one build of the image")
    _fill_debian(stores, shell, source)
    stores.stamp.write_text(_inputs(source), encoding="utf-8")


def write_index(stores: Stores) -> None:
    """The files as an index: a folder for each project, with a page that links to them."""
    shutil.rmtree(stores.simple, ignore_errors=True)
    projects: dict[str, list[Path]] = {}
    for path in sorted(stores.files.iterdir()):
        projects.setdefault(_project(path.name), []).append(path)
    for name, paths in projects.items():
        folder = stores.simple / name
        folder.mkdir(parents=True)
        links = "".join(f'<a href="../../files/{p.name}">{p.name}</a>\n' for p in paths)
        page = f"<!DOCTYPE html><html><body>\n{links}</body></html>\n"
        (folder / "index.html").write_text(page, encoding="utf-8")


def _project(file: str) -> str:
    """The normalised name of the project that a file belongs to."""
    stem = file.removesuffix(".whl").removesuffix(".tar.gz").removesuffix(".zip")
    cut = stem.split("-")[0] if file.endswith(".whl") else stem.rpartition("-")[0]
    return _NAME.sub("-", cut).lower()


def _fill_files(stores: Stores, shell: Shell, source: Path) -> None:
    into = ("--dest", stores.files)
    for lock in sorted((source / "requirements").glob("*.txt")):
        asked = ("--require-hashes", "--no-deps", "--requirement")
        shell.run((*_PIP, *into, *asked, lock))
    for platform in PLATFORMS:
        download_wheels(shell, source / "requirements" / "image.txt", platform, stores.files)
    shell.run((*_PIP, *into, *_BUILD))
    shell.run((*_PIP, *into, "--no-deps", *OLD_WHEEL, OLD))


def _fill_debian(stores: Stores, shell: Shell, source: Path) -> None:
    work = stores.root / "work"
    shutil.rmtree(work, ignore_errors=True)
    git = Git(shell, source)
    epoch = git.time_of(git.resolve("HEAD"))
    made = build_distributions(shell, source, work / "dist", epoch)
    context = work / "context"
    make_context(shell, source, made.wheel, work / "wheels", PLATFORMS, context)
    now = datetime.now(UTC).isoformat()
    recipe = Recipe(BASE_IMAGE, "0", "0", epoch, tools_id=now, build_id=now)
    with keeping(stores.kept, host=GATEWAY, port=PORT, fetches=True):
        build_layout(open_engine(shell), context, recipe, PLATFORMS, work / "layout")
    shutil.rmtree(work)
    if not any(stores.kept.iterdir()):
        raise PipelineError(
            "the image was built past the proxy",
            exit_code=Exit.ENVIRONMENT,
            advice="a mirror by https cannot be kept: give the base image one by http",
        )


def _inputs(source: Path) -> str:
    """One digest of everything that decides what has to be fetched."""
    digest = hashlib.sha256()
    paths: Iterable[Path] = (path for glob in _INPUTS for path in sorted(source.glob(glob)))
    for path in paths:
        if path.is_file():
            digest.update(f"{path.relative_to(source)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
