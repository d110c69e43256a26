"""The transport against servers that behave, misbehave and die."""

from __future__ import annotations

import gzip
import itertools
import subprocess
import sys
import threading

import pytest

from mgit.address import Origin
from mgit.errors import ForgeError, InvalidInput, NetworkError
from mgit.transport import Response, Transport

SECRET = "ghp_canary_0123456789"


def test_one_connection_carries_many_requests(serve, answer, transport):
    server = serve((answer(b"one"), answer(b"two"), answer(b"three")))
    bodies = [transport.request("GET", server.origin, f"/{n}").body for n in range(3)]
    assert bodies == [b"one", b"two", b"three"]
    assert server.connections == 1


def test_a_request_says_who_asks_and_takes_gzip(serve, answer, transport):
    server = serve((answer(),))
    transport.request("GET", server.origin, "/x?a=b", headers={"Authorization": f"Bearer {SECRET}"})
    head = server.heard[0].decode()
    assert head.startswith("GET /x?a=b HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert "User-Agent: mgit/" in head
    assert "Accept-Encoding: gzip\r\n" in head
    assert head.count("Accept-Encoding") == 1
    assert f"Authorization: Bearer {SECRET}" in head


def test_a_body_is_sent_with_its_length(serve, answer, transport):
    server = serve((answer(),))
    transport.request("POST", server.origin, "/x", body=b"0014command=ls-refs\n0000")
    assert server.heard[0].endswith(b"\r\n\r\n0014command=ls-refs\n0000")
    assert b"Content-Length: 24\r\n" in server.heard[0]


def test_headers_are_found_whatever_their_case_and_joined_when_repeated():
    response = Response(200, (("LINK", "<a>"), ("Link", "<b>"), ("ETag", '"x"')))
    assert response.header("link") == "<a>, <b>"
    assert response.header("Etag") == '"x"'
    assert response.header("Date") is None


def test_a_body_does_not_show_in_repr():
    assert "private" not in repr(Response(200, (), b"private"))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Again", "308 Moved"])
def test_a_redirect_is_an_answer_and_nobody_follows_it(serve, answer, transport, status):
    other = serve((answer(),))
    server = serve((answer(b"", f"Location: {other.origin}/x", status=status),))
    response = transport.request(
        "GET", server.origin, "/x", headers={"Authorization": f"Bearer {SECRET}"}
    )
    assert response.status == int(status[:3])
    assert response.header("location") == f"{other.origin}/x"
    assert other.heard == []


def test_gzip_is_unpacked(serve, answer, transport):
    packed = gzip.compress(b"x" * 100_000)
    server = serve((answer(packed, "Content-Encoding: gzip"),))
    assert transport.request("GET", server.origin, "/").body == b"x" * 100_000


def test_a_gzip_bomb_is_stopped_at_the_limit(serve, answer, transport):
    packed = gzip.compress(bytes(20_000_000))
    server = serve((answer(packed, "Content-Encoding: gzip"),))
    with pytest.raises(ForgeError, match="more than 1024 KiB"):
        transport.request("GET", server.origin, "/", max_bytes=1024 * 1024)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"no gzip at all", "damaged", id="no gzip"),
        pytest.param(gzip.compress(b"whole", mtime=0) + b"more", "after the end", id="more"),
        pytest.param(gzip.compress(b"x" * 1000, mtime=0)[:-12], "broke off", id="cut"),
    ],
)
def test_a_bad_gzip_body_is_refused(serve, answer, transport, body, words):
    server = serve((answer(body, "Content-Encoding: gzip"),))
    with pytest.raises(ForgeError, match=words):
        transport.request("GET", server.origin, "/")


def test_an_encoding_nobody_asked_for_is_refused(serve, answer, transport):
    server = serve((answer(b"..", "Content-Encoding: br"),))
    with pytest.raises(ForgeError, match="encoding"):
        transport.request("GET", server.origin, "/")


