"""Makes wheel, source distribution and image from a clean clone.

The context of the image build is made here: `docker/`, and for each platform a folder with the
locked wheels, checked by hash as they are downloaded, and mgit's own. So the build itself needs
the package mirror of Debian only, and mgit's wheel in the image is the very file that is published.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.artifacts.engine import Engine, open_engine
from pipeline.git import Git
from pipeline.project import PLATFORMS, SOURCE, child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

_TAGS = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_IMAGE_PYTHON = "3.13"
# pip takes each name literally; a wheel for an older glibc runs on a newer one.
_MANYLINUX = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_CONTEXT_FILES = ("*.py", "*.sh", "*.txt", "Dockerfile", ".dockerignore")


@dataclass(frozen=True, slots=True)
class Distributions:
    """The two files for the package index."""

    wheel: Path
    sdist: Path


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the image is built from, besides the context.

    Args:
        base: image that the build stages run on.
        version: version of mgit.
        revision: commit.
        epoch: time of the commit in seconds: when the image says that it was created.
        tools_id: another value makes the stage with the tools anew, with current package lists.
        build_id: another value makes everything that ends up in the image anew.
        source: address of the repository, for the labels.
    """

    base: str
    version: str
    revision: str
    epoch: int
    tools_id: str
    build_id: str = ""
    source: str = SOURCE

    def arguments(self) -> dict[str, str]:
        """The build arguments of the Dockerfile."""
        return {
            "BASE": self.base,
            "VERSION": self.version,
            "REVISION": self.revision,
            "CREATED": datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "SOURCE": self.source,
            "SOURCE_DATE_EPOCH": str(self.epoch),
            "TOOLS_ID": self.tools_id,
            "BUILD_ID": self.build_id,
        }


def build_distributions(
    shell: Shell, root: Path, out: Path, epoch: int, python: str = sys.executable
) -> Distributions:
    """Build the source distribution and, apart from it, the wheel.

    Args:
        shell: starts the build.
        root: clean clone; nothing is left in it.
        out: folder that gets the two files.
        epoch: see `Recipe`.
        python: interpreter that has the build tools.

    Raises:
        PipelineError: the build failed, or made something else than these two.
    """
    out.mkdir(parents=True, exist_ok=True)
    build = (python, "-m", "build", "--no-isolation", "--sdist", "--wheel")
    env = {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONDONTWRITEBYTECODE": "1"}
    shell.run((*build, "--outdir", out, root), env=env)
    wheels, sdists = sorted(out.glob("*.whl")), sorted(out.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        raise PipelineError(
            f"{out} should hold one wheel and one source distribution",
            advice="delete it and build again",
        )
    return Distributions(wheels[0], sdists[0])


def download_wheels(shell: Shell, requirements: Path, platform: str, out: Path) -> None:
    """Download what the image needs beside mgit, each file checked by its locked hash.

    Args:
        shell: starts pip.
        requirements: lock file with hashes.
        platform: `linux/amd64` or `linux/arm64`.
        out: folder that gets the wheels.

    Raises:
        PipelineError: a wheel is not to be had, or is not the locked one.
    """
    out.mkdir(parents=True, exist_ok=True)
    machine = _TAGS[platform]
    tags = [word for name in _MANYLINUX for word in ("--platform", f"{name}_{machine}")]
    shell.run(
        (
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
            *("--implementation", "cp", "--python-version", _IMAGE_PYTHON, *tags),
            *("--dest", out, "--requirement", requirements),
        )
    )


def left_out(root: Path) -> frozenset[str]:
    """Locked packages that the image goes without: `docker/without.txt`."""
    text = (root / "docker" / "without.txt").read_text(encoding="ascii")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(line for line in lines if line)


def make_context(
    shell: Shell, root: Path, wheel: Path, wheelhouse: Path, platforms: Sequence[str], out: Path
) -> None:
    """Fill a folder with all that the Dockerfile copies.

    Args:
        shell: starts pip.
        root: clean clone.
        wheel: mgit's own.
        wheelhouse: downloaded wheels are kept here, a folder for each platform.
        platforms: for which to build.
        out: the folder.
    """
    out.mkdir(parents=True)
    for pattern in _CONTEXT_FILES:
        for path in (root / "docker").glob(pattern):
            shutil.copyfile(path, out / path.name)
    for platform in platforms:
        architecture = platform.partition("/")[2]
        kept, target = wheelhouse / architecture, out / "wheels" / architecture
        download_wheels(shell, root / "requirements/image.txt", platform, kept)
        shutil.copytree(kept, target)
        shutil.copyfile(wheel, target / wheel.name)


def build_layout(
    engine: Engine, context: Path, recipe: Recipe, platforms: Sequence[str], layout: Path
) -> None:
    """Build the image for several platforms into one OCI layout.

    All files have one fixed time already, so the exporter need not rewrite them.

    Args:
        engine: builds it.
        context: see `make_context`.
        recipe: see `Recipe`.
        platforms: for which to build.
        layout: folder to make.
    """
    engine.build(
        context,
        platforms=platforms,
        output={"type": "oci", "tar": "false", "dest": str(layout)},
        arguments=recipe.arguments(),
    )


def build_image(
    project_root: Path, tag: str, platform: str = "", *, base: str = "debian:trixie-slim"
) -> None:
    """Build the image of a work tree, as it is, into the engine: quick, for tests and for looking.

    Args:
        project_root: the work tree; uncommitted changes are part of it.
        tag: name for the image.
        platform: for example `linux/arm64`; empty is the machine's own.
        base: image that the build stages run on.

    Raises:
        PipelineError: no engine, or the build failed.
    """
    shell = Shell(env=child_environment())
    engine = open_engine(shell)
    platform = platform or native_platform()
    git = Git(shell, project_root)
    revision = git.resolve("HEAD")
    epoch = git.time_of(revision)
    with tempfile.TemporaryDirectory(prefix="mgit-image-") as name:
        folder = Path(name)
        made = build_distributions(shell, project_root, folder / "dist", epoch)
        context = folder / "context"
        make_context(shell, project_root, made.wheel, folder / "wheels", (platform,), context)
        version = made.wheel.name.split("-")[1]
        today = datetime.now(UTC).date().isoformat()
        recipe = Recipe(base, version, revision, epoch, tools_id=today)
        output = {"type": "docker"}
        engine.build(
            context,
            platforms=(platform,),
            output=output,
            arguments=recipe.arguments(),
            tags=(tag,),
        )


def native_platform() -> str:
    """The platform whose images this machine runs without emulation.

    Raises:
        PipelineError: mgit has no image for it.
    """
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(os.uname().machine, "")
    if f"linux/{machine}" not in PLATFORMS:
        raise PipelineError(
            f"there is no image for {os.uname().machine}", exit_code=Exit.ENVIRONMENT
        )
    return f"linux/{machine}"
