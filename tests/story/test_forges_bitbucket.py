"""Bitbucket, Cloud and Data Center, through the real command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "cloud", "bitbucket", token=CANARY) as running:
        running.add_repo("acme", "website")
        yield running


@pytest.fixture
def center(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "center", "bitbucket-datacenter", token=CANARY) as running:
        running.add_repo("PLAT", "engine")
        running.add_repo("PLAT", "old", archived=True)
        running.add_repo("PLAT", "moving", disabled=True)
        yield running


def sign_in(laptop: Laptop, kind: str, url: str, *more: str) -> None:
    command = ("login", "work", "--forge", kind, "--url", url, *more, "--stdin")
    ran = laptop.mgit(*command, stdin=f"{CANARY}\n")
    assert ran.code == 0, ran.err
    assert "mona" in ran.err


@pytest.mark.parametrize("user", [(), ("--user", "mona@example.com")])
def test_both_kinds_of_token_list_clone_and_fetch(
    laptop: Laptop, cloud: SandboxForge, user: tuple[str, ...]
) -> None:
    sign_in(laptop, "bitbucket", cloud.url, "--owner", "acme", *user)
    assert ('user = "mona@example.com"' in laptop.config_file.read_text()) == bool(user)
    ran = laptop.mgit("sync")
    assert ran.code == 0, ran.err
    oid = cloud.push("acme", "website")
    assert laptop.mgit("sync").code == 0
    assert laptop.git("acme/website", "rev-parse", "HEAD") == oid
    config = (laptop.root / "acme/website/.git/config").read_text()
    assert "@" not in config
    assert CANARY not in config


def test_a_user_without_an_at_is_told_what_is_wanted(laptop: Laptop, cloud: SandboxForge) -> None:
    cloud.fail_next("/2.0/user", 401, {"Content-Type": "application/json"}, b"{}")
    command = ("login", "work", "--forge", "bitbucket", "--url", cloud.url, "--user", "mona")
    ran = laptop.mgit(*command, "--stdin", stdin=f"{CANARY}\n")
    assert ran.code == 3
    assert "e-mail as `user`" in ran.err
    assert not laptop.config_file.exists()


def test_data_center_keeps_what_is_archived_and_leaves_what_is_offline(
    laptop: Laptop, center: SandboxForge
) -> None:
    sign_in(laptop, "bitbucket-datacenter", center.url, "--owner", "PLAT")
    ran = laptop.mgit("sync")
    assert ran.code == 0, ran.err
    assert laptop.git("PLAT/engine", "branch", "--show-current") == "main"
    assert (laptop.root / "PLAT/old").is_dir()
    assert not (laptop.root / "PLAT/moving").exists()
    assert "offline on the forge" in laptop.mgit("list", "--format", "json").out


def test_a_wiki_is_kept_beside_its_repository(laptop: Laptop, cloud: SandboxForge) -> None:
    cloud.add_repo("acme", "handbook", wiki=True)
    sign_in(laptop, "bitbucket", cloud.url, "--owner", "acme")
    ran = laptop.mgit("sync", "--wikis")
    assert ran.code == 0, ran.err
    assert laptop.git("acme/handbook.wiki", "branch", "--show-current") == "master"
    config = (laptop.root / "acme/handbook.wiki/.git/config").read_text()
    assert "handbook.git/wiki" in config
