"""GitLab's groups and Azure DevOps' projects through the real command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "gitlab", "gitlab", token=CANARY) as running:
        running.add_repo("acme", "website")
        running.add_repo("acme/backend/tools", "lint")
        running.add_repo("umbrella", "lent")
        running.share("umbrella", "lent", "acme")
        yield running


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "azure", "azuredevops", token=CANARY) as running:
        running.add_repo("Big Project", "My Tool")
        running.add_repo("Big Project", "switched-off", disabled=True)
        yield running


def sign_in(laptop: Laptop, name: str, kind: str, url: str, *owners: str) -> None:
    named = [word for owner in owners for word in ("--owner", owner)]
    command = ("login", name, "--forge", kind, "--url", url, *named, "--stdin")
    ran = laptop.mgit(*command, stdin=f"{CANARY}\n")
    assert ran.code == 0, ran.err
    assert "mona" in ran.out + ran.err


def test_groups_in_groups_are_cloned_and_kept_current(laptop: Laptop, gitlab: SandboxForge) -> None:
    sign_in(laptop, "work", "gitlab", gitlab.url, "acme")
    assert laptop.mgit("sync").code == 0
    assert laptop.git("acme/website", "branch", "--show-current") == "main"
    heads = {
        path.relative_to(laptop.root).as_posix()
        for path in laptop.root.rglob(".git")
        if ".mgit" not in path.parts
    }
    assert len(heads) == 2  # nothing that is only shared
    (deep,) = (head.removesuffix("/.git") for head in heads if head != "acme/website/.git")
    assert "lint" in deep

    oid = gitlab.push("acme/backend/tools", "lint")
    assert laptop.mgit("sync").code == 0
    assert laptop.git(deep, "rev-parse", "HEAD") == oid


def test_spaces_old_git_and_a_disabled_repository(laptop: Laptop, azure: SandboxForge) -> None:
    sign_in(laptop, "work", "azuredevops", azure.api_url)
    ran = laptop.mgit("sync")
    assert ran.code == 0, ran.err
    (clone,) = (path.parent for path in laptop.root.rglob(".git") if ".mgit" not in path.parts)
    assert "Tool" in clone.name

    oid = azure.push("Big Project", "My Tool")
    laptop.forget_gits()
    assert laptop.mgit("sync").code == 0
    assert laptop.git(str(clone.relative_to(laptop.root)), "rev-parse", "HEAD") == oid
    azure.forget_requests()
    laptop.forget_gits()
    assert laptop.mgit("sync").code == 0
    assert laptop.gits() == []
    assert CANARY not in "".join(request.path for request in azure.requests)


def test_an_expired_token_is_told_as_such(laptop: Laptop, azure: SandboxForge) -> None:
    sign_in(laptop, "work", "azuredevops", azure.api_url)
    azure.token = "another"
    ran = laptop.mgit("sync")
    assert ran.code == 3
    assert "mgit login work" in ran.err
    assert CANARY not in ran.out + ran.err
