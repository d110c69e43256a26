"""Troubleshooting: what it says that mgit says is in the code, each exit code is on the page."""

from __future__ import annotations

import re

import pytest

from handbook.reference.messages import messages, tidy
from mgit.errors import ExitCode
from mgit.git.words import failure
from tests.story.laptop import REPOSITORY

PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text("utf-8")
_SECTION = re.compile(r"^## Exit (\d+).*?\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^### `(.+)`$", re.MULTILINE)
_GIT = re.compile(r"^\| `([^`]+)`(?: \(exit (\d)\))? \| ", re.MULTILINE)
# Words that no error holds: an outcome, and what stands at the end of an interrupted run.
_ELSEWHERE = ("upstream shows no refs", "interrupted; nothing is half made")


def entries() -> list[tuple[str, int]]:
    return [
        (words, int(code))
        for code, text in _SECTION.findall(PAGE)
        for words in _HEADING.findall(text)
    ]


def git_said() -> list[tuple[str, int]]:
    table = PAGE.partition("| git says |")[2].partition("\n\n")[0]
    return [(words, int(code or 1)) for words, code in _GIT.findall(table)]


def test_every_exit_code_is_on_the_page() -> None:
    assert {code for _, code in entries()} == {int(code) for code in ExitCode if code}


@pytest.mark.parametrize(("words", "code"), entries())
def test_mgit_says_so_and_ends_like_that(words: str, code: int) -> None:
    if words in _ELSEWHERE:
        sources = (REPOSITORY / "mgit").rglob("*.py")
        assert any(words in file.read_text("utf-8") for file in sources)
        return
    known = {(tidy(one.words).rstrip("…"), int(one.code)) for one in messages()}
    said = {(told, of) for told, of in known if told == words.rstrip("…")}
    assert said, f"no error of the code says {words!r}"
    assert {of for _, of in said} == {code}


@pytest.mark.parametrize(("words", "code"), git_said())
def test_what_git_says_is_understood(words: str, code: int) -> None:
    error = failure("git fetch", f"fatal: {words}", 128)
    assert int(error.exit_code) == code
    assert error.advice
    if code == 1:
        assert not error.advice.startswith("run the same git command")


def test_there_are_enough_to_be_of_use() -> None:
    assert len(entries()) >= 35
    assert len(git_said()) == 10
