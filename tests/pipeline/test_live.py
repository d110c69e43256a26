"""Progress: one living line on a terminal, plain lines everywhere else."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from pipeline.live import Live, progress
from pipeline.run import run_steps
from tests.pipeline.fake_release import STEPS, project_in

WIPE = "\r\x1b[K"


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(written: str) -> list[str]:
    """The lines that a terminal shows in the end."""
    return [line.rpartition(WIPE)[2] for line in written.split("\n")]


def test_a_step_is_shown_while_it_runs_and_what_it_said_stays() -> None:
    out, clock = Terminal(), Clock()
    live = Live(out, clock, lambda: 40)
    live.say("[1/2] build          …")
    clock.time = 61.5
    live.draw()
    assert screen(out.getvalue()) == ["[1/2] build / 1:01"]
    live.say("a word in between")
    assert screen(out.getvalue()) == ["a word in between", "[1/2] build / 1:01"]
    live.say("[1/2] build          done       61.5 s")
    assert screen(out.getvalue())[-2:] == ["[1/2] build          done       61.5 s", ""]
    live.draw()
    live.say("[2/2] tag            …")
    live.end()
    assert screen(out.getvalue())[-1] == "", "nothing is left behind"


def test_a_line_is_never_wider_than_the_terminal() -> None:
    out = Terminal()
    live = Live(out, Clock(), lambda: 12)
    live.say("[10/12] publish_index …")
    assert screen(out.getvalue()) == ["[10/12] pub"]


@pytest.mark.parametrize(
    ("stream", "env"),
    [
        (io.StringIO, {"TERM": "xterm"}),
        (Terminal, {"TERM": "dumb"}),
        (Terminal, {}),
        (Terminal, {"TERM": "xterm", "CI": "true"}),
        (Terminal, {"TERM": "xterm", "NO_COLOR": "1"}),
    ],
)
def test_elsewhere_lines_are_plain(stream: Callable[[], io.StringIO], env: dict[str, str]) -> None:
    out = stream()
    with progress(out, env) as say:
        say("[1/1] build …")
        say("[1/1] build done")
    assert out.getvalue() == "[1/1] build …\n[1/1] build done\n"


def test_a_release_on_a_terminal_ends_with_a_line_for_each_step(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    out = Terminal()
    with progress(out, {"TERM": "xterm"}) as say:
        run_steps(project_in(tmp_path_factory.mktemp("x")), STEPS, say=say)
    shown = screen(out.getvalue())
    assert [re.split(r"\s+", line)[:3] for line in shown if line] == [
        ["[1/3]", "plan", "done"],
        ["[2/3]", "build", "done"],
        ["[3/3]", "publish", "done"],
    ]


def read_all(fd: int) -> Iterator[bytes]:
    while True:
        try:
            got = os.read(fd, 65536)
        except OSError:  # the other side is closed
            return
        if not got:
            return
        yield got


def test_a_real_terminal_gets_the_living_line() -> None:
    ours, theirs = pty.openpty()
    code = (
        "import sys; from pipeline.live import progress\n"
        "with progress(sys.stderr, {'TERM': 'xterm'}) as say: say('[1/1] build …')"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=env) as process:
        os.close(theirs)
        written = b"".join(read_all(ours)).decode()
    os.close(ours)
    assert process.returncode == 0
    assert "[1/1] build | 0 s" in written
    assert written.endswith(WIPE)
