"""A laptop and a forge that story tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest) -> bool:
    """Whether the pictures of the documentation are to be renewed."""
    return bool(request.config.getoption("pictures"))


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop.new(tmp_path)


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "forge", token=CANARY) as running:
        yield running


@pytest.fixture
def work(laptop: Laptop, forge: SandboxForge) -> Laptop:
    """A laptop that is signed in to the forge, owner `acme`, by the real `mgit login`."""
    forge.add_owner("acme")
    ran = laptop.mgit(
        *("login", "work", "--forge", "github", "--url", forge.api_url, "--owner", "acme"),
        "--stdin",
        stdin=f"{CANARY}\n",
    )
    assert ran.code == 0, ran.err
    return laptop
