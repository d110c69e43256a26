"""The health helper as a program of its own, asked by good, bad and slow clients.

The service starts it isolated from everything (`-I -S`). Here it runs with site-packages, so that
what it does is measured as well.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.daemon import answering
from mgit.daemon.board import Board
from mgit.daemon.health import Health

DEADLINE = 20


class Helper:
    """A running helper and the port that it answers at."""

    def __init__(self, listener: socket.socket, child: subprocess.Popen[bytes]) -> None:
        self.address = listener.getsockname()
        self.child = child

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=20)

    def say(self, *parts: bytes) -> bytes:
        """Send a request in parts; what comes back until the end."""
        with self.connect() as client:
            for part in parts:
                client.sendall(part)
                time.sleep(0.02)
            return _rest(client)

    def status(self, *parts: bytes) -> int:
        answer = self.say(*parts)
        return int(answer.split(b" ", 2)[1]) if answer else 0

    def end(self) -> int:
        assert self.child.stdin is not None
        self.child.stdin.close()
        return self.child.wait(timeout=60)


def _rest(client: socket.socket) -> bytes:
    found = b""
    try:
        while part := client.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


@pytest.fixture
def board() -> Iterator[Board]:
    with Board() as made:
        made.publish(b"mgit_runs_total 1\n")
        yield made


@pytest.fixture
def helper(board: Board) -> Iterator[Helper]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    keep = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    numbers = [listener.fileno(), board.descriptor]
    child = subprocess.Popen(
        [sys.executable, "-P", answering.__file__, *map(str, numbers), str(DEADLINE)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=keep,
        pass_fds=numbers,
    )
    running = Helper(listener, child)
    try:
        yield running
    finally:
        assert running.end() == 0, child.stderr.read().decode() if child.stderr else ""
        if child.stderr is not None:
            child.stderr.close()
        listener.close()


def _get(path: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return method + b" " + path + b" " + version + b"\r\nHost: h\r\n\r\n"


def test_it_tells_what_stands_on_the_board_until_it_is_told_otherwise(
    helper: Helper, board: Board
) -> None:
    assert helper.status(_get(b"/livez")) == 503  # no sign of life yet
    health = Health(show=board.show)
    health.beat()
    assert b"root lock not held, state not loaded" in helper.say(_get(b"/readyz"))
    health.locked(held=True)
    health.looked(state=True, storage=True)
    assert helper.status(_get(b"/livez?x=1")) == 200
    assert helper.status(_get(b"/readyz")) == 200
    assert helper.say(_get(b"/metrics")).endswith(b"mgit_runs_total 1\n")
    board.publish(b"mgit_runs_total 2\n")
    assert helper.say(_get(b"/metrics")).endswith(b"mgit_runs_total 2\n")
    assert helper.say(_get(b"/metrics")).endswith(b"mgit_runs_total 2\n")
    health.beat(stopping=True)
    assert b"stopping" in helper.say(_get(b"/readyz"))


def test_head_has_no_body(helper: Helper) -> None:
    answer = helper.say(_get(b"/metrics", b"HEAD"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (_get(b"/nothing"), 404),
        (_get(b"/livez", b"POST"), 405),
        (_get(b"/livez", version=b"HTTP/2.0"), 505),
        (_get(b"/livez", version=b"SPDY/1"), 400),
        (b"GET /livez\r\n\r\n", 400),
        (b"G(T /livez HTTP/1.1\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nX: " + b"y" * 20_000, 431),
        (b"GET /livez HTTP/1.1\n\n", 503),
        (_get(b"/livez") + b"and more", 503),
    ],
)
def test_what_is_no_request_is_refused(helper: Helper, request_: bytes, status: int) -> None:
    assert helper.status(request_) == status


def test_a_request_may_come_in_parts_and_a_part_of_one_is_refused(helper: Helper) -> None:
    assert helper.status(b"GET /met", b"rics HTTP/1.1\r\n", b"\r\n") == 200
    with helper.connect() as client:
        client.sendall(b"GET /met")
        client.shutdown(socket.SHUT_WR)
        assert b" 400 " in _rest(client)
    with helper.connect() as client:
        client.shutdown(socket.SHUT_WR)
        assert _rest(client) == b""


def test_silent_clients_are_sent_away_in_the_end_and_too_many_at_once(helper: Helper) -> None:
    silent = [helper.connect() for _ in range(answering.MAX_CONNECTIONS)]
    try:
        late = [helper.connect() for _ in range(3)]
        assert [_rest(client) for client in late] == [b""] * 3
        for client in late:
            client.close()
        assert [_rest(client) for client in silent] == [b""] * len(silent)
    finally:
        for client in silent:
            client.close()
    end = time.monotonic() + 60
    while helper.status(_get(b"/metrics")) != 200:  # their places get free within a second
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_client_that_reads_slowly_gets_all_of_a_long_answer(helper: Helper, board: Board) -> None:
    text = b"# " + b"x" * 8_000_000 + b"\n"
    board.publish(text)
    with helper.connect() as client:
        client.sendall(_get(b"/metrics"))
        time.sleep(0.2)  # its buffers are full by now
        assert _rest(client).endswith(text)
    with helper.connect() as client:  # and one that goes away in the middle costs nothing
        client.sendall(_get(b"/metrics"))
        client.recv(10)
    assert helper.status(_get(b"/nothing")) == 404


def test_it_can_be_started_as_the_service_does_it(board: Board) -> None:
    file = Path(answering.__file__)
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "not enough values" in ran.stderr
