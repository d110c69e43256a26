"""Looks at what was built, as somebody who got it would: installs, runs, lists, measures."""

from __future__ import annotations

import filecmp
import gzip
import shutil
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.artifacts.engine import Engine
from pipeline.artifacts.oci import layer_paths, read_settings
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError, PlatformImage

MAX_BYTES = 60_000_000
"""An unpacked image stays below this, for each platform."""
MAX_COMPRESSED_BYTES = 25_000_000
"""So do its layers as they travel."""

LABEL = "org.opencontainers.image."
LABELS = frozenset(
    (
        *("title", "description", "licenses", "vendor", "version", "revision", "created"),
        *("url", "source", "documentation"),
    )
)
"""Names that every image carries, each after `LABEL` (OCI image specification, annotations)."""

_USER = "65532:65532"
_SHELLS = {"sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "csh", "perl"}
_MANAGERS = {"apt", "apt-get", "dpkg", "rpm", "apk", "pip", "pip3", "su", "sudo", "mount"}
_SET_ID = 0o6000
_SHA256_HEX = 64
_STATUS = "var/lib/dpkg/status.d/"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an image.

    Args:
        name: path without the leading slash.
        mode: permission bits, set-id bits included.
    """

    name: str
    mode: int


def try_wheel(shell: Shell, wheel: Path, lock: Path, version: str, work: Path) -> None:
    """Install the wheel and what is locked for it into a fresh environment, and run it there.

    Raises:
        PipelineError: GATE, it does not install, or does not say its version.
    """
    venv = work / "venv"
    shutil.rmtree(venv, ignore_errors=True)
    shell.run((sys.executable, "-m", "venv", "--without-pip", venv))
    pip = (
        *(sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install"),
        *("--quiet", "--disable-pip-version-check", "--no-deps"),
    )
    shell.run((*pip, "--require-hashes", "--requirement", lock))
    shell.run((*pip, "--no-index", wheel))
    said = shell.run((venv / "bin" / "mgit", "--version"), cwd=work, check=False)
    if not said.ok or said.stdout.split() != ["mgit", version]:
        raise _refused(f"the installed wheel says {said.stdout.strip()!a}, not mgit {version}")
    if not shell.run((venv / "bin" / "mgit", "--help"), cwd=work, check=False).ok:
        raise _refused("the installed wheel cannot show its help")


def try_sdist(shell: Shell, sdist: Path, wheel: Path, epoch: int, work: Path) -> None:
    """Build the wheel from the source distribution alone; it is the same wheel.

    Raises:
        PipelineError: GATE, it is another one.
    """
    folder = work / "sdist"
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(sdist) as tar:
        # Python before 3.11.4 has no filters; what is unpacked there is our own file all the same.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder)  # noqa: S202  # nosec B202  the filter is set above
    (root,) = folder.iterdir()
    out = work / "from-sdist"
    shutil.rmtree(out, ignore_errors=True)
    build = (sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, root)
    shell.run(build, env={"SOURCE_DATE_EPOCH": str(epoch)})
    made = out / wheel.name
    if not made.is_file() or not filecmp.cmp(made, wheel, shallow=False):
        raise _refused(f"{sdist.name} builds another wheel than {wheel.name}")


def look_at_image(layout: Path, platform: PlatformImage, version: str) -> int:
    """Size, user, labels and contents of one platform's image, read from its layers.

    Returns:
        How many files it has.

    Raises:
        PipelineError: GATE; too big, runs as root, holds a shell or a set-id file, is mislabelled.
    """
    name = platform.platform
    for what, size, limit in (
        ("", platform.bytes, MAX_BYTES),
        (" compressed", platform.compressed_bytes, MAX_COMPRESSED_BYTES),
    ):
        if size >= limit:
            raise _refused(f"the image for {name} has {size} bytes{what}, limit {limit}")
    settings = read_settings(layout, platform)
    if settings.user != _USER:
        raise _refused(f"the image for {name} runs as {settings.user or 'root'}, not {_USER}")
    if lacking := sorted(each for each in LABELS if not settings.labels.get(LABEL + each)):
        raise _refused(f"the image for {name} has no label {LABEL}{lacking[0]}")
    labelled = settings.labels[f"{LABEL}version"]
    if labelled != version:
        raise _refused(f"the image for {name} is labelled {labelled}, not {version}")
    entries = list(_entries(layout, platform))
    if wrong := unwanted(entries):
        raise _refused(f"the image for {name} holds {wrong}")
    return len(entries)


def debian_files(layout: Path, platform: PlatformImage) -> dict[str, str]:
    """SHA-256 (hex) of the package file that each Debian package in an image came from.

    Returns:
        the digest by `NAME@VERSION`.

    Raises:
        PipelineError: ENVIRONMENT, a package has no digest, or there is no package at all.
    """
    found: dict[str, str] = {}
    for path in layer_paths(layout, platform):
        with gzip.open(path) as layer, tarfile.open(fileobj=layer, mode="r|") as tar:
            for member in tar:
                if member.name.startswith(_STATUS) and (file := tar.extractfile(member)):
                    name, digest = _debian_file(file.read().decode())
                    found[name] = digest
    lacking = [name for name, digest in found.items() if len(digest) != _SHA256_HEX]
    if lacking or not found:
        raise PipelineError(
            f"the image for {platform.platform} does not say which file "
            f"{lacking[0] if lacking else 'any package'} came from",
            exit_code=Exit.ENVIRONMENT,
            advice="look at docker/fetch.sh",
        )
    return found


def _debian_file(control: str) -> tuple[str, str]:
    pairs = (line.partition(": ") for line in control.splitlines() if not line.startswith(" "))
    fields = {name: value for name, _, value in pairs}
    return f"{fields.get('Package')}@{fields.get('Version')}", fields.get("SHA256", "")


def unwanted(entries: list[Entry]) -> str:
    """The first file that has no place in the image, with the reason; empty if all is well."""
    for entry in entries:
        name = PurePosixPath(entry.name).name
        folder = PurePosixPath(entry.name).parent.name
        if folder in {"bin", "sbin"} and name in _SHELLS | _MANAGERS:
            return f"/{entry.name}: no shell and no package manager belong there"
        if entry.mode & _SET_ID:
            return f"/{entry.name}, which runs with another's rights"
    return ""


def export(shell: Shell, layout: Path, platform: PlatformImage, archive: Path, name: str) -> None:
    """Copy one platform of a layout into a `docker-archive` that tools and engines read.

    Args:
        shell: starts skopeo.
        layout: OCI layout.
        platform: which one.
        archive: file to make.
        name: `NAME:TAG` of the image in it.
    """
    archive.unlink(missing_ok=True)
    os, _, architecture = platform.platform.partition("/")
    shell.run(
        (
            *("skopeo", "--insecure-policy", "--override-os", os),
            *("--override-arch", architecture, "copy", "--quiet"),
            *(f"oci:{layout}", f"docker-archive:{archive}:{name}"),
        )
    )


def try_image(engine: Engine, archive: Path, name: str, version: str) -> None:
    """Run the image of this machine's platform, hardened; remove it again.

    Raises:
        PipelineError: GATE; it does not run, says another version, or runs as somebody else.
    """
    engine.forget(name)
    engine.load(archive)
    try:
        said = engine.run(name, "--version").split()
        if said != ["mgit", version]:
            raise _refused(f"the image says {' '.join(said)!a}, not mgit {version}")
        code = "import os, mgit; print(os.getuid(), os.getgid())"
        ids = engine.run(name, "-I", "-c", code, entrypoint="/usr/bin/python3").split()
        if ":".join(ids) != _USER:
            raise _refused(f"the image runs as {':'.join(ids)}, not {_USER}")
        if "git version" not in engine.run(name, "--version", entrypoint="/usr/bin/git"):
            raise _refused("git does not run in the image")
    finally:
        engine.forget(name)


def _entries(layout: Path, platform: PlatformImage) -> Iterator[Entry]:
    for path in layer_paths(layout, platform):
        with gzip.open(path) as layer, tarfile.open(fileobj=layer, mode="r|") as tar:
            yield from (Entry(member.name, member.mode) for member in tar)


def _refused(message: str) -> PipelineError:
    return PipelineError(message, exit_code=Exit.GATE, advice="repair it and release again")
