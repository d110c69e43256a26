"""Each quick start is true: its commands are typed at that kind of forge and print what it shows.

`MGIT_WRITE_DOCS=1` writes what was printed into the pages. The service of each page makes one pass
over the same forge, with the file and the variable that the page shows.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from mgit.config.keys import FORGES, TOKEN_FILE
from sandbox.forge import SandboxForge
from tests.contract.dialects import DIALECTS
from tests.story.laptop import CANARY, REPOSITORY, Laptop

FOLDER = REPOSITORY / "docs" / "quickstart"
FORGES_PAGE = REPOSITORY / "docs" / "providers" / "README.md"
_HEAD = re.compile(r"<!-- forge: (\S+) as (\S+) with (.+) -->")
_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class QuickStart:
    file: Path
    kind: str
    shown: str
    repositories: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.file.read_text("utf-8")

    def block(self, language: str) -> list[str]:
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)


def pages() -> list[QuickStart]:
    """The pages of forges; there may be others, of servers and places, with tests of their own."""
    return [
        QuickStart(file, head[1], head[2], tuple(head[3].split(", ")))
        for file in sorted(FOLDER.glob("*.md"))
        if (head := _HEAD.search(file.read_text("utf-8")))
    ]


# One shows that the pages are typed at all; the others are for `nox -s long`.
_QUICK = ("github",)
each = pytest.mark.parametrize("page", pages(), ids=lambda page: page.kind)
each_typed = pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.kind, marks=() if page.kind in _QUICK else pytest.mark.long)
        for page in pages()
    ],
)


def company(folder: Path, page: QuickStart) -> SandboxForge:
    forge = SandboxForge(folder / "forge", page.kind, token=CANARY)
    for path in page.repositories:
        owner, _, name = path.rpartition("/")
        forge.add_repo(owner, name)
    return forge


def typed(laptop: Laptop, command: str, page: QuickStart, site: str) -> list[str]:
    """What a command of the page prints, at a forge of this machine."""
    if page.shown in command:
        command = command.replace(page.shown, site)
    elif "mgit login" in command:
        command = command.replace("mgit login", f"mgit login --url {site}")
    done = subprocess.run(
        ["bash", "--norc", "-c", command],
        env=laptop.environment,
        cwd=laptop.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout.replace(str(laptop.home), "/home/mona").replace(site, page.shown)
    said = re.sub(r"http://127\.0\.0\.1:\d+(/[\w./-]*)?", page.shown, said)
    said = re.sub(r"\b20\d\d-\d\d-\d\d(?: \d\d:\d\d)?", "2026-01-31", said)
    return re.sub(r"[ ]+$", "", said, flags=re.MULTILINE).splitlines()


def test_every_forge_has_a_page_and_the_list_has_every_page() -> None:
    assert {page.kind for page in pages()} == set(FORGES) - {"manifest"}
    listed = set(re.findall(r"\]\((\w[\w-]*\.md)\)", (FOLDER / "README.md").read_text("utf-8")))
    assert listed == {file.name for file in FOLDER.glob("*.md")} - {"README.md"}


@pytest.mark.slow
@each_typed
def test_what_the_page_shows_is_what_is_printed(
    laptop: Laptop, tmp_path: Path, page: QuickStart
) -> None:
    program = laptop.home / "bin" / "mgit"
    program.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(REPOSITORY))} "
        f'exec {shlex.quote(sys.executable)} -m mgit "$@"\n'
    )
    program.chmod(0o755)
    (laptop.home / "token").write_text(f"{CANARY}\n")
    with company(tmp_path, page) as forge:
        site = DIALECTS[page.kind].site(forge)

        def renewed(block: re.Match[str]) -> str:
            lines = ["```console"]
            for command in (line for line in block[1].splitlines() if line.startswith("$ ")):
                lines += [command, *typed(laptop, command[2:], page, site)]
            return "\n".join([*lines, "```"])

        new = _CONSOLE.sub(renewed, page.text)
    if os.environ.get("MGIT_WRITE_DOCS"):
        page.file.write_text(new, encoding="utf-8")
    # Two clones end in any order.
    assert sorted(new.splitlines()) == sorted(page.text.splitlines())
    assert "mgit: " not in new, "a command of the page failed"


@pytest.mark.slow
@each_typed
def test_the_service_of_the_page_keeps_a_mirror(
    laptop: Laptop, tmp_path: Path, page: QuickStart
) -> None:
    (toml,) = page.block("toml")
    (name,) = tomllib.loads(toml)["sources"]
    variable = TOKEN_FILE.env.replace("<SOURCE>", name.upper())
    assert f"{variable}=/run/secrets/{name} mgit serve" in page.text
    token = laptop.home / "token"
    token.write_text(f"{CANARY}\n")
    token.chmod(0o600)
    with company(tmp_path, page) as forge:
        site = DIALECTS[page.kind].site(forge)
        toml = toml.replace(page.shown, site).replace('"/data"', f'"{tmp_path / "data"}"')
        if f'url = "{site}"' not in toml:
            toml = toml.replace("forge =", f'url = "{site}"\nforge =')
        file = tmp_path / "config.toml"
        file.write_text(toml)
        ran = laptop.mgit(
            "serve",
            "--once",
            env={"MGIT_CONFIG": str(file), variable: str(token), "MGIT_LISTEN": "127.0.0.1:0"},
        )
    assert ran.code == 0, ran.err
    mirrors = [head for head in (tmp_path / "data").rglob("HEAD") if ".mgit" not in head.parts]
    assert len(mirrors) == len(page.repositories)


@each
def test_the_rights_that_the_page_asks_for_are_those_of_the_forge(page: QuickStart) -> None:
    row = next(
        line
        for line in FORGES_PAGE.read_text("utf-8").splitlines()
        if line.startswith("| `") and f"`{page.kind}`" in line.split("|")[1]
    )
    cell = row.split("|")[4]
    words = [*re.findall(r"`([^`]+)`", cell), *re.findall(r"\*([^*]+)\*", cell)]
    assert words
    token = page.text.partition("## A token")[2].partition("## Sign in")[0]
    assert [word for word in words if word not in token] == []
