"""Builds the image and its single-stage counterparts from one work tree, and runs them once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.artifacts.engine import Engine
from pipeline.artifacts.image import (
    Recipe,
    build_distributions,
    build_layout,
    make_context,
    native_platform,
)
from pipeline.artifacts.inspection import export, try_image
from pipeline.artifacts.oci import layer_paths, read_image, read_single, unpacked_size
from pipeline.git import Git
from pipeline.imagesize import weigh
from pipeline.imagesize.weigh import BARE, CAREFUL, OURS, USUAL, Report, Weight
from pipeline.project import PLATFORMS
from pipeline.step import PlatformImage

DOCKERFILE = "single-stage.Dockerfile"


def compare(
    engine: Engine,
    root: Path,
    work: Path,
    base: str,
    say: Callable[[str], None],
    others: Mapping[str, str] | None = None,
) -> Report:
    """Build all, weigh all.

    Args:
        engine: builds them.
        root: work tree, taken as it is.
        work: empty folder.
        base: base image of all builds.
        say: gets a line of progress.
        others: platforms that this machine emulates, each with a base image for it; the careful
            build alone is made for them too.

    Raises:
        PipelineError: a build failed, or what was built does not run.
    """
    shell, git = engine.shell, Git(engine.shell, root)
    commit = git.resolve("HEAD")
    epoch, now = git.time_of(commit), datetime.now(UTC)
    made = build_distributions(shell, root, work / "dist", epoch)
    version = made.wheel.name.split("-")[1]
    context = work / "context"
    make_context(shell, root, made.wheel, work / "wheels", PLATFORMS, context)
    shutil.copyfile(root / "docker" / DOCKERFILE, context / DOCKERFILE)
    # Every stage is built anew: all times are those of a first build, with the same package lists.
    anew = now.isoformat()
    recipe = Recipe(base, version, commit, epoch, tools_id=anew, build_id=anew)
    say(f"mgit for {' and '.join(PLATFORMS)}")
    begun = time.monotonic()
    build_layout(engine, context, recipe, PLATFORMS, work / OURS)
    seconds = time.monotonic() - begun
    image = read_image(work / OURS)
    weights = [_weight(OURS, each, seconds) for each in image.platforms]
    for name in (USUAL, CAREFUL):
        say(f"single stage, {name}, for {native_platform()}")
        weights += _single(engine, context, recipe, name, native_platform(), work)
    for platform, its_base in (others or {}).items():
        say(f"single stage, {CAREFUL}, for {platform}, emulated")
        its = replace(recipe, base=its_base)
        weights += _single(engine, context, its, CAREFUL, platform, work)
    native = next(each for each in image.platforms if each.platform == native_platform())
    files = weigh.files_of(work / OURS, native)
    dirty = "+" if git.out("status", "--porcelain") else ""
    return Report(
        commit=f"{commit[:12]}{dirty}",
        base=base,
        when=f"{now:%Y-%m-%d %H:%M} UTC",
        weights=tuple(weights),
        marks=weigh.marks(weights),
        parts=weigh.parts(files),
        largest=weigh.largest(files),
    )


def _single(
    engine: Engine, context: Path, recipe: Recipe, name: str, platform: str, work: Path
) -> Iterator[Weight]:
    """One target of the single-stage Dockerfile: built, run like the real image, weighed."""
    stem = f"{name}-{platform.partition('/')[2]}"
    layout = work / stem
    begun = time.monotonic()
    engine.build(
        context,
        platforms=(platform,),
        output={"type": "oci", "tar": "false", "dest": str(layout)},
        arguments={"BASE": recipe.base, "TOOLS_ID": recipe.tools_id},
        dockerfile=DOCKERFILE,
        target=name,
    )
    image = read_single(layout, platform)
    yield _weight(name, image, time.monotonic() - begun)
    archive, tag = work / f"{stem}.tar", f"mgit-size:{stem}"
    export(engine.shell, layout, image, archive, tag)
    try_image(engine, archive, tag, recipe.version)
    archive.unlink()
    if name == CAREFUL:
        lowest = layer_paths(layout, image)[0]
        bytes_, compressed = unpacked_size(lowest), lowest.stat().st_size
        yield Weight(BARE, platform, image.bytes - bytes_, image.compressed_bytes - compressed)


def _weight(name: str, image: PlatformImage, seconds: float) -> Weight:
    return Weight(name, image.platform, image.bytes, image.compressed_bytes, round(seconds, 1))
