"""The service in its container: quick, hardened, and able to do its work."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.image.box import (
    Container,
    docker,
    empty_configuration,
    eventually,
    mirroring_configuration,
)
from tests.image.conftest import Start

pytestmark = [pytest.mark.engine, pytest.mark.slow]

CANARY = "canary-5d1f0c7e-container-token"
UID = 65532


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "forge", "gitea", token=CANARY) as running:
        for number in range(5):
            running.add_repo("acme", f"tool-{number}", commits=3)
        yield running


@pytest.fixture
def mirror(forge: SandboxForge, tmp_path: Path, start: Start) -> Container:
    """A container that mirrors the forge, with its token in a file."""
    config, secrets = mirroring_configuration(tmp_path, forge.api_url, CANARY)
    container = start(
        config,
        *("--mount", f"type=bind,source={secrets},target=/run/secrets,readonly"),
        *("--env", "MGIT_TOKEN_FORGE_FILE=/run/secrets/forge"),
    )
    assert container.is_ready(), container.logs()
    return container


def test_livez_answers_within_100_ms(tmp_path: Path, start: Start) -> None:
    container = start(empty_configuration(tmp_path / "config"))
    assert container.is_ready(), container.logs()
    taken = []
    for _ in range(20):
        begin = time.perf_counter()
        assert container.get("/livez") == 200
        taken.append(time.perf_counter() - begin)
    print(f"/livez: best {min(taken) * 1000:.1f} ms of {len(taken)}")
    assert min(taken) < 0.1


def test_it_runs_as_hardened_as_it_was_started(tmp_path: Path, start: Start) -> None:
    container = start(empty_configuration(tmp_path / "config"))
    assert container.is_ready(), container.logs()
    code = """
import os, pathlib
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
print(status["Uid"].split()[0], status["CapEff"].strip(), status["NoNewPrivs"].strip())
try:
    pathlib.Path("/usr/planted").touch()
except OSError as error:
    print(error.strerror)
"""
    said = container.runs("/usr/bin/python3", "-I", "-c", code)
    assert said.stdout.splitlines() == [f"{UID} {0:016x} 1", "Read-only file system"], said.stderr


def test_it_mirrors_real_repositories(mirror: Container, forge: SandboxForge) -> None:
    wanted = 'mgit_syncs_total{outcome="cloned",reason="",source="forge"} 5.0'
    assert eventually(lambda: wanted in mirror.page("/metrics")), mirror.logs()
    for number in range(5):
        (folder,) = _folders(mirror, f"tool-{number}")
        said = mirror.runs("git", "--git-dir", folder, "rev-parse", "refs/heads/main")
        assert said.stdout.strip() == _head(forge, f"tool-{number}"), said.stderr
        assert mirror.runs("git", "--git-dir", folder, "fsck", "--strict").returncode == 0


def test_the_token_is_found_nowhere(mirror: Container, image: str) -> None:
    assert eventually(lambda: "} 5.0" in mirror.page("/metrics")), mirror.logs()
    assert CANARY not in mirror.logs()
    assert CANARY not in docker("inspect", mirror.name, image).stdout
    assert CANARY not in mirror.page("/metrics")
    for words in (("cp", f"{mirror.name}:/data", "-"), ("export", mirror.name)):
        raw = subprocess.run(["docker", *words], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
            for member in tar:
                body = tar.extractfile(member) if member.isfile() else None
                assert CANARY.encode() not in (body.read() if body else b""), member.name


def test_the_health_check_of_the_image_sees_it(tmp_path: Path, image: str) -> None:
    config = empty_configuration(tmp_path / "config")
    mount = ("--mount", f"type=bind,source={config},target=/etc/mgit,readonly")
    quick = ("--health-start-interval", "1s", "--health-start-period", "30s")
    name = docker("run", "--detach", *mount, *quick, image).stdout.strip()
    try:
        container = Container(name, 0)
        assert eventually(lambda: container.health() == "healthy"), container.inspect()["State"]
    finally:
        docker("rm", "--force", "--volumes", name)


def test_the_health_command_is_cheap_and_right(tmp_path: Path, start: Start) -> None:
    container = start(empty_configuration(tmp_path / "config"))
    assert container.is_ready(), container.logs()
    check = container.inspect()["Config"]["Healthcheck"]["Test"]
    assert check[:4] == ["CMD", "/usr/bin/python3", "-I", "-S"]
    well = container.runs(*check[1:5], f"127.0.0.1:{container.port}")
    assert well.returncode == 0, well.stderr
    assert container.runs(*check[1:5], "127.0.0.1:1").returncode == 1


def test_it_ends_cleanly_when_it_is_told_to(tmp_path: Path, start: Start) -> None:
    container = start(empty_configuration(tmp_path / "config"))
    assert container.is_ready(), container.logs()
    docker("stop", "--time", "15", container.name)
    assert container.inspect()["State"]["ExitCode"] == 0, container.logs()


def _folders(container: Container, name: str) -> list[str]:
    code = f"import pathlib; print(*pathlib.Path('/data').glob('acme/{name}*'), sep=chr(10))"
    return container.runs("/usr/bin/python3", "-I", "-c", code).stdout.split()


def _head(forge: SandboxForge, name: str) -> str:
    auth = forge.url.replace("http://", f"http://any:{CANARY}@")
    said = subprocess.run(
        ["git", "ls-remote", f"{auth}/acme/{name}.git", "refs/heads/main"],
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.split()[0]
