"""What people typed at mgit 0.x: rewritten, or answered with the words of today."""

from __future__ import annotations

import shlex

import pytest

from mgit.cli.parser import parse
from mgit.cli.words_of_0x import modernise
from mgit.errors import InvalidInput

REWRITTEN = [
    ("list 'acme/*/*' --provider work", "list 'acme/*/*' --source work"),
    ("list 'acme/*/*' --provider=work --limit 5", "list 'acme/*/*' --source=work --limit 5"),
    ("sync 'acme/*/*' /src --hierarchy", "sync 'acme/*/*' /src --layout forge"),
    ("sync 'acme/*/*' --provider work --dry-run", "sync 'acme/*/*' --source work --dry-run"),
    ("sync 'acme/*/*' --no-summary", "sync 'acme/*/*' --quiet"),
    ("status . --show-clean", "status . --all"),
    ("status . --fail-on-dirty", "status . --fail-on dirty,untracked,conflicted"),
    ("status . --output json", "status . --format json"),
    ("status . --output=table", "status . --format=table"),
    ("login --provider github --name work", "login work --forge github"),
    ("login --provider bitbucket --name bb --org acme", "login bb --forge bitbucket --owner acme"),
    (
        "login --provider azuredevops --name az --org https://dev.azure.com/acme",
        "login az --forge azuredevops --url https://dev.azure.com/acme",
    ),
    ("login --provider github", "login github --forge github"),
    ("config --list", "config show"),
    ("config --show work", "config show"),
    ("config --global", "config show"),
    ("-v config --list", "-v config show"),
]
UNCHANGED = [
    "sync 'acme/*/*' /src --concurrency 4 --no-progress",
    "sync 'acme/*/*' --dry-run",
    "sync /src",
    "sync",
    "list 'acme/*/*' --format json --limit 10",
    "status /src --all --fetch --concurrency 4",
    "login work --forge github --config /home/mona/mgit.toml",
    "config show --format json",
    "--version",
]
ANSWERED = [
    ("clone-all shop dest", "mgit sync '*/shop/*' --root dest"),
    ("clone-all shop dest https://dev.azure.com/acme", "mgit sync '*/shop/*' --root dest"),
    ("pull-all 'my shop' ~/src", "mgit sync '*/my shop/*' --root '~/src'"),
    ("clone-all", "mgit sync '*/PROJECT/*' --root DIR"),
    ("diff", "mgit changes --local --format jsonl"),
    ("diff ~/src --recursive", "mgit changes --local --root '~/src' --format jsonl"),
    (
        "diff . --output all.jsonl --incremental",
        "mgit changes --local --root . --format jsonl > all.jsonl",
    ),
    ("diff-remote 'acme/*/*'", "mgit changes --remote 'acme/*/*' --format jsonl"),
    (
        "diff-remote 'acme/*/*' --local-root /src --limit 5",
        "mgit changes --remote 'acme/*/*' --root /src --format jsonl",
    ),
    ("sync 'acme/*/*' --force", "--heal all"),
    ("sync 'acme/*/*' --update-mode pull", "leave --update-mode out"),
    ("login --provider github --name work --no-store", "MGIT_TOKEN_<SOURCE>"),
    ("login --config work", "mgit login work"),
    ("config --set-default work", "--source NAME"),
    ("config --remove work", "[sources.NAME]"),
]


@pytest.mark.parametrize(("typed", "meant"), REWRITTEN)
def test_a_flag_with_a_new_name_keeps_its_meaning(typed: str, meant: str) -> None:
    modern = modernise(shlex.split(typed))
    assert shlex.join(modern.arguments) == shlex.join(shlex.split(meant))
    assert modern.notes
    assert parse(modern.arguments).command in meant


@pytest.mark.parametrize("typed", UNCHANGED)
def test_what_means_the_same_today_is_left_as_it_is(typed: str) -> None:
    modern = modernise(shlex.split(typed))
    assert list(modern.arguments) == shlex.split(typed)
    assert modern.notes == ()
    parse(modern.arguments)


@pytest.mark.parametrize(("typed", "words"), ANSWERED)
def test_what_has_no_equal_is_answered_in_one_line(typed: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        modernise(shlex.split(typed))
    assert words in caught.value.advice
    assert "\n" not in caught.value.message + caught.value.advice


@pytest.mark.parametrize(
    "typed",
    [
        "login --provider github --name work --token hunter2",
        "clone-all --token hunter2 dest",
        "diff --token=hunter2",
    ],
)
def test_a_token_is_refused_first_and_not_repeated(typed: str) -> None:
    with pytest.raises(InvalidInput, match="no token on the command line") as caught:
        modernise(shlex.split(typed))
    assert "hunter2" not in caught.value.message + caught.value.advice


def test_the_command_behind_the_dashes_is_not_ours_to_rewrite() -> None:
    typed = ["run", "acme/*", "--", "git", "diff", "--output", "x", "--token", "y"]
    assert modernise(typed).arguments == tuple(typed)
