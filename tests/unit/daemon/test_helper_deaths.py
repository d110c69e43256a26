"""A helper that dies is replaced, ever more slowly; one that cannot be started is said."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from mgit.daemon.helper import FIRST_PAUSE, Helper
from mgit.errors import ConfigurationError
from mgit.git.children import Children

WAITS = "import sys; sys.stdin.read()"
SLEEPS = "import time; time.sleep(600)"


class Told:
    """Collects what is told of deaths."""

    def __init__(self) -> None:
        self.words: list[tuple[str, float]] = []
        self._more = threading.Condition()

    def __call__(self, why: str, pause: float) -> None:
        with self._more:
            self.words.append((why, pause))
            self._more.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, float]]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.words) >= count, 60), self.words
            return list(self.words)


class Watched(Children):
    """Knows the pids of what was started."""

    def __init__(self, fail: int = 0) -> None:
        super().__init__()
        self.pids: list[int] = []
        self.fail = fail

    def start(self, spawn, *, limited):
        if len(self.pids) == self.fail > 0:
            self.fail = 0
            raise OSError(11, "Resource temporarily unavailable")
        child = super().start(spawn, limited=limited)
        self.pids.append(child.pid)
        return child


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", program)


def test_one_that_ends_again_and_again_is_started_ever_later():
    told = Told()
    with Helper("health", python("raise SystemExit(3)"), (), told):
        words = told.wait_for(3)
    assert [why for why, _ in words[:3]] == ["ended with 3"] * 3
    pauses = [pause for _, pause in words[:3]]
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]


def test_one_that_is_killed_is_replaced_at_once():
    told, children = Told(), Watched()
    with Helper("health", python(WAITS), (), told, children=children):
        os.kill(children.pids[0], signal.SIGKILL)
        [(why, _)] = told.wait_for(1)[:1]
        while len(children.pids) < 2:
            time.sleep(0.01)
        os.kill(children.pids[1], 0)
    assert why == "was ended by signal 9"


def test_nobody_has_to_be_told():
    children = Watched()
    with Helper("health", python(WAITS), (), children=children):
        os.kill(children.pids[0], signal.SIGKILL)
        while len(children.pids) < 2:
            time.sleep(0.01)


def test_a_start_that_fails_later_is_tried_again():
    told, children = Told(), Watched(fail=1)
    with Helper("health", python(WAITS), (), told, children=children):
        os.kill(children.pids[0], signal.SIGKILL)
        words = told.wait_for(2)
        while len(children.pids) < 2:
            time.sleep(0.01)
    assert words[1][0] == "could not be started: Resource temporarily unavailable"


def test_a_first_start_that_fails_says_what_to_do():
    with (
        pytest.raises(ConfigurationError, match="health helper cannot be started") as raised,
        Helper("health", ("/nowhere/python",), ()),
    ):
        pytest.fail("it began")
    assert "processes" in raised.value.advice


def test_one_that_does_not_see_its_end_is_killed():
    children = Watched()
    began = time.monotonic()
    with Helper("web", python(SLEEPS), (), patience=0.2, children=children):
        pass
    assert time.monotonic() - began < 60
    with pytest.raises(ProcessLookupError):
        os.kill(children.pids[0], 0)
