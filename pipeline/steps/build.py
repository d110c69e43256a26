"""build: wheel, source distribution and image, made twice from two clean clones, bytes compared.

What comes out lies in `OUT/artifacts`: the two distributions, and `image/`, an OCI layout with all
platforms. `OUT/artifacts/build.json` remembers which commit they were built from.
"""

from __future__ import annotations

import filecmp
import secrets
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import msgspec

from pipeline.artifacts.engine import open_engine
from pipeline.artifacts.image import (
    Distributions,
    Recipe,
    build_distributions,
    build_layout,
    make_context,
)
from pipeline.artifacts.oci import Image, read_image
from pipeline.faults import effect
from pipeline.git import Git
from pipeline.project import PLATFORMS, Project
from pipeline.publishing.places import file_digest
from pipeline.step import Artifact, Done, Exit, Facts, PipelineError, Step, Todo, Verdict
from pipeline.versioning.versions import to_pep440

LAYOUT = "image"
_RECORD = "build.json"
# The second build sees another folder, time zone, language and hash seed.
_ELSEWHERE = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4711"}


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """What was built: `build.json`."""

    commit: str
    epoch: int
    base_image: str
    artifacts: tuple[Artifact, ...]
    image_digest: str


def check(project: Project, facts: Facts) -> Verdict:
    """Do the artefacts lie there, built from this commit, unchanged?"""
    effects = (
        "build wheel and source distribution twice",
        f"build the image for {' and '.join(PLATFORMS)} twice",
    )
    if not facts.commit:
        return Todo(effects)
    folder = project.out / "artifacts"
    try:
        record = msgspec.json.decode((folder / _RECORD).read_bytes(), type=_Record)
        if (record.commit, record.epoch) != (facts.commit, facts.epoch):
            return Todo(effects)
        if any(file_digest(folder / each.name) != each.digest for each in record.artifacts):
            return Todo(effects)
        image = read_image(folder / LAYOUT)
    except (OSError, msgspec.MsgspecError, PipelineError):
        return Todo(effects)
    if image.digest != record.image_digest:
        return Todo(effects)
    return Done(_learn(facts, record.artifacts, image))


def run(project: Project, facts: Facts) -> Facts:
    """Build twice, compare, keep the first.

    Raises:
        PipelineError: GATE, the two builds differ; names the file.
    """
    folder, work = project.out / "artifacts", project.out / "build"
    for stale in (folder, work):
        with effect(project, "build:clear", stale.name):
            shutil.rmtree(stale, ignore_errors=True)
    work.mkdir(parents=True)
    tools_id = secrets.token_hex(8)
    first = build_once(project, facts, work / "first", tools_id)
    second = build_once(project, facts, work / "a" / "second" / "place", tools_id, elsewhere=True)
    compare(first, second)
    image = read_image(first / LAYOUT)
    names = sorted(path.name for path in first.iterdir() if path.is_file())
    artifacts = tuple(artifact_of(first / name) for name in names)
    record = _Record(
        commit=facts.commit,
        epoch=facts.epoch,
        base_image=project.endpoints.base_image,
        artifacts=artifacts,
        image_digest=image.digest,
    )
    # The record goes in first: the folder appears whole, by one rename.
    (first / _RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    with effect(project, "build:keep"):
        first.rename(folder)
    with effect(project, "build:clear", "what-was-compared"):
        shutil.rmtree(work)
    return _learn(facts, artifacts, image)


def undo(project: Project, _facts: Facts) -> None:
    """Delete what was built."""
    with effect(project, "undo:delete", "artifacts"):
        shutil.rmtree(project.out / "artifacts", ignore_errors=True)


def compare(first: Path, second: Path) -> None:
    """Both builds hold the same files with the same bytes.

    Raises:
        PipelineError: GATE; names the first file that differs.
    """
    names = sorted({str(path.relative_to(root)) for root in (first, second) for path in _all(root)})
    for name in names:
        one, two = first / name, second / name
        if not (one.is_file() and two.is_file() and filecmp.cmp(one, two, shallow=False)):
            raise PipelineError(
                f"two builds of the same commit differ in {name}",
                exit_code=Exit.GATE,
                advice="find what depends on time, folder or order; a release must be rebuildable",
            )


def artifact_of(path: Path) -> Artifact:
    """Name, digest and size of a file."""
    return Artifact(path.name, file_digest(path), path.stat().st_size)


def build_once(
    project: Project,
    facts: Facts,
    place: Path,
    tools_id: str,
    *,
    elsewhere: bool = False,
    python: str = sys.executable,
    image: bool = True,
) -> Path:
    """One complete build in a clone of its own.

    Args:
        project: what to build.
        facts: version, commit and time.
        place: folder to make.
        tools_id: see `Recipe`.
        elsewhere: in another time zone and language, with another hash seed.
        python: interpreter that has the build tools.
        image: whether to build the image too.

    Returns:
        the folder with what came out.
    """
    shell = project.shell
    if elsewhere:
        shell = shell.varied(_ELSEWHERE)
    root, out = place / "src", place / "out"
    root.parent.mkdir(parents=True)
    git = Git(shell, project.root)
    git.run("clone", "--quiet", "--no-hardlinks", "--no-checkout", str(project.root), str(root))
    Git(shell, root).run("checkout", "--quiet", "--detach", facts.commit)
    made = build_distributions(shell, root, out, facts.epoch, python)
    _check_version(made, facts)
    if not image:
        return out
    context = place / "context"
    wheelhouse = project.out / "wheelhouse"
    make_context(shell, root, made.wheel, wheelhouse, PLATFORMS, context)
    recipe = Recipe(
        base=project.endpoints.base_image,
        version=facts.version,
        revision=facts.commit,
        epoch=facts.epoch,
        tools_id=tools_id,
        build_id=secrets.token_hex(8),
        source=project.endpoints.source_url,
    )
    build_layout(open_engine(shell), context, recipe, PLATFORMS, out / LAYOUT)
    return out


def _check_version(made: Distributions, facts: Facts) -> None:
    version = to_pep440(facts.version)
    for path in (made.wheel, made.sdist):
        if path.name.removesuffix(".tar.gz").split("-")[1] != version:
            raise PipelineError(
                f"{path.name} was built, but the version is {facts.version}",
                exit_code=Exit.CONFLICT,
            )


def _learn(facts: Facts, artifacts: tuple[Artifact, ...], image: Image) -> Facts:
    return replace(facts, artifacts=artifacts, image_digest=image.digest, platforms=image.platforms)


def _all(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


STEP = Step("build", ("prepare",), check, run, undo)
