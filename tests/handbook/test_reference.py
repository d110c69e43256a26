"""Generated pages are as the code says, and the code says enough of itself."""

from __future__ import annotations

import re

import pytest

from handbook.reference.commands import page as commands_page
from handbook.reference.configuration import options_of, type_of
from handbook.reference.messages import messages, tidy
from handbook.reference.pages import outdated
from mgit.cli.grammar import COMMANDS
from mgit.config.keys import GLOBAL_KEYS, SELECTION_KEYS, SOURCE_KEYS, Key
from mgit.errors import ExitCode
from tests.story.laptop import REPOSITORY

PAGE = (REPOSITORY / "docs" / "reference" / "configuration.md").read_text("utf-8")
KEYS = (*GLOBAL_KEYS, *SOURCE_KEYS, *SELECTION_KEYS)


def test_the_generated_pages_are_up_to_date() -> None:
    assert list(outdated()) == [], "run `python -m handbook.reference`"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_says_what_it_is_and_what_it_must_be(key: Key[object]) -> None:
    assert key.about
    assert type_of(key)
    assert re.fullmatch(r"\d+\.\d+\.\d+", key.since)
    assert f"\n| `{key.name}` | {key.about} |" in PAGE.partition(f"## [{key.table}")[2]


def test_a_key_with_an_option_names_the_commands_that_have_it() -> None:
    assert options_of("defaults.layout") == "`--layout` (sync)"
    assert options_of("defaults.heal") == "`--heal` (sync)"
    assert options_of("defaults.rewritten") == ""


def test_every_command_has_a_section_with_its_options() -> None:
    text = commands_page()
    assert [name for name in COMMANDS if f"\n## mgit {name}\n" not in text] == []
    assert "`--dry-run, -n`" in text
    assert "--no-lfs" not in text, "what the help keeps to itself"


def test_messages_are_read_from_the_code_with_their_advice() -> None:
    found = {tidy(one.words): one for one in messages()}
    busy = found["another mgit (pid …) works on ROOT"]
    assert busy.code is ExitCode.SOME_FAILED
    assert busy.advice == "wait for it to end; a git that it left behind also counts"
    assert {one.code for one in messages()} == {ExitCode(code) for code in (1, 2, 3, 4)}
    assert len(messages()) > 250
