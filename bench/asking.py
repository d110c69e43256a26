"""Asks over and over at a steady rate, whether or not earlier answers have come."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

PATIENCE = 1.0
"""What a question that was not answered counts, in seconds."""


@dataclass(slots=True)
class Answers:
    """What came of some seconds of asking.

    Args:
        seconds: each question took from its connection to the end of its answer.
        failed: how many were refused, or had no answer in time.
    """

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def at(self, share: float) -> float:
        """The time in ms that this share of the questions was answered in."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


@contextlib.contextmanager
def prompt() -> Iterator[bool]:
    """Let this process run whenever it wants to, as if it asked from another machine.

    On the machine that it loads, who asks would else be measured more than who answers. Needs
    Linux and its superuser; tells whether it was allowed.
    """
    if sys.platform != "linux":
        yield False
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, policy, parameters)


@dataclass(slots=True)
class _Question:
    socket: socket.socket
    began: float
    answer: bytes = b""


def ask(port: int, path: str, rate: int, seconds: float) -> Answers:
    """Put questions at moments that are fixed beforehand: slow answers do not thin them out.

    Args:
        port: on loopback.
        path: what is asked for.
        rate: questions a second.
        seconds: how long; those that are open then get `PATIENCE` more.
    """
    answers = Answers()
    words = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    left = int(rate * seconds)
    with selectors.DefaultSelector() as selector:
        due = time.perf_counter()
        while left or selector.get_map():
            now = time.perf_counter()
            if left and now >= due:
                _begin(selector, port)
                left, due = left - 1, due + 1 / rate
                continue
            for key, event in selector.select(max(0.0, due - now) if left else PATIENCE):
                if event & selectors.EVENT_WRITE:
                    _put(selector, key.data, words)
                else:
                    _read(selector, key.data, answers)
            _give_up(selector, answers)
    return answers


def _begin(selector: selectors.BaseSelector, port: int) -> None:
    """Connect without waiting: a full queue on the other side delays this question alone."""
    connection = socket.socket()
    connection.setblocking(False)  # noqa: FBT003 - as socket has it
    began = time.perf_counter()
    connection.connect_ex(("127.0.0.1", port))
    selector.register(connection, selectors.EVENT_WRITE, _Question(connection, began))


def _put(selector: selectors.BaseSelector, question: _Question, words: bytes) -> None:
    with contextlib.suppress(OSError):  # reading tells
        question.socket.send(words)
    selector.modify(question.socket, selectors.EVENT_READ, question)


def _read(selector: selectors.BaseSelector, question: _Question, answers: Answers) -> None:
    part = b""
    with contextlib.suppress(OSError):
        part = question.socket.recv(65536)
    question.answer += part
    if part:
        return
    selector.unregister(question.socket)
    question.socket.close()
    if question.answer.startswith(b"HTTP/1.1 200 "):
        answers.seconds.append(time.perf_counter() - question.began)
    else:
        _fail(answers)


def _give_up(selector: selectors.BaseSelector, answers: Answers) -> None:
    over = time.perf_counter() - PATIENCE
    for key in list(selector.get_map().values()):
        if key.data.began < over:
            selector.unregister(key.fileobj)
            key.data.socket.close()
            _fail(answers)


def _fail(answers: Answers) -> None:
    answers.failed += 1
    answers.seconds.append(PATIENCE)
