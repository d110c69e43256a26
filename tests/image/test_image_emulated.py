"""The image for the other platform really runs: by QEMU, where the kernel knows it.

Emulated it is some ten times slower, so the waits are long and nothing is timed.
"""

from __future__ import annotations

import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit import __version__
from pipeline.artifacts.image import build_image, native_platform
from pipeline.artifacts.inspection import Entry, unwanted
from pipeline.machine.emulation import PLATFORM, Emulation
from sandbox.forge import SandboxForge
from tests.image.box import (
    HARDENED,
    Container,
    docker,
    empty_configuration,
    eventually,
    files_of,
    free_port,
    mirroring_configuration,
)

ROOT = Path(__file__).parents[2]
WHY_NOT = Emulation().lacking() if native_platform() != PLATFORM else "arm64 is not emulated here"
PATIENCE = 300.0
TOKEN = "canary-7b0e55d1-emulated-token"
# Each platform has its own loader; everything else has the same name but for the triplet.
LOADERS = {
    *("usr/lib64", "usr/lib64/ld-linux-x86-64.so.2", "usr/lib/TRIPLET/ld-linux-x86-64.so.2"),
    *("usr/lib/ld-linux-aarch64.so.1", "usr/lib/TRIPLET/ld-linux-aarch64.so.1"),
}

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it runs"),
]


@pytest.fixture(scope="module")
def emulated() -> Iterator[str]:
    """Name of the image for arm64, built as always without emulation."""
    tag = f"mgit:emulated-{uuid.uuid4().hex[:12]}"
    build_image(ROOT, tag, PLATFORM)
    yield tag
    docker("image", "rm", "--force", tag, check=False)


def run(image: str, *words: str, program: str = "") -> subprocess.CompletedProcess[str]:
    entry = ("--entrypoint", program) if program else ()
    platform = ("--platform", PLATFORM, "--network", "none")
    return docker("run", "--rm", *platform, *HARDENED, *entry, image, *words, check=False)


@pytest.fixture
def serving(emulated: str, tmp_path: Path) -> Iterator[tuple[Container, SandboxForge]]:
    """`mgit serve` for arm64, which mirrors a forge on this machine."""
    with SandboxForge(tmp_path / "forge", "gitea", token=TOKEN) as forge:
        for number in range(3):
            forge.add_repo("acme", f"tool-{number}", commits=3)
        config, secrets = mirroring_configuration(tmp_path, forge.api_url, TOKEN)
        port, name = free_port(), f"mgit-emulated-{uuid.uuid4().hex[:12]}"
        try:
            docker(
                *("run", "--detach", "--platform", PLATFORM, "--name", name),
                *("--network", "host", *HARDENED),
                *("--mount", f"type=bind,source={config},target=/etc/mgit,readonly"),
                *("--mount", f"type=bind,source={secrets},target=/run/secrets,readonly"),
                *("--env", "MGIT_TOKEN_FORGE_FILE=/run/secrets/forge", "--no-healthcheck"),
                *("--env", f"MGIT_LISTEN=127.0.0.1:{port}", emulated),
            )
            yield Container(name, port), forge
        finally:
            docker("rm", "--force", "--volumes", name, check=False)


def test_every_program_in_it_is_of_that_platform_and_runs(emulated: str) -> None:
    said = run(emulated, "--version")
    assert said.stdout.split() == ["mgit", __version__], said.stderr
    code = "import os, ssl, sqlite3, msgspec; print(os.uname().machine, os.getuid())"
    said = run(emulated, "-I", "-c", code, program="/usr/bin/python3")
    assert said.stdout.split() == ["aarch64", "65532"], said.stderr
    assert "git version" in run(emulated, "--version", program="/usr/bin/git").stdout
    assert "OpenSSH" in run(emulated, "-V", program="/usr/bin/ssh").stderr
    said = run(emulated, "ls-remote", "https://127.0.0.1:1/x", program="/usr/bin/git")
    assert "onnect" in said.stderr
    assert "certificate" not in said.stderr


def test_it_mirrors_a_forge_and_says_that_it_is_alive(
    serving: tuple[Container, SandboxForge],
) -> None:
    container, forge = serving
    assert eventually(lambda: container.get("/livez") == 200, PATIENCE), container.logs()
    assert eventually(lambda: container.get("/readyz") == 200, PATIENCE), container.logs()
    wanted = 'mgit_syncs_total{outcome="cloned",reason="",source="forge"} 3.0'
    assert eventually(lambda: wanted in container.page("/metrics"), PATIENCE), container.logs()
    code = "import pathlib; print(*pathlib.Path('/data/acme').glob('tool-*'), sep=chr(10))"
    folders = container.runs("/usr/bin/python3", "-I", "-c", code).stdout.split()
    assert len(folders) == len(forge.store.all("acme")) == 3
    for folder in folders:
        assert container.runs("git", "--git-dir", folder, "fsck", "--strict").returncode == 0


def test_its_own_health_check_finds_it_healthy(emulated: str, tmp_path: Path) -> None:
    config = empty_configuration(tmp_path / "config")
    mount = ("--mount", f"type=bind,source={config},target=/etc/mgit,readonly")
    patient = ("--health-timeout", "30s", "--health-start-interval", "3s")
    name = docker("run", "--detach", "--platform", PLATFORM, *mount, *patient, emulated).stdout
    container = Container(name.strip(), 0)
    try:
        assert eventually(lambda: container.health() == "healthy", PATIENCE), container.logs()
    finally:
        docker("rm", "--force", "--volumes", container.name)


def test_both_platforms_hold_the_same_files(emulated: str, image: str, tmp_path: Path) -> None:
    ours = {plain(member) for member in files_of(image, tmp_path / "native.tar")}
    members = files_of(emulated, tmp_path / "emulated.tar")
    theirs = {plain(member) for member in members}
    assert len(ours) > 1000
    assert sorted((ours ^ theirs) - LOADERS) == []
    # What the tests of the native image say of its files holds for this one too.
    assert unwanted([Entry(member.name, member.mode) for member in members]) == ""


def plain(member: tarfile.TarInfo) -> str:
    """A file's name without what tells the platform."""
    name = member.name
    for triplet in ("x86_64-linux-gnu", "aarch64-linux-gnu"):
        name = name.replace(triplet, "TRIPLET")
    return name