def test_a_body_larger_than_the_limit_is_refused(serve, answer, transport):
    server = serve((answer(b"x" * 3000),))
    with pytest.raises(ForgeError, match="more than 2 KiB"):
        transport.request("GET", server.origin, "/", max_bytes=2048)


def test_chunks_are_put_together_and_the_connection_lives_on(serve, answer, transport):
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    server = serve((chunked, answer(b"next")))
    assert transport.request("GET", server.origin, "/").body == b"abcde"
    assert transport.request("GET", server.origin, "/").body == b"next"
    assert server.connections == 1


@pytest.mark.fault("a cut pack or advertisement, HTML or nothing with 200")
@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
def test_an_answer_that_breaks_off_is_never_taken_for_a_whole_one(serve, transport, cut):
    server = serve((cut,))
    with pytest.raises(NetworkError, match="broke off"):
        transport.request("GET", server.origin, "/")


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\x01\x02\r\n\r\n"])
def test_what_is_not_http_is_called_so(serve, transport, noise):
    server = serve((noise,))
    with pytest.raises(ForgeError, match="not HTTP"):
        transport.request("GET", server.origin, "/")


def test_endless_headers_are_refused(serve, transport):
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n"
    server = serve((head,))
    with pytest.raises(ForgeError, match="not HTTP"):
        transport.request("GET", server.origin, "/")


