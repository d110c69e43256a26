"""A real forge on loopback, a real git, a root on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.address import parse_origin
from mgit.credentials import Askpass, Credential, CredentialBook, Secret
from mgit.git.refs import RefsClient
from mgit.git.runner import GitRunner
from mgit.transport import Transport
from sandbox.forge import SandboxForge
from tests.unit.git.world import CANARY, World


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "forge", token=CANARY) as forge:
        yield forge


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def world(forge: SandboxForge, tmp_path: Path, home: Path) -> Iterator[World]:
    origin = parse_origin(forge.url)
    book = CredentialBook([Credential(origin, "x-access-token", Secret(CANARY), "test")])
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    with Askpass(book, [tmp_path / "run"]) as askpass, Transport() as transport:
        runner = GitRunner(environment=environment, book=book, askpass=askpass)
        yield World(forge, tmp_path / "root", runner, RefsClient(transport, book, runner))
