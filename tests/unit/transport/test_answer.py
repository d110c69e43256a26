"""The head of a response: what it says, and what is no head."""

from __future__ import annotations

import http.client
import io
import socket
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.transport.answer import Answer


class Said:
    """A socket that says this and ends."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(cast("io.RawIOBase", io.BytesIO(self._data)))


def answer(data: bytes, method: str = "GET") -> Answer:
    read = Answer(cast("socket.socket", Said(data)), method=method)
    read.begin()
    return read


def test_a_plain_head() -> None:
    told = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: 1\r\nx-a:  2 \r\n\r\nabc")
    assert (told.status, told.length, told.will_close, told.chunked) == (200, 3, False, False)
    assert told.getheaders() == [("Content-Length", "3"), ("X-A", "1"), ("x-a", "2")]
    assert told.getheader("X-a") == "1, 2"
    assert told.getheader("X-B", "none") == "none"
    assert told.read(10) == b"abc"


def test_a_continue_is_passed_over() -> None:
    told = answer(b"HTTP/1.1 100 Continue\r\nA: 1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert (told.status, told.length, told.getheaders()) == (204, 0, [])


def test_a_folded_field_is_one() -> None:
    assert answer(b"HTTP/1.1 200\r\nA: 1\r\n\t2\r\n\r\n").getheader("a") == "1 2"


@pytest.mark.parametrize(
    ("head", "length", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", None, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", 1, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", 1, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\n", 1, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 1, False),
        (b"HTTP/1.1 200\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n", None, False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 0, False),
    ],
)
def test_how_a_body_ends(head: bytes, length: int | None, closes: bool) -> None:
    told = answer(head)
    assert (told.length, told.will_close) == (length, closes)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: first\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSpace : 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000 + b"\r\n\r\n",
        b"HTTP/1.1 " + b"2" * 70000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_head(data: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        answer(data)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\nA: 1"])
def test_a_head_that_is_cut(data: bytes) -> None:
    with pytest.raises(ConnectionError):
        answer(data)


@given(st.binary(max_size=120), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1."]))
def test_nothing_else_comes_of_anything(data: bytes, before: bytes) -> None:
    try:
        told = answer(before + data)
    except (http.client.HTTPException, ConnectionError):
        return
    assert 100 <= told.status <= 999
