"""Bad input: one line that says what to do, exit code 2, and nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.story.laptop import Laptop, Ran

SOUND = '[sources.work]\nforge = "github"\nowners = ["acme"]\n'


def _files(laptop: Laptop) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in laptop.home.rglob("*") if path.is_file()}


def _is_told(ran: Ran, *words: str) -> None:
    assert ran.code == 2, (ran.out, ran.err)
    assert ran.out == ""
    assert all(word in ran.err for word in words), ran.err
    lines = ran.err.splitlines()
    assert 1 <= len(lines) <= 2
    assert all(line.startswith("mgit: ") for line in lines)
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("snyc",), ("did you mean sync?",)),
        (("sync", "--dryrun"), ("--dryrun", "mgit sync --help")),
        (("sync", "--concurrency", "many"), ("--concurrency", "a whole number from 1 to 64")),
        (("sync", "--concurrency", "0"), ("a whole number from 1 to 64",)),
        (("sync", "--kind", "bare"), ("one of worktree, mirror",)),
        (("sync", "--layout", "tree"), ("one of flat, owner, forge",)),
        (("sync", "--source", "wrok"), ("did you mean work?",)),
        (("sync", "a//b"), ("empty part",)),
        (("list", ""), ("pattern",)),
        (("list", "../etc"), ("pattern",)),
        (("list", "--format", "yaml"), ("--format", "not one of the choices")),
        (("status", "--fail-on", "dirt"), ("did you mean dirty?",)),
        (("status", "nowhere"), ("there is no folder",)),
        (("config",), ("action",)),
        (("health", "--url", "8080"), ("HOST:PORT",)),
        (("serve", "--interval", "often"), ("--interval", "a duration")),
        (("serve", "--listen", "8080"), ("--listen", "HOST:PORT")),
        (("login", "work", "--forge", "gitlab"), ("work",)),
        (("--config", "absent.toml", "list"), ("absent.toml", "--config")),
        ((), ("no command",)),
    ],
)
def test_a_wrong_command_line(
    laptop: Laptop, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    laptop.configure(SOUND)
    before = _files(laptop)
    _is_told(laptop.mgit(*arguments), *words)
    assert _files(laptop) == before


@pytest.mark.parametrize("command", ["list", "sync", "serve"])
def test_without_a_configuration_the_first_step_is_named(laptop: Laptop, command: str) -> None:
    before = _files(laptop)
    _is_told(laptop.mgit(command), "no source is configured", "mgit login")
    assert _files(laptop) == before


def test_a_broken_configuration_names_file_key_and_guess(laptop: Laptop) -> None:
    laptop.configure(SOUND + 'ownrs = ["x"]\n')
    ran = laptop.mgit("list")
    _is_told(ran, str(laptop.config_file), "ownrs", "did you mean owners?")


def test_an_unquoted_star_is_recognised(laptop: Laptop, tmp_path: Path) -> None:
    laptop.configure(SOUND)
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("letter.txt", "notes.md", "tax"):
        (folder / name).touch()
    expanded = sorted(path.name for path in folder.iterdir())
    ran = laptop.mgit("sync", *expanded, cwd=folder)
    _is_told(ran, "quote the pattern", "'*'")


def test_help_and_version_need_nothing(laptop: Laptop) -> None:
    version = laptop.mgit("--version")
    assert (version.code, version.out.split()[0]) == (0, "mgit")
    assert laptop.mgit("-V", "--no-color").out == version.out
    assert "sync" in laptop.mgit("--help").out
    assert "--dry-run" in laptop.mgit("sync", "--help").out


def test_health_asks_what_the_configuration_says_and_finds_nobody(laptop: Laptop) -> None:
    laptop.configure(SOUND + '[serve]\nlisten = "127.0.0.1:1"\n')
    ran = laptop.mgit("health")
    assert ran.code == 1
    assert "127.0.0.1:1 does not answer" in ran.err
