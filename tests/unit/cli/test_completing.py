"""Completion without a shell: what fits where, and how a half-typed line is read."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.cli.completing import answer, candidates, shorten
from mgit.cli.grammar import COMMANDS, EXAMPLES
from mgit.cli.knowledge import STATE_FILE
from mgit.cli.parser import parse
from mgit.cli.shellwords import Last, for_bash, split_line
from mgit.fleet import wiring


class Known:
    """A small world."""

    def sources(self) -> Iterable[str]:
        return ("work", "home")

    def selections(self) -> Iterable[str]:
        return ("backend",)

    def repositories(self, source: str = "") -> Iterable[str]:
        return () if source == "home" else ("acme/api", "acme/My Shop/web", "Labs/model")

    def topics(self) -> Iterable[str]:
        return ("db",)

    def languages(self) -> Iterable[str]:
        return ("Go",)

    def runs(self) -> Iterable[tuple[str, str]]:
        return (("3f9a52d1c0de7788", "2026-11-28 08:30, code 0"),)


@pytest.mark.parametrize(
    ("words", "current", "values"),
    [
        ([], "sy", ["sync"]),
        (["--quiet"], "do", ["doctor"]),
        (["--config", "x"], "do", ["doctor"]),
        (["sync"], "labs", ["Labs/model"]),
        (["sync"], "@", ["@backend"]),
        (["sync"], "!@", ["!@backend"]),
        (["sync"], "!ac", ["!acme/My Shop/web", "!acme/api"]),
        (["sync"], "work:acme/a", ["work:acme/api"]),
        (["sync"], "home:", []),
        (["sync", "--source"], "", ["work", "home"]),
        (["sync", "--filter"], "lang", ["language=", "language=Go"]),
        (["sync", "--filter"], "topic=d", ["topic=db"]),
        (["sync", "--layout=flat"], "--gone=d", ["--gone=delete"]),
        (["sync"], "--acknow", ["--acknowledge-gone"]),
        (["status", "--fail-on"], "dirty,unp", ["dirty,unpushed"]),
        (["login", "--forge"], "git", ["github", "gitlab", "gitea"]),
        (["audit"], "ta", ["tail"]),
        (["perf", "--run"], "3f", ["3f9a52d1c0de7788"]),
        (
            ["audit", "tail", "--action"],
            "credential-",
            [
                "credential-stored",
                "credential-used",
                "credential-rotated",
                "credential-expiring",
                "credential-refused",
            ],
        ),
        (["audit", "verify"], "", []),
        (["completion"], "", ["bash", "zsh", "fish"]),
        (["completion", "zsh"], "", []),
        (["run", "acme/*", "--"], "gi", []),
        (["sync"], "./", []),
        (["unknown"], "", []),
    ],
)
def test_what_fits(words: list[str], current: str, values: list[str]) -> None:
    assert [one.value for one in candidates(words, current, Known())] == values


def test_of_very_many_names_only_the_next_part_is_offered() -> None:
    names = [f"org-{number % 3}/repo-{number}" for number in range(300)]
    assert shorten(names, "") == ["org-0/", "org-1/", "org-2/"]
    assert len(shorten(names, "org-0/")) == 100
    assert shorten(names, "ORG-0/repo-12") == [
        *("org-0/repo-12", "org-0/repo-120", "org-0/repo-123", "org-0/repo-126", "org-0/repo-129")
    ]


@pytest.mark.parametrize(
    ("line", "words", "last"),
    [
        ("mgit ", ["mgit"], Last("", "")),
        ("mgit sync ac", ["mgit", "sync"], Last("ac", "")),
        ("mgit sync 'ac me", ["mgit", "sync"], Last("ac me", "'")),
        ('mgit sync "a\\"b', ["mgit", "sync"], Last('a"b', '"')),
        ("mgit sync a\\ b", ["mgit", "sync"], Last("a b", "")),
        ("mgit sync 'x' ''", ["mgit", "sync", "x"], Last("", "")),
        ("", [], Last("", "")),
    ],
)
def test_a_line_that_is_still_being_typed(line: str, words: list[str], last: Last) -> None:
    assert split_line(line) == (words, last)


@given(st.lists(st.text(), min_size=1))
def test_whole_words_are_read_as_a_shell_reads_them(words: list[str]) -> None:
    line = " ".join(shlex.quote(word) for word in words)
    assert split_line(f"{line} ") == (words, Last("", ""))


@given(st.text(min_size=1))
def test_what_bash_gets_unquoted_is_the_word_again(word: str) -> None:
    quoted = for_bash(word, Last("", ""), ":=@")
    if "\n" not in word:  # never offered: it is left out as unsafe
        assert shlex.split(quoted, comments=False) == [word]


def test_bash_keeps_what_is_before_its_break() -> None:
    assert for_bash("work:acme/My Shop", Last("work:ac", ""), ":=@") == "acme/My\\ Shop"
    assert for_bash("work:acme/api", Last("work:ac", "'"), ":=@") == "work:acme/api"
    assert for_bash("work:acme/api", Last("work:ac", ""), "") == "work:acme/api"


def test_a_hostile_name_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hostile(Known):
        def repositories(self, source: str = "") -> Iterable[str]:
            return ("acme/\x1b[2Jx", "acme/two\nlines", "acme/fine")

    monkeypatch.setattr("mgit.cli.completing.remembered", lambda words: Hostile())
    assert answer(["words", "sync", "acme"]) == "acme/fine\t\n"
    assert answer(["nonsense"]) == ""
    assert answer([]) == ""


def test_the_state_is_looked_for_where_the_fleet_keeps_it() -> None:
    assert STATE_FILE == wiring.STATE_FILE


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_two_examples_that_can_be_typed(command: str) -> None:
    assert len(EXAMPLES[command]) >= 2
    for example in EXAMPLES[command]:
        typed = example.replace("source <(", "").replace(")", "") if "<(" in example else example
        words = shlex.split(typed.partition("  #")[0])[1:]
        for mark in ("<", ">"):
            words = words[: words.index(mark)] if mark in words else words
        assert parse(words).command == command


@pytest.mark.parametrize("command", [*COMMANDS, ""])
def test_help_shows_examples_and_fits_a_narrow_terminal(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        parse([*([command] if command else []), "--help"])
    out = capsys.readouterr().out
    assert "examples:" in out or not command
    assert max(len(line) for line in out.splitlines()) <= 78
