"""The image of this tree, built once for all tests and workers, and containers that go away."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.image.box import HARDENED, Container, docker, free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of the native image, built from the wheel of this tree."""
    from pipeline.artifacts.image import build_image

    shared = tmp_path_factory.getbasetemp()
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run:
        shared = shared.parent
    tag = f"mgit:test-{(run or uuid.uuid4().hex)[:12]}"
    users = shared / "image-users"
    with (shared / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if docker("image", "inspect", tag, check=False).returncode:
            build_image(ROOT, tag)
        users.write_text(str(int(users.read_text() if users.exists() else "0") + 1))
    yield tag
    with (shared / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left = int(users.read_text()) - 1
        users.write_text(str(left))
        if left == 0:
            docker("image", "rm", "--force", tag, check=False)


class Start(Protocol):
    def __call__(self, config: Path, *more: str | Path) -> Container: ...


@pytest.fixture
def start(image: str) -> Iterator[Start]:
    """Starts `mgit serve`, hardened, on the host's network at a free port."""
    names: list[str] = []

    def begin(config: Path, *more: str | Path) -> Container:
        port, name = free_port(), f"mgit-test-{uuid.uuid4().hex[:12]}"
        names.append(name)
        docker(
            *("run", "--detach", "--name", name, "--network", "host", *HARDENED),
            *("--mount", f"type=bind,source={config},target=/etc/mgit,readonly"),
            *("--env", f"MGIT_LISTEN=127.0.0.1:{port}", *more, image),
        )
        return Container(name, port)

    yield begin
    for name in names:
        docker("rm", "--force", "--volumes", name, check=False)
