"""`python -m tests.recording [NAME…]`: record the real mgit at a forge of this machine; draw it.

Writes docs/pictures/NAME.cast (for any asciicast player) and NAME.svg. What is typed is typed by a
script, what is printed is mgit's own. `--draw` only draws the casts that are there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from sandbox.forge import SandboxForge
from tests.recording.film import Cast, drawn
from tests.story.laptop import CANARY, REPOSITORY, Laptop

PICTURES = REPOSITORY / "docs" / "pictures"
COLUMNS, ROWS = 92, 24
_KEY = 0.035  # seconds from key to key
_THINK = 0.9  # before a command
_READ = 1.3  # after one
_PROMPT = "\x1b[1;32m$\x1b[0m "
_PATIENCE = 120
NAMES = (
    "api", "billing", "catalogue", "checkout", "console", "consent", "deploy", "docs", "gateway",
    "gift-cards", "identity", "ledger", "metrics", "mobile", "notifier", "pricing", "reports",
    "scheduler", "sdk", "search", "sensor-hub", "shipping", "storefront", "web-shop",
)  # fmt: skip


@dataclass
class Desk:
    """Somebody at a terminal, whose every key and line is kept."""

    laptop: Laptop
    forge: SandboxForge
    events: list[tuple[float, str]] = field(default_factory=list)
    now: float = 0.0

    def type(self, command: str) -> None:
        """Type a command, and let it run."""
        self._show(_PROMPT)
        self.now += _THINK
        for key in command:
            self._show(key)
            self.now += _KEY
        self._show("\r\n")
        began, start = time.monotonic(), self.now
        for text in _run(self.laptop, shlex.split(command)):
            self.now = start + time.monotonic() - began
            self._show(self._settled(text))
        self.now += _READ

    def say(self, words: str) -> None:
        """A comment, as a person would type one."""
        self._show(f"{_PROMPT}\x1b[2m# {words}\x1b[0m\r\n")
        self.now += _READ

    def _show(self, text: str) -> None:
        self.events.append((self.now, text))

    def _settled(self, text: str) -> str:
        text = text.replace(str(self.laptop.home), "/home/mona")
        return re.sub(r"http://127\.0\.0\.1:\d+", "https://git.example.com", text)


def _run(laptop: Laptop, words: list[str]) -> Iterator[str]:
    """What mgit prints on a terminal of its own, piece by piece."""
    assert words[0] == "mgit"
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-m", "mgit", *words[1:]],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**laptop.environment, "TERM": "xterm-256color"},
        cwd=laptop.home,
        start_new_session=True,
    )
    os.close(slave)
    os.set_blocking(master, False)
    rest, end = b"", time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        ended = running.poll() is not None
        with contextlib.suppress(BlockingIOError, OSError):
            while chunk := os.read(master, 65536):
                rest += chunk
        whole, rest = _whole(rest)
        if whole:
            yield whole
        if ended:
            break
        time.sleep(0.02)
    os.close(master)
    running.wait(10)


def _whole(raw: bytes) -> tuple[str, bytes]:
    """As much as is no half of a letter or of an escape sequence."""
    cut = raw.rfind(b"\x1b")
    if cut >= 0 and not re.search(rb"\x1b\[[0-9;?]*[A-Za-z]", raw[cut:]):
        whole, rest = raw[:cut], raw[cut:]
    else:
        whole, rest = raw, b""
    for back in range(4):
        with contextlib.suppress(UnicodeDecodeError):
            return whole[: len(whole) - back].decode(), whole[len(whole) - back :] + rest
    return whole.decode(errors="replace"), rest


def _first_sync(desk: Desk) -> None:
    for name in NAMES:
        desk.forge.add_repo("acme", name)
    desk.type("mgit list 'acme/s*'")
    desk.type("mgit sync 'acme/*'")
    for name in ("billing", "sdk", "web-shop"):
        desk.forge.push("acme", name)
    (desk.laptop.root / "acme/billing/README.md").write_text("mine\n")
    desk.say("three were pushed to, and in one of them I have changes of my own")
    desk.type("mgit sync 'acme/*'")


def _held(desk: Desk) -> None:
    for name in NAMES[:6]:
        desk.forge.add_repo("acme", name)
    assert desk.laptop.mgit("sync", "--kind", "mirror").code == 0
    for ref in desk.forge.refs("acme", "billing"):
        desk.forge.delete_ref("acme", "billing", ref)
    desk.say("somebody emptied acme/billing upstream")
    desk.type("mgit sync")
    desk.type("mgit ack")
    desk.say("nothing is lost until a person says so")


def _doctor(desk: Desk) -> None:
    for name in NAMES[:6]:
        desk.forge.add_repo("acme", name)
    assert desk.laptop.mgit("sync").code == 0
    desk.type("mgit doctor")
    desk.type("mgit run 'acme/c*' -- git log -1 --format=%s")
    desk.type("mgit status --all")


SCENES: Mapping[str, tuple[str, Callable[[Desk], None]]] = MappingProxyType(
    {
        "first-sync": ("mgit lists and clones, then brings what moved", _first_sync),
        "held": ("What upstream takes away is held", _held),
        "doctor": ("Is everything well? A command in every clone, and their states", _doctor),
    }
)


def record(name: str) -> Cast:
    """One scene, played now."""
    title, play = SCENES[name]
    with tempfile.TemporaryDirectory(prefix="mgit-recording-") as folder:
        laptop = Laptop.new(Path(folder))
        with SandboxForge(Path(folder) / "forge", token=CANARY) as forge:
            forge.add_owner("acme")
            words = ("login", "work", "--forge", "github", "--url", forge.api_url)
            ran = laptop.mgit(*words, "--owner", "acme", "--stdin", stdin=f"{CANARY}\n")
            assert ran.code == 0, ran.err
            desk = Desk(laptop, forge)
            play(desk)
    desk.events.append((desk.now, _PROMPT))
    cast = Cast(title, COLUMNS, ROWS, tuple(desk.events))
    assert folder not in cast.dump()
    return cast


def main(arguments: list[str]) -> None:
    """Record, unless only drawing is asked for; then draw."""
    names = [word for word in arguments if not word.startswith("-")] or list(SCENES)
    for name in names:
        file = PICTURES / f"{name}.cast"
        if "--draw" not in arguments:
            file.write_text(record(name).dump(), encoding="utf-8")
        picture = file.with_suffix(".svg")
        picture.write_text(drawn(Cast.load(file.read_text("utf-8"))), encoding="utf-8")
        sys.stdout.write(f"{picture.relative_to(REPOSITORY)}: {picture.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