def test_an_answer_until_the_end_of_the_connection_is_read_whole(serve, transport):
    server = serve((b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it",))
    assert transport.request("GET", server.origin, "/").body == b"all of it"


def test_304_and_204_have_no_body_and_keep_the_connection(serve, answer, transport):
    server = serve(
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n", answer())
    )
    statuses = [transport.request("GET", server.origin, "/").status for _ in range(3)]
    assert statuses == [304, 204, 200]
    assert server.connections == 1


def test_a_connection_that_died_in_its_sleep_is_replaced_without_a_word(serve, answer, transport):
    server = serve((answer(b"first"),), (answer(b"second"),))
    assert transport.request("GET", server.origin, "/").body == b"first"
    server.wait_until_silent()
    assert transport.request("POST", server.origin, "/", body=b"x").body == b"second"
    assert server.connections == 2


def test_a_get_that_meets_a_closing_connection_is_sent_once_more(serve, answer, transport):
    # The second request is read, then the server hangs up without a byte: nobody can see that
    # coming, so only what may be repeated is repeated.
    server = serve((answer(b"first"), b""), (answer(b"again"),))
    transport.request("GET", server.origin, "/")
    assert transport.request("GET", server.origin, "/").body == b"again"
    assert len(server.heard) == 3


def test_a_post_is_repeated_only_where_it_may_be(serve, answer, transport):
    server = serve((answer(), b""), (answer(b"again"), b""))
    transport.request("GET", server.origin, "/")
    again = transport.request("POST", server.origin, "/", body=b"ls-refs", idempotent=True)
    assert again.body == b"again"
    with pytest.raises(NetworkError, match="broke off"):
        transport.request("POST", server.origin, "/", body=b"other")


def test_a_fresh_connection_that_breaks_is_not_tried_again(serve, transport):
    server = serve((b"",), (b"",))
    with pytest.raises(NetworkError, match="broke off"):
        transport.request("GET", server.origin, "/")
    assert len(server.heard) == 1


@pytest.mark.fault("a slow drip, silence")
def test_a_slow_drip_ends_at_the_deadline(serve, answer):
    # A minute passes with every look at the clock, and a large body needs many reads.
    minutes = itertools.count(step=60.0)
    server = serve((answer(bytes(10_000_000)),))
    with (
        Transport(clock=lambda: next(minutes)) as transport,
        pytest.raises(NetworkError, match="did not answer in time"),
    ):
        transport.request("GET", server.origin, "/")


@pytest.mark.fault("a slow drip, silence")
def test_a_silent_server_ends_at_the_timeout(serve):
    server = serve((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b""))
    with (
        Transport(timeout=0.05) as transport,
        pytest.raises(NetworkError, match="did not answer in time"),
    ):
        transport.request("GET", server.origin, "/")


def test_nobody_there_is_said_in_one_line(serve, transport):
    server = serve()
    gone = server.origin
    server.close()
    with pytest.raises(NetworkError, match="refused the connection") as caught:
        transport.request("GET", gone, "/")
    assert caught.value.advice


def test_an_unknown_host_is_said_in_one_line(transport):
    with pytest.raises(NetworkError, match=r"forge\.invalid is not known") as caught:
        transport.request("GET", Origin("https", "forge.invalid", 443), "/")
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    "value", [f"Bearer {SECRET}\r\nX-Evil: 1", f"Bearer {SECRET}\n", f"{SECRET}é"]
)
def test_a_token_that_breaks_the_header_is_refused_and_not_shown(transport, value):
    with pytest.raises(InvalidInput) as caught:
        transport.request(
            "GET", Origin("http", "127.0.0.1", 1), "/", headers={"Authorization": value}
        )
    assert SECRET not in str(caught.value) + caught.value.advice


@pytest.mark.parametrize("target", ["", "x", "/a b", "/\r\nHost: evil", "/ü", "http://evil/"])
def test_a_target_that_http_cannot_carry_is_refused(transport, target):
    with pytest.raises(InvalidInput):
        transport.request("GET", Origin("http", "127.0.0.1", 1), target)


def test_ssh_is_not_http(transport):
    with pytest.raises(InvalidInput, match="does not speak HTTP"):
        transport.request("GET", Origin("ssh", "example.com", 22), "/")


def test_many_threads_share_it(serve, answer):
    server = serve(*[(answer(b"x"),) * 50] * 8)
    results: list[bytes] = []

    def work() -> None:
        results.extend(transport.request("GET", server.origin, "/").body for _ in range(10))

    with Transport(max_idle_per_origin=8) as transport:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [b"x"] * 80
    assert server.connections <= 8


def test_no_more_idle_connections_are_kept_than_asked(serve, answer):
    server = serve(*[(answer(),) * 2] * 4)
    with Transport(max_idle_per_origin=0) as transport:
        transport.request("GET", server.origin, "/")
        transport.request("GET", server.origin, "/")
    assert server.connections == 2


class _Interrupting:
    """A clock that closes the transport at one of its readings: there is one before each wait."""

    def __init__(self, reading: int) -> None:
        self.transport: Transport | None = None
        self._left = reading

    def __call__(self) -> float:
        self._left -= 1
        if self._left == 0 and self.transport:
            self.transport.close()
        return 0.0


@pytest.mark.parametrize("reading", range(1, 6))
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_request_says_that_it_was_interrupted_wherever_it_was(serve, reading, encoding):
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 10\r\n\r\n"
    server = serve((head.encode(), b""))
    clock = _Interrupting(reading)
    with Transport(timeout=10.0, clock=clock) as clock.transport:
        with pytest.raises(NetworkError, match="closed by an interrupt"):
            clock.transport.request("GET", server.origin, "/")
        assert clock.transport.closed


def test_closing_wakes_who_waits(serve, transport):
    server = serve((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b""))
    errors: list[BaseException] = []
    asking = threading.Event()

    def ask() -> None:
        asking.set()
        try:
            transport.request("GET", server.origin, "/")
        except NetworkError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    asking.wait(10)
    transport.close()
    thread.join(10)
    assert not thread.is_alive()
    assert "interrupt" in str(errors[0])
    with pytest.raises(NetworkError, match="interrupt"):
        transport.request("GET", server.origin, "/")


def test_importing_it_loads_no_network_modules():
    code = (
        "import sys, mgit.transport;"
        "print([m for m in ('http.client', 'ssl', 'socket', 'zlib') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd="."
    )
    assert found.stdout.strip() == "[]"
