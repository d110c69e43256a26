"""`mgit login --from gh|glab|az`: the token of a program that is signed in already.

The programs are stand-ins that print and fail in the way of the real ones, which are not here.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop
from tests.story.test_serve_daemon import state_folder

# What each prints with its token (`$token`, a file), and what without.
_STAND_INS = {
    "gh": """\
[ "$1 $2 $3" = 'auth token --hostname' ] || exit 2
if [ -s "{token}" ]; then cat "{token}"; else
  echo "no oauth token found for $4" >&2; exit 1
fi
""",
    # Prints an empty line, and ends well, where it has none.
    "glab": """\
[ "$1 $2 $3 $4" = 'config get token --host' ] || exit 2
cat "{token}"; echo
""",
    "az": """\
[ "$1 $2 $3" = 'account get-access-token --resource' ] || exit 2
[ "$4" = 499b84ac-1321-427f-aa17-267ca6975798 ] || exit 2
[ "$5 $6 $7 $8" = '--query accessToken --output tsv' ] || exit 2
if [ -s "{token}" ]; then cat "{token}"; else
  echo "ERROR: Please run 'az login' to setup account." >&2; exit 1
fi
""",
}
_FORGES = {"gh": "github", "glab": "gitlab", "az": "azuredevops"}


class Program:
    """A stand-in on the laptop's PATH."""

    def __init__(self, laptop: Laptop, name: str, token: str) -> None:
        self.token = laptop.home / f"{name}-token"
        self.calls = laptop.home / f"{name}-calls"
        self.sign_in(token)
        program = laptop.home / "bin" / name
        body = _STAND_INS[name].format(token=self.token)
        program.write_text(f'#!/bin/sh\necho "$@" >> "{self.calls}"\n{body}')
        program.chmod(0o755)

    def sign_in(self, token: str) -> None:
        self.token.write_text(token)


def configured(laptop: Laptop, source: str = "work") -> dict[str, Any]:
    return tomllib.loads(laptop.config_file.read_text())["sources"][source]


def stored(laptop: Laptop) -> list[Path]:
    return list(laptop.home.rglob("credentials.json"))


@pytest.fixture(params=["gh", "glab", "az"])
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def theirs(tool: str, tmp_path: Path) -> Iterator[SandboxForge]:
    """A forge of the kind that the tool signs in to."""
    with SandboxForge(tmp_path / "theirs", _FORGES[tool], token=CANARY) as running:  # type: ignore[arg-type]
        running.add_repo("acme", "api")
        yield running


def login(tool: str, forge: SandboxForge, *more: str) -> tuple[str, ...]:
    return ("login", "work", "--from", tool, "--url", forge.api_url, "--owner", "acme", *more)


def test_the_program_is_asked_each_time_so_that_a_new_token_is_taken(
    tool: str, laptop: Laptop, theirs: SandboxForge
) -> None:
    program = Program(laptop, tool, f"{CANARY}\n")
    ran = laptop.mgit(*login(tool, theirs))
    assert ran.code == 0, ran.err
    assert f"{tool} is asked for it each time" in ran.err
    source = configured(laptop)
    assert source["forge"] == _FORGES[tool]
    assert source["token_command"][0] == tool
    assert not stored(laptop)
    if tool != "az":
        assert source["token_command"][-1] == theirs.url.removeprefix("http://")

    assert laptop.mgit("list").code == 0
    theirs.token = "a-later-token"
    program.sign_in("a-later-token\n")
    listed = laptop.mgit("list", "--format", "json")
    assert listed.code == 0, listed.err
    assert len(program.calls.read_text().splitlines()) == 3
    audit = (state_folder(laptop) / "audit.jsonl").read_text()
    places = {json.loads(line)["labels"].get("found_in") for line in audit.splitlines()}
    assert f"command {tool}" in places


def test_a_copy_is_kept_and_the_program_is_not_needed_any_more(
    tool: str, laptop: Laptop, theirs: SandboxForge
) -> None:
    program = Program(laptop, tool, f"{CANARY}\n")
    ran = laptop.mgit(*login(tool, theirs, "--copy"))
    assert ran.code == 0, ran.err
    assert ("end within hours" in ran.err) == (tool == "az")
    assert "token_command" not in configured(laptop)
    assert len(stored(laptop)) == 1
    (laptop.home / "bin" / tool).unlink()
    assert laptop.mgit("list").code == 0
    assert len(program.calls.read_text().splitlines()) == 1


def test_a_program_that_is_not_there_or_not_signed_in_is_told_plainly(
    tool: str, laptop: Laptop, theirs: SandboxForge
) -> None:
    missing = laptop.mgit(*login(tool, theirs))
    assert missing.code == 2
    assert f"{tool} is not installed, or not on PATH" in missing.err
    assert f"{tool} " in missing.last_line

    Program(laptop, tool, "")
    signed_out = laptop.mgit(*login(tool, theirs))
    assert signed_out.code == 3, signed_out.err
    assert f"{tool} has no token for " in signed_out.err
    assert "login" in signed_out.last_line

    Program(laptop, tool, "not-the-token\n")
    refused = laptop.mgit(*login(tool, theirs))
    assert refused.code == 3, refused.err
    assert not laptop.config_file.exists()
    assert not stored(laptop)


def test_an_existing_source_is_never_rewritten(laptop: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    Program(laptop, "gh", f"{CANARY}\n")
    text = f'[sources.work]\nforge = "github"\nurl = "{forge.api_url}"  # ours\nowners = ["acme"]\n'
    laptop.configure(text)
    before = laptop.config_file.read_text()
    ran = laptop.mgit("login", "work", "--from", "gh")
    assert ran.code == 2
    line = ran.last_line.partition("`")[2].partition("`")[0]
    assert line.startswith('token_command = ["gh", "auth", "token", "--hostname", ')
    assert laptop.config_file.read_text() == before
    # What it advises works, and then there is nothing to rewrite.
    laptop.configure(f"{text}{line}\n")
    assert laptop.mgit("login", "work", "--from", "gh").code == 0
    assert laptop.mgit("list").code == 0
    assert laptop.mgit("login", "work", "--from", "gh", "--copy").code == 0
    assert len(stored(laptop)) == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--from", "gh", "--stdin"), "--stdin and --from"),
        (("--copy",), "--copy is about --from"),
        (("--from", "gh", "--forge", "gitlab"), "gh signs in to github, not to 'gitlab'"),
        (("--from", "hub"), "not one of the choices"),
    ],
)
def test_flags_that_contradict_each_other(
    laptop: Laptop, flags: tuple[str, ...], words: str
) -> None:
    ran = laptop.mgit("login", "work", *flags, stdin="")
    assert ran.code == 2
    assert words in ran.err


def test_another_kind_of_forge_is_refused(work: Laptop) -> None:
    ran = work.mgit("login", "work", "--from", "az")
    assert ran.code == 2
    assert "az signs in to azuredevops, and source work is a github" in ran.err
