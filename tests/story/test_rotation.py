"""A token is replaced while `mgit serve` runs: nobody restarts it, and nobody is locked out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.telemetry import verify_audit
from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop
from tests.story.test_serve_daemon import PATIENCE, Start, start, state_folder

__all__ = ["start"]  # the fixture

OLD, NEW = "old-token-1f0c9a", "new-token-77b2e4"


class TokenFile:
    """A token as a platform mounts it: replaced in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, token: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.new")
        aside.write_text(f"{token}\n")
        aside.chmod(0o600)
        aside.replace(self.path)


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "forge", token=OLD) as running:
        running.add_owner("acme")
        yield running


@pytest.fixture
def token(laptop: Laptop) -> TokenFile:
    file = TokenFile(laptop.home / "token")
    file.put(OLD)
    return file


@pytest.fixture
def work(laptop: Laptop, forge: SandboxForge, token: TokenFile) -> Laptop:
    """A laptop whose source `work` has its token in a file."""
    laptop.configure(
        "[defaults]\nconcurrency = 1\n\n"
        f'[sources.work]\nforge = "github"\nurl = "{forge.api_url}"\nowners = ["acme"]\n'
        f'token_file = "{token.path}"\n'
    )
    return laptop


def refused(forge: SandboxForge) -> int:
    """How many requests came with a token that the forge does not take."""
    return sum(one.sent_credential and not one.authorised for one in forge.requests)


def actions(laptop: Laptop) -> list[str]:
    path = state_folder(laptop) / "audit.jsonl"
    assert verify_audit(path).problem == ""
    return [json.loads(line)["event"]["action"] for line in path.read_text().splitlines()]


@pytest.mark.fault("a token that is replaced while mgit runs")
def test_the_next_pass_takes_the_new_token(
    start: Start, work: Laptop, forge: SandboxForge, token: TokenFile
) -> None:
    forge.add_repo("acme", "one")
    service = start(MGIT_INTERVAL="1s")
    assert service.wait_for("run.ended")["exit_code"] == 0
    with forge.hold("/api/*") as held:  # between two passes, as far as the forge can tell
        assert held.arrived.wait(PATIENCE)
        token.put(NEW)
        forge.token = NEW
    forge.add_repo("acme", "two")
    service.wait_for("repo.cloned", repo="acme/two")
    assert service.wait_for("run.ended")["exit_code"] == 0
    assert service.end() == 0
    assert OLD not in "".join(service.raw)
    assert NEW not in "".join(service.raw)


@pytest.mark.fault("a token that is replaced while mgit runs")
def test_a_token_refused_in_the_middle_of_a_pass_is_read_again_and_the_pass_goes_on(
    start: Start, work: Laptop, forge: SandboxForge, token: TokenFile
) -> None:
    forge.add_repos("acme", 4)
    with forge.hold("*/git-upload-pack") as held:
        service = start(MGIT_LOG_LEVEL="debug")
        assert held.arrived.wait(PATIENCE)  # the first clone has begun
        token.put(NEW)
        forge.token = NEW
    rotated = service.wait_for("credential.rotated")
    assert rotated["source"] == "work"
    assert rotated["found_in"] == f"file {token.path}"
    assert service.wait_for("run.ended")["exit_code"] == 0
    assert len(list((work.root / "acme").iterdir())) == 4
    assert 1 <= refused(forge) <= 4
    assert service.metrics().get(("mgit_source_problems_total", "credential", "work"), 0) == 0
    assert service.end() == 0
    assert "credential-rotated" in actions(work)
    assert "credential-refused" not in actions(work)


@pytest.mark.fault("a token that expired")
def test_a_token_that_is_refused_and_stays_is_left_alone_and_others_go_on(
    start: Start, work: Laptop, forge: SandboxForge, token: TokenFile, tmp_path: Path
) -> None:
    forge.add_repos("acme", 12)
    with SandboxForge(tmp_path / "second", token="another-one") as second:
        second.add_repos("labs", 3)
        text = work.config_file.read_text()
        text += f'\n[sources.labs]\nforge = "github"\nurl = "{second.api_url}"\nowners = ["labs"]\n'
        work.config_file.write_text(text)
        with forge.hold("*/acme/*/git-upload-pack") as held:
            service = start(MGIT_TOKEN_LABS="another-one")
            assert held.arrived.wait(PATIENCE)
            forge.token = "nobody-has-this-one"
        told = service.wait_for("credential.refused")
        assert told["source"] == "work"
        assert "mgit login work" in str(told["advice"])
        assert service.wait_for("run.ended")["exit_code"] == 3
        assert len(list((work.root / "labs").iterdir())) == 3
        # Twelve repositories, and not twelve refusals: one clone, one question to the forge.
        assert 1 <= refused(forge) <= 4
        assert refused(second) == 0
        metrics = service.metrics()
        assert metrics["mgit_source_problems_total", "credential", "work"] == 1
        assert service.end() == 0
    assert "credential-refused" in actions(work)


@pytest.mark.fault("a token that expired")
def test_a_token_that_stays_refused_costs_one_request_a_pass(
    start: Start, work: Laptop, forge: SandboxForge, token: TokenFile
) -> None:
    forge.add_repos("acme", 3)
    forge.token = "nobody-has-this-one"
    service = start(MGIT_INTERVAL="1s")
    for _ in range(2):
        assert service.wait_for("run.ended")["exit_code"] == 3
    assert service.end() == 0
    passes = sum(one["event"] == "run.started" for one in service.said)
    assert refused(forge) <= passes
