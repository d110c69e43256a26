"""Requests are read in one way only, or refused."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.daemon.web.request import MAX_FIELDS, MAX_HEADERS, Malformed, parse_request

printable = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf")), max_size=20)
pieces = st.sampled_from(
    [b"GET", b"POST", b" ", b"/", b"/a%2Fb", b"?q=1", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n",
     b"Host: x", b"Content-Length: 3", b"Transfer-Encoding: chunked", b":", b"%", b"\x00", b"\xff"]
)  # fmt: skip


@given(st.lists(pieces | st.binary(max_size=6), max_size=20).map(b"".join) | st.binary())
def test_any_bytes_are_a_request_or_refused(head):
    try:
        request = parse_request(head)
    except Malformed as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert refusal.status in (400, 411, 431)
        assert refusal.detail.endswith(".")
        return
    assert b"\r\n" not in head.partition(b"\r\n")[0]
    assert request.segments
    assert request.length >= 0
    for text in (*request.segments, *request.query, *request.query.values()):
        assert text == "" or not any(ord(letter) < 32 for letter in text)
        text.encode()
    assert repr(request.headers) not in repr(request) or not request.headers


@given(st.lists(printable, min_size=1, max_size=4), st.dictionaries(printable, printable))
def test_what_is_encoded_comes_back(segments, query):
    query = dict(list(query.items())[:MAX_FIELDS])
    path = "/" + "/".join(quote(one, safe="") for one in segments)
    target = f"{path}?{urlencode(query)}" if query else path
    request = parse_request(f"GET {target} HTTP/1.1\r\nHost: x".encode())
    assert request.segments == tuple(segments)
    assert request.query == query


def refused(head: str | bytes) -> int:
    with pytest.raises(Malformed) as caught:
        parse_request(head.encode("latin-1") if isinstance(head, str) else head)
    return caught.value.status


@pytest.mark.parametrize(
    "head",
    [
        "GET  / HTTP/1.1\r\nHost: x",
        "GET / HTTP/2.0\r\nHost: x",
        "GET / HTTP/1.1\nHost: x",
        "GET http://evil/ HTTP/1.1\r\nHost: x",
        "GET / HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y",
        "GET / HTTP/1.1\r\nHost : x",
        "GET / HTTP/1.1\r\nHost: x\r\n folded: y",
        "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2",
        "GET /%zz HTTP/1.1\r\nHost: x",
        "GET /%ff HTTP/1.1\r\nHost: x",
        "GET /%00 HTTP/1.1\r\nHost: x",
        "GET /%0a HTTP/1.1\r\nHost: x",
        "GET /?a=1&a=2 HTTP/1.1\r\nHost: x",
        "GET /?a=%0d HTTP/1.1\r\nHost: x",
        "GET /a#b\x00 HTTP/1.1\r\nHost: x",
    ],
)
def test_what_two_readers_could_take_in_two_ways(head):
    assert refused(head) == 400


def test_limits():
    head = "GET / HTTP/1.1\r\nHost: x" + "\r\nX: y" * (MAX_HEADERS - 1)
    assert parse_request(head.encode()).headers["x"].startswith("y, y")
    assert refused(head + "\r\nX: y") == 431
    assert refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked") == 411
    fields = "&".join(f"f{number}=1" for number in range(MAX_FIELDS + 1))
    assert refused(f"GET /?{fields} HTTP/1.1\r\nHost: x") == 400
