"""Every git knows for whom it works."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mgit.address import Origin
from mgit.credentials import Credential, CredentialBook, Secret
from mgit.git.runner import GitRunner
from mgit.git.session import Session
from tests.unit.git.test_runner import fake_git
from tests.unit.git.world import CANARY

PATH = {"PATH": os.environ["PATH"]}
SAID = "GIT_TRACE2_PARENT_SID"


def seen(runner: GitRunner, folder: Path) -> str:
    lines = runner.run(["any"], cwd=folder).stdout.decode().splitlines()
    return next((one.partition("=")[2] for one in lines if one.startswith(f"{SAID}=")), "")


def test_a_git_is_told_the_run_and_the_request(tmp_path: Path) -> None:
    session = Session("51aa51aa51aa51aa")
    runner = GitRunner(fake_git(tmp_path / "bin", "env"), environment=PATH, session=session)
    assert seen(runner, tmp_path) == "mgit-51aa51aa51aa51aa"
    with session.answering("7d0c-1"):
        assert seen(runner, tmp_path) == "mgit-51aa51aa51aa51aa/7d0c-1"
        others: list[str] = []
        thread = threading.Thread(target=lambda: others.append(session.sid))
        thread.start()
        thread.join()
        assert others == ["mgit-51aa51aa51aa51aa"]
    assert session.sid == "mgit-51aa51aa51aa51aa"


def test_without_a_run_a_git_is_told_nothing_not_even_what_mgit_was_told(tmp_path: Path) -> None:
    runner = GitRunner(fake_git(tmp_path / "bin", "env"), environment={**PATH, SAID: "outer"})
    assert seen(runner, tmp_path) == ""


@pytest.mark.parametrize("odd", ["a b", "a/b", "x" * 65, "größe", "a\n", ""])
def test_an_id_that_is_no_plain_word_is_left_out(odd: str) -> None:
    session = Session("51aa")
    with session.answering(odd):
        assert session.sid == "mgit-51aa"


def test_a_request_that_calls_itself_by_a_secret_is_not_handed_on(tmp_path: Path) -> None:
    book = CredentialBook([Credential(Origin("https", "h.example", 443), "x", Secret(CANARY), "t")])
    session = Session("51aa")
    git = fake_git(tmp_path / "bin", "env")
    runner = GitRunner(git, environment=PATH, book=book, session=session)
    with session.answering(CANARY):
        assert seen(runner, tmp_path) == ""
