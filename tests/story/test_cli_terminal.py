"""On a real terminal: what is drawn fits, ends tidy after Ctrl-C, and holds no foreign code."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping

import pytest

from mgit.cli.tables import width
from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _on_terminal(
    laptop: Laptop,
    columns: int,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    meanwhile: Callable[[], bool] | None = None,
) -> tuple[int, str]:
    """Run mgit on a terminal of its own; `meanwhile` says when Ctrl-C is to be typed."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-m", "mgit", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**laptop.environment, "TERM": "xterm-256color", **(env or {})},
        cwd=laptop.home,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    )
    os.close(slave)
    os.set_blocking(master, False)
    said, end, typed = b"", time.monotonic() + 120, False
    while time.monotonic() < end:
        ended = running.poll() is not None
        with contextlib.suppress(BlockingIOError, OSError):
            while chunk := os.read(master, 65536):
                said += chunk
        if ended:
            break
        if meanwhile is not None and not typed and meanwhile():
            os.write(master, b"\x03")
            typed = True
        time.sleep(0.02)
    os.close(master)
    return running.wait(10), said.decode("utf-8").replace("\r\n", "\n")


def _screen(said: str) -> list[str]:
    """What stands there in the end: `\\r ESC[K` begins a line anew."""
    lines = [re.split(r"\r\x1b\[K", line)[-1] for line in said.split("\n")]
    return [_CODES.sub("", line).rstrip() for line in lines]


@pytest.fixture
def company(work: Laptop, forge: SandboxForge) -> Laptop:
    for name in ("api", "web", "a-repository-whose-name-is-longer-than-many-terminals-are-wide"):
        forge.add_repo("acme", name, language="Go", topics=("backend", "日本"))
    return work


@pytest.mark.parametrize("columns", [40, 100])
def test_everything_fits_the_terminal(company: Laptop, forge: SandboxForge, columns: int) -> None:
    forge.fail_next("/acme/web.git/*", 500, times=20)
    commands: tuple[tuple[str, ...], ...] = (
        ("list",),
        ("sync", "--dry-run"),
        ("sync",),
        ("status", "--all"),
    )
    for command in commands:
        _, said = _on_terminal(company, columns, *command)
        drawn = [_CODES.sub("", part) for part in re.split(r"[\n\r]", said)]
        assert max(width(line) for line in drawn) <= columns, (command, said)


def test_without_colour_nothing_is_coloured(company: Laptop) -> None:
    assert company.mgit("sync").code == 0
    for flags, env in ((("--no-color",), {}), ((), {"NO_COLOR": "1"})):
        for command in (("list",), ("run", "acme/*", "--", "false")):
            _, said = _on_terminal(company, 100, *flags, *command, env=env)
            assert not re.search(r"\x1b\[[0-9;]*3[0-9]m|\x1b\[1;3", said), said
    _, said = _on_terminal(company, 100, "run", "acme/*", "--", "false")
    assert "\x1b[1;31m" in said


def test_a_dumb_terminal_gets_plain_lines(company: Laptop) -> None:
    code, said = _on_terminal(company, 100, "sync", env={"TERM": "dumb"})
    assert code == 0
    assert "\x1b" not in said
    assert "applying 3 actions" in said


def test_ctrl_c_leaves_a_tidy_screen(company: Laptop, forge: SandboxForge) -> None:
    with forge.hold("/acme/*/git-upload-pack") as held:
        code, said = _on_terminal(company, 80, "sync", meanwhile=held.arrived.is_set)
    assert code == 130
    screen = [line for line in _screen(said) if line and line != "^C"]
    assert screen[-2:] == [
        "mgit: interrupted; nothing is half made",
        "mgit: run the same command again to go on",
    ]
    assert not any("applying" in line for line in screen)


def test_a_command_cannot_speak_to_the_terminal(company: Laptop) -> None:
    assert company.mgit("sync", "acme/api").code == 0
    _, said = _on_terminal(
        company, 80, "--no-color", "run", "--", "printf", r"\033]0;evil\007 \342\200\256x"
    )
    assert "\x1b]" not in said
    assert "\u202e" not in said
    assert "\\e]0;evil" in said
