"""The helper's parts: what it reads, what it answers, and that there is always another one."""

import hashlib
import http.client
import os
import py_compile
import queue
import re
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.daemon import answering, limit
from mgit.daemon import region as reading
from mgit.daemon.answering import MAX_HEADERS, complete, respond
from mgit.daemon.board import Board
from mgit.daemon.figures import EVERY_SECONDS, Figures
from mgit.daemon.health import Snapshot
from mgit.daemon.helper import FIRST_PAUSE, LONGEST_PAUSE, Helper
from mgit.daemon.http import health_command
from mgit.daemon.limit import Guessing
from mgit.daemon.refusals import hear_refusals
from mgit.daemon.region import KEYS_AT, MAX_KEYS, MAX_TEXT, Region
from mgit.errors import ConfigurationError, ExitCode
from mgit.telemetry.events import RunEnded
from mgit.telemetry.metrics import CONTENT_TYPE, Metrics

flags = st.booleans()
snapshots = st.builds(
    Snapshot,
    beat=st.floats(min_value=0, max_value=1e9),
    lock_held=flags,
    state_loaded=flags,
    storage_writable=flags,
    stopping=flags,
)


@pytest.fixture
def board():
    with Board() as made:
        yield made


@pytest.fixture
def region(board):
    return Region(board.descriptor)


@given(snapshot=snapshots, silent=st.floats(min_value=0, max_value=1e6), text=st.binary())
def test_what_is_shown_is_what_is_read(snapshot, silent, text):
    with Board() as board:
        region = Region(board.descriptor)
        board.publish(text)
        board.show(snapshot)
        now = snapshot.beat + silent
        assert region.live(now) == reading.live(now - snapshot.beat)
        assert region.ready() == reading.ready(
            lock_held=snapshot.lock_held,
            state_loaded=snapshot.state_loaded,
            storage_writable=snapshot.storage_writable,
            stopping=snapshot.stopping,
        )
        assert region.text() == text


def test_half_a_record_is_not_read(board, region):
    board.show(Snapshot(5.0, lock_held=True, state_loaded=True, storage_writable=True))
    assert region.ready() == (True, "ready")
    os.pwrite(board.descriptor, b"\xff\xff\xff", 6)  # as if the writer stood in the middle
    assert region.ready() == (True, "ready")
    assert region.live(66.0) == (False, "the loop has been silent for 61 s")
    board.show(Snapshot(60.0, stopping=True))
    assert region.live(66.0) == (True, "live")
    assert not region.ready()[0]


def test_half_a_text_is_not_read(board, region):
    board.publish(b"first")
    assert region.text() == b"first"
    board.publish(b"second")
    os.pwrite(board.descriptor, b"thi", reading.PAGE)  # the third, half written, at its place
    assert region.text() == b"first"
    board.publish(b"third")
    assert region.text() == b"third"


def test_a_text_is_replaced_as_a_whole_while_it_is_read(board, region):
    """One writes as quickly as it can, one reads: what is read is one text, from end to end."""
    ended = threading.Event()

    def write() -> None:
        for number in range(2000):
            board.publish(b"%d " % number * (number % 7 * 500 + 1))
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not ended.is_set():
        words = set(region.text().split())
        assert len(words) <= 1
        seen |= words
    writer.join()
    assert region.text().split()[0] == b"1999"


def test_a_text_beyond_all_measure_is_left_out(board, region):
    board.publish(b"x" * (MAX_TEXT + 1))
    assert region.text() == b""


def digests(*tokens: str) -> list[bytes]:
    return [hashlib.sha256(token.encode()).digest() for token in tokens]


_SAID = re.compile(rb"[0-9A-Za-z:.%_-]+ [0-9]{1,6}")


