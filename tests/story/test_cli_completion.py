"""Completion in the shells that people use, asked as the shells ask."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, REPOSITORY, Laptop


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    """A laptop that has listed `acme` once, with `mgit` on its PATH; its forge is gone."""
    folder = tmp_path_factory.mktemp("completion")
    laptop = Laptop.new(folder)
    with SandboxForge(folder / "forge", token=CANARY) as forge:
        forge.add_owner("acme")
        for name in ("api", "app", "web"):
            forge.add_repo("acme", name)
        laptop.configure(f'[sources.work]\nforge = "github"\nurl = "{forge.api_url}"\n')
        assert laptop.mgit("list", env={"MGIT_TOKEN_WORK": CANARY}).code == 0
    other = laptop.config_file.read_text() + '\n[selections.backend]\ninclude = ["acme/api"]\n'
    (laptop.home / "other.toml").write_text(other)
    program = laptop.home / "bin" / "mgit"
    program.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(REPOSITORY))} "
        f'exec {shlex.quote(sys.executable)} -m mgit "$@"\n'
    )
    program.chmod(0o755)
    (laptop.home / "notes.txt").touch()
    return laptop


def _shell(laptop: Laptop, *words: str, stdin: str = "") -> str:
    done = subprocess.run(
        words,
        input=stdin,
        env={**laptop.environment, "TERM": "dumb"},
        cwd=laptop.home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def _bash(laptop: Laptop, line: str) -> list[str]:
    """What bash would offer behind a line."""
    script = (
        "source <(mgit completion bash)\n"
        f"COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}\n"
        "COMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:@'\n"
        "_mgit\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    return [word for word in _shell(laptop, "bash", "--norc", "-c", script).splitlines() if word]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mgit st", ["status"]),
        ("mgit --no", ["--no-color"]),
        ("mgit sync ac", ["acme/api", "acme/app", "acme/web"]),
        ("mgit sync acme/a", ["acme/api", "acme/app"]),
        ("mgit sync 'acme/w", ["acme/web"]),
        ("mgit sync '!acme/w", ["!acme/web"]),
        ("mgit sync work:acme/w", ["acme/web"]),
        ("mgit sync 'work:acme/w", ["work:acme/web"]),
        ("mgit list --source ", ["work"]),
        ("mgit list --format=js", ["json", "jsonl"]),
        ("mgit sync --kind m", ["mirror"]),
        ("mgit status --fail-on dirty,unp", ["dirty\\,unpushed", "dirty,unpushed"]),
        ("mgit --config other.toml sync '@ba", ["@backend"]),
        ("mgit --config other.toml sync @ba", ["backend"]),  # bash keeps what is before its @
        ("mgit completion z", ["zsh"]),
        ("mgit config im", ["import"]),
        ("mgit login ", ["work"]),
        ("mgit run acme/api -- g", []),
        ("mgit sync ./n", []),
        ("mgit nonsense ", []),
    ],
)
def test_bash(filled: Laptop, line: str, offered: list[str]) -> None:
    found = _bash(filled, line)
    if "--fail-on" in line:
        assert found
        assert found[0] in offered
    else:
        assert found == offered


@pytest.mark.needs("fish")
def test_fish(filled: Laptop) -> None:
    script = (
        "mgit completion fish | source; complete -C 'mgit sync acme/a'; complete -C 'mgit stat'"
    )
    out = _shell(filled, "fish", "--no-config", "-c", script)
    assert "acme/api" in out
    assert "acme/app" in out
    assert "acme/web" not in out
    assert "status\tshow which clones need attention" in out


@pytest.mark.needs("zsh")
@pytest.mark.parametrize(
    ("typed", "becomes"), [("mgit sync acme/w", "acme/web"), ("mgit stat", "mgit status")]
)
def test_zsh(filled: Laptop, typed: str, becomes: str) -> None:
    script = f"""
    zmodload zsh/zpty
    zpty inner zsh -f -i
    seen=
    wait_for() {{
        repeat 200; do
            zpty -r -t inner line && seen+=$line
            [[ $seen == *$1* ]] && return
            sleep 0.05
        done
    }}
    zpty -w inner 'PS1=; autoload -Uz compinit; compinit -u -D'
    zpty -w inner "source <(mgit completion zsh); echo rea''dy"
    wait_for ready
    seen=
    zpty -w -n inner $'{typed}\\t'
    wait_for '{becomes}'
    print -r -- "$seen"
    zpty -d inner
    """
    assert becomes in _shell(filled, "zsh", "-f", "-c", script)


def test_it_is_silent_without_a_configuration(tmp_path: Path) -> None:
    ran = Laptop.new(tmp_path).mgit("complete", "words", "sync", "a")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_it_is_silent_with_a_damaged_memory(filled: Laptop, tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(os.urandom(5000))
    elsewhere = {"MGIT_STATE_DIR": str(tmp_path)}
    ran = filled.mgit("complete", "words", "sync", "a", env=elsewhere)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
