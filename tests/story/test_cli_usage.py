"""`docs/usage.md` is true: every command on the page is typed, and prints what the page says.

`MGIT_WRITE_DOCS=1` writes what was printed into the page.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, REPOSITORY, Laptop

PAGE = REPOSITORY / "docs" / "usage.md"
_PART = re.compile(r"<!-- now: (\w+) (\S+) -->|```console\n(.*?)```", re.DOTALL)
_URL = "https://git.example.com/api/v3"


@pytest.fixture
def desk(laptop: Laptop, forge: SandboxForge) -> Laptop:
    """A laptop with `mgit` on its PATH, a token in a file, and a company at the forge."""
    forge.add_repo("acme", "api", language="Go", topics=("backend",))
    forge.add_repo("acme", "web", language="TypeScript")
    forge.add_repo("acme", "old", language="Go", archived=True)
    forge.add_repo("labs", "model", language="Python", private=True)
    program = laptop.home / "bin" / "mgit"
    program.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(REPOSITORY))} "
        f'exec {shlex.quote(sys.executable)} -m mgit "$@"\n'
    )
    program.chmod(0o755)
    (laptop.home / "token").write_text(f"{CANARY}\n")
    return laptop


def _type(laptop: Laptop, forge: SandboxForge, command: str) -> list[str]:
    done = subprocess.run(
        ["bash", "--norc", "-c", command.replace(_URL, forge.api_url)],
        env=laptop.environment,
        cwd=laptop.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return _settled(laptop, done.stdout).splitlines()


def _settled(laptop: Laptop, text: str) -> str:
    """What was printed, without what varies."""
    text = text.replace(str(laptop.home), "/home/mona")
    text = re.sub(r"http://127\.0\.0\.1:\d+", "https://git.example.com", text)
    text = re.sub(r"\b[0-9a-f]{10,40}\b", "5ca1ab1e00", text)
    text = re.sub(r"\b20\d\d-\d\d-\d\d(?: \d\d:\d\d)?", "2026-01-31", text)
    return re.sub(r"[ ]+$", "", text, flags=re.MULTILINE)


def _now(laptop: Laptop, forge: SandboxForge, what: str, path: str) -> None:
    """What happens behind the page."""
    owner, name = path.split("/")
    match what:
        case "push":
            forge.push(owner, name)
        case "empty":
            for ref in forge.refs(owner, name):
                forge.delete_ref(owner, name, ref)
        case "add":
            forge.add_repo(owner, name)
        case "dirty":
            (laptop.root / path / "README.md").write_text("mine\n")
        case "commit":
            laptop.git(path, "commit", "--quiet", "--allow-empty", "-m", "Mine")
        case _:
            pytest.fail(f"the page wants {what!r}")


def test_what_the_page_shows_is_what_is_printed(desk: Laptop, forge: SandboxForge) -> None:
    text = PAGE.read_text(encoding="utf-8")
    printed, end = [], 0
    for part in _PART.finditer(text):
        printed.append(text[end : part.start()])
        end = part.end()
        what, path, block = part.groups()
        if what:
            _now(desk, forge, what, path)
            printed.append(part.group())
            continue
        lines = []
        for command in (line for line in block.splitlines() if line.startswith("$ ")):
            lines += [command, *_type(desk, forge, command[2:])]
        printed.append("\n".join(["```console", *lines, "```"]))
    printed.append(text[end:])
    new = "".join(printed)
    if os.environ.get("MGIT_WRITE_DOCS"):
        PAGE.write_text(new, encoding="utf-8")
    # Commands in several clones end in any order.
    assert sorted(new.splitlines()) == sorted(text.splitlines())


def test_the_page_and_the_help_know_the_same_commands() -> None:
    from mgit.cli.grammar import COMMANDS

    text = PAGE.read_text(encoding="utf-8")
    typed = set(re.findall(r"(?:`|\$ )mgit ([a-z]+)\b", text))
    assert set(COMMANDS) - typed <= {"serve", "health", "doctor", "completion", "audit"}
    assert typed - set(COMMANDS) <= {"diff", "clone", "pull"}