class Heard:
    """Who was refused."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, int]] = []
        self.ear = hear_refusals(lambda client, missed: self.refused.append((client, missed)))


@given(
    keys=st.lists(st.text("abcDEF0-_.", min_size=1), max_size=MAX_KEYS),
    given_=st.text("abcDEF0-_.", min_size=1),
    scheme=st.sampled_from([b"Bearer", b"bearer", b"Basic", b""]),
)
def test_a_key_lets_in_whoever_holds_one_of_them(keys, given_, scheme):
    with Board() as board:
        region = Region(board.descriptor)
        assert region.lets_in(b"")  # none is asked for
        board.lock(digests(*keys))
        expected = given_ in keys and scheme.lower() == b"bearer"
        assert region.lets_in(scheme + b" " + given_.encode()) is expected
        assert not region.lets_in(b"")


def test_half_a_list_of_keys_lets_in_as_before_and_none_at_all_lets_nobody_in(board, region):
    board.lock(digests("first"))
    assert region.lets_in(b"Bearer first")
    os.pwrite(board.descriptor, b"\xff", KEYS_AT + 3)  # as if the writer stood in the middle
    assert region.lets_in(b"Bearer first")
    fresh = Region(board.descriptor)
    assert not fresh.lets_in(b"Bearer first")
    assert not fresh.lets_in(b"")


def test_the_metrics_ask_for_a_key_where_there_is_one(board, region):
    board.publish(b"figures")
    board.lock(digests("s3cret"))
    for more in ("", "\r\nAuthorization: Bearer other", "\r\nAuthorization: Bearer s3cret" * 2):
        answer = respond(region, b"GET /metrics HTTP/1.1" + more.encode(), 0.0)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nWWW-Authenticate: Bearer" in answer
        assert b"figures" not in answer
    right = b"GET /metrics HTTP/1.1\r\nauthorization:  bearer s3cret"
    assert respond(region, right, 0.0).endswith(b"figures")
    assert respond(region, b"GET /livez HTTP/1.1", 0.0).startswith(b"HTTP/1.1 200 ")


def test_who_guesses_a_key_is_not_listened_to_for_a_while(board, region):
    board.publish(b"figures")
    board.lock(digests("s3cret"))
    reads, writes = os.pipe()
    try:
        guessing = Guessing(writes)

        def ask(key: str, client: str, now: float) -> int:
            more = f"\r\nAuthorization: Bearer {key}" if key else ""
            head = f"GET /metrics HTTP/1.1{more}".encode()
            return int(respond(region, head, now, guessing, client).split(b" ", 2)[1])

        assert [ask("", "192.0.2.1", 0.0) for _ in range(30)] == [401] * 30  # nobody is blamed
        assert [ask("wrong", "192.0.2.1", 1.0) for _ in range(12)] == [401] * 10 + [429] * 2
        assert ask("s3cret", "192.0.2.1", 1.0) == 429
        assert ask("s3cret", "192.0.2.2", 1.0) == 200
        assert respond(region, b"GET /livez HTTP/1.1", 1.0, guessing, "192.0.2.1")[9:12] == b"200"
        assert ask("s3cret", "192.0.2.1", 8.0) == 200
        for _ in range(5):
            ask("wrong", "2001:db8::7", 9.0)
        ask("wrong", "2001:db8::8", 60.0)
        told = [line.split() for line in os.read(reads, 65536).splitlines()]
        assert told[:10] == [[b"192.0.2.1", b"0"]] * 10
        assert told[10] == [b"2001:db8::7", b"0"]  # one more has leaked, four are left out
        assert told[11] == [b"2001:db8::8", b"4"]
        assert b"wrong" not in b" ".join(one for line in told for one in line)
    finally:
        os.close(reads)
        os.close(writes)


def test_nobody_who_listens_is_no_reason_to_let_in(board, region):
    board.lock(digests("s3cret"))
    guessing = Guessing(-1)
    head = b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer wrong"
    assert respond(region, head, 0.0, guessing, "192.0.2.1").startswith(b"HTTP/1.1 401 ")


@given(st.binary(max_size=300))
def test_the_service_hears_only_what_a_helper_may_say(line):
    heard = Heard()
    heard.ear(line)
    assert not heard.refused or _SAID.fullmatch(line)


def test_what_the_helper_says_is_told_and_audited():
    heard = Heard()
    heard.ear(b"fe80::1%eth0 3")
    heard.ear(b"192.0.2.1 0 more")
    heard.ear(b"<script> 0")
    assert heard.refused == [("fe80::1%eth0", 3)]


def test_the_type_of_the_metrics_is_that_of_the_renderer(region):
    assert f"\r\nContent-Type: {CONTENT_TYPE}\r\n".encode() in respond(
        region, b"GET /metrics HTTP/1.1", 0.0
    )


known = [b"GET", b"HEAD", b"POST", b"/livez", b"/metrics", b"HTTP/1.1", b" ", b"\n"]
words = st.sampled_from(known)
heads = st.lists(words | st.binary(max_size=8), max_size=9).map(b" ".join)


@given(head=heads | st.binary(max_size=200))
def test_any_request_has_one_whole_answer(head):
    with Board() as board:
        answer = respond(Region(board.descriptor), head, 0.0)
    head_of_it, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head_of_it.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    status = int(first.split(" ")[1])
    assert first.startswith("HTTP/1.1 ")
    assert headers["Connection"] == "close"
    assert ("Allow" in headers) == (status == 405)
    if not head.startswith(b"HEAD "):
        assert int(headers["Content-Length"]) == len(body)
    if status == 200:
        assert head.startswith((b"GET /livez", b"HEAD /livez", b"GET /metrics", b"HEAD /metrics"))


@given(data=st.lists(st.sampled_from([b"\r\n", b"\n", b"a", b"\r"]), max_size=12).map(b"".join))
def test_a_head_ends_at_its_first_empty_line(data):
    end = complete(data)
    plain = data.replace(b"\r\n", b"\n")
    assert (end >= 0) == (b"\n\n" in plain)
    if end >= 0:
        assert data[:end].replace(b"\r\n", b"\n") == plain[: plain.index(b"\n\n") + 2]


def test_as_many_headers_as_are_allowed(region):
    head = b"GET /metrics HTTP/1.1" + b"\r\nX: y" * MAX_HEADERS
    assert respond(region, head, 0.0).startswith(b"HTTP/1.1 200")
    assert respond(region, head + b"\r\nX: y", 0.0).startswith(b"HTTP/1.1 431")


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def helper(listener, board, program, tell=None, **more):
    descriptors = (listener.fileno(), board.descriptor)
    return Helper("health", health_command(*descriptors, 10.0, program), descriptors, tell, **more)


def ask(listener, path="/livez"):
    connection = http.client.HTTPConnection(*listener.getsockname(), timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_runs_where_there_is_no_source(board, listener, tmp_path: Path):
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH  # as docker/tree.py makes them
    for module in (answering, limit, reading):
        compiled = tmp_path / Path(module.__file__).with_suffix(".pyc").name
        py_compile.compile(module.__file__, cfile=str(compiled), invalidation_mode=mode)
    board.show(Snapshot(time.monotonic()))
    command = [sys.executable, "-I", "-S", str(tmp_path / "answering.pyc")]
    with helper(listener, board, command):
        assert ask(listener) == 200
        assert ask(listener, "/metrics") == 200


def test_one_that_never_lives_is_started_ever_more_seldom(board, listener):
    told = queue.SimpleQueue()
    command = [sys.executable, "-I", "-S", "-c", "raise SystemExit(7)"]

    def tell(why: str, pause: float) -> None:
        told.put((why, pause))

    with helper(listener, board, command, tell):
        said = [told.get(timeout=30) for _ in range(3)]
    assert said == [("ended with 7", FIRST_PAUSE * factor) for factor in (1, 2, 4)]
    assert LONGEST_PAUSE == 10.0


def test_one_that_cannot_be_started_is_an_error_in_one_line(board, listener, tmp_path: Path):
    with (
        pytest.raises(ConfigurationError, match="health helper cannot be started: No such file"),
        helper(listener, board, [str(tmp_path / "none")]),
    ):
        pass


def test_one_that_does_not_listen_is_killed_at_the_end(board, listener):
    stubborn = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
    with helper(listener, board, stubborn, patience=0.1):
        pass


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_figures_are_rendered_once_a_second_and_at_the_end_of_a_run():
    clock, published = Clock(), []
    figures = Figures(Metrics(), published.append, clock=clock)
    assert len(published) == 1
    clock.now += EVERY_SECONDS
    figures.refresh()
    assert len(published) == 1  # nothing has changed
    figures.storage(5)
    figures.refresh()
    figures.storage(6)
    figures.refresh()
    assert len(published) == 2
    clock.now += EVERY_SECONDS
    figures.refresh()
    assert b"mgit_storage_free_bytes 6.0" in published[-1]
    figures(RunEnded("0" * 16, ExitCode.OK, 1.0, 0))
    assert b'mgit_runs_total{code="0"} 1.0' in published[-1]
    assert len(published) == 4
