"""What the commands refuse before they look at any repository, each with what to do instead."""

from __future__ import annotations

import io
from dataclasses import replace
from importlib import import_module
from pathlib import Path, PurePath

import pytest

from mgit.cli.checks import check_account, check_folder, check_git
from mgit.cli.commands.run import _command, _one_root
from mgit.cli.commands.sync import _inside, _only_there, _place
from mgit.cli.completing import candidates
from mgit.cli.console import Console
from mgit.cli.pace import Pace, left_words, rate_words
from mgit.cli.parser import parse, parser_of
from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.errors import GitError, InvalidInput
from mgit.forges.interface import Account
from mgit.model import Plan


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("config", "show", "FILE"), "takes no FILE"),
        (("config", "check", "--dry-run"), "takes no FILE and no --dry-run"),
        (("login", "new-one"), "nothing says which forge it is"),
        (("login", "new-one", "--forge", "githb"), "did you mean github"),
        (("login", "github", "--url", "ftp://x"), "--url must be"),
        (("changes", "--since", "soon"), "--since"),
    ],
)
def test_words_that_make_no_sense(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    console = Console(io.StringIO(), io.StringIO())
    config = tmp_path / "config.toml"
    config.write_text("version = 1\n")
    options = parse(["--config", str(config), *words])
    command = import_module(f"mgit.cli.commands.{words[0]}")
    with pytest.raises(InvalidInput, match=says) as refused:
        command.run(options, console)
    assert refused.value.advice


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "--shell", "ls", "--", "ls"), "one is possible"),
        (("run", "--shell", "  "), "empty line"),
        (("run", "acme/*"), "does not know what to run"),
    ],
)
def test_a_command_that_is_none_or_two(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        _command(parse(words))
    assert _command(parse(["run", "--", "git", "gc"])) == ("git", "gc")
    assert _command(parse(["run", "--shell", "git gc"])) == ("git gc",)


def test_two_roots_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="one is possible"):
        _one_root("/src", "/other")
    with pytest.raises(InvalidInput, match="one is possible"):
        _place("/src", tmp_path, ())
    assert _place(None, tmp_path, ("acme/*",)).root == str(tmp_path)
    assert _place("/src", None, ()).root == "/src"


def test_a_folder_without_clones_is_told_apart_from_one_that_is_not_there(tmp_path: Path) -> None:
    home = Environment({"HOME": str(tmp_path)})
    settings = replace(load_settings(environment=home), root=tmp_path)
    with pytest.raises(InvalidInput, match="there is no folder"):
        _inside(settings, tmp_path / "nowhere")
    (tmp_path / "acme").mkdir()
    assert _inside(settings, tmp_path / "acme")[1] == PurePath("acme")
    with pytest.raises(InvalidInput, match="there is no clone in"):
        _only_there(Plan(()), PurePath("acme"), tmp_path / "acme")


class _Says:
    """A runner whose git says one thing."""

    def __init__(self, text: str) -> None:
        self._text = text

    def run(self, args: list[str], cwd: Path) -> object:
        if not self._text:
            raise GitError("git cannot be started: No such file or directory")
        return type("Result", (), {"stdout": self._text.encode()})


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("git version 2.47.3\n", "git 2.47.3"),
        ("git version 1.8.3.1\n", "git 1.8.3 is older than"),
        ("hello\n", "git does not say its version"),
        ("", "git cannot be started"),
    ],
)
def test_which_git_there_is(said: str, message: str) -> None:
    assert check_git(_Says(said)).message.startswith(message)  # type: ignore[arg-type]


def test_a_folder_that_is_none_or_cannot_be_written(tmp_path: Path) -> None:
    assert "GiB free" in check_folder("root", tmp_path / "new" / "deep").message
    (tmp_path / "file").touch()
    assert "is not a folder" in check_folder("root", tmp_path / "file" / "x").message
    assert "cannot be written" in check_folder("root", Path("/proc/nothing")).message


def test_a_token_that_ends_and_a_clock_that_is_wrong() -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    account = Account("mona", expires=now + timedelta(days=2), server_time=now)
    soon = timedelta(days=14)
    (check,) = check_account("source work", account, now, soon, "make a new one")
    assert check.message == "its token expires on 2026-02-02"
    for seconds, words in ((-600, "600 s ahead of"), (600, "600 s behind")):
        skewed = Account("mona", server_time=now + timedelta(seconds=seconds))
        (check,) = check_account("source work", skewed, now, soon, "")
        assert words in check.message


def test_a_pace_is_told_when_it_is_no_guess_any_more() -> None:
    pace = Pace(window=10.0)
    assert pace.rate(0.0) is None
    for second in range(40):
        pace.mark(float(second), second * 4)
        pace.mark(second + 0.01, second * 4)
    rate = pace.rate(39.0)
    assert rate is not None
    assert 3.5 < rate < 4.5
    assert pace.left(39.0, 156) == 0
    assert rate_words(35.2) == "35/s"
    assert rate_words(2.5) == "2.5/s"
    assert rate_words(0.1) == "6/min"
    assert left_words(8.2) == "9 s left"
    assert left_words(150) == "3 min left"
    assert left_words(7300) == "2 h 2 min left"


class _Nothing:
    """Nothing is known: no configuration, no state."""

    def sources(self) -> tuple[str, ...]:
        return ()

    selections = sources
    topics = sources
    languages = sources

    def repositories(self, source: str = "") -> tuple[str, ...]:
        return ()


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["audit", ""], {"verify", "tail", "export"}),
        (["audit", "tail", ""], set()),
        (["sync", "./"], set()),
        (["--config", ""], set()),
        (["nonsense", ""], set()),
        (["config", "s"], {"show"}),
    ],
)
def test_completion_where_nothing_is_known(words: list[str], some: set[str]) -> None:
    fitting = candidates(words[:-1], words[-1], _Nothing())  # type: ignore[arg-type]
    found = {candidate.value for candidate in fitting}
    assert some <= found
    assert found or not some


def test_every_command_has_a_parser_of_its_own() -> None:
    for word in ("sync", "audit", "config", "login"):
        assert parser_of(word).prog.endswith(word)
