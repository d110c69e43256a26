"""The health server: three pages, nothing else, and no client can tie it up.

It is the real one: a process of its own that reads what this process writes.
"""

import http.client
import socket
import threading
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mgit.config.values import HostPort
from mgit.daemon import http as health_http
from mgit.daemon.board import Board
from mgit.daemon.health import STALLED_AFTER_SECONDS, Health, Snapshot, live, ready
from mgit.daemon.http import MAX_CONNECTIONS, HealthServer
from mgit.errors import ConfigurationError
from mgit.telemetry.metrics import Metrics

HOME = HostPort("127.0.0.1", 0)


class Clock:
    """The helper has the clock of the machine; this one can be behind it."""

    behind = 0.0

    def __call__(self) -> float:
        return time.monotonic() - self.behind


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def board():
    with Board() as made:
        made.publish(Metrics().render())
        yield made


@pytest.fixture
def health(clock, board):
    return Health(clock, show=board.show)


@pytest.fixture
def server(health, board):
    with HealthServer(HOME, board) as running:
        yield running


def ask(server, path: str, method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        response.text = response.read().decode()
        return response
    finally:
        connection.close()


def make_ready(health: Health) -> None:
    health.locked(held=True)
    health.looked(state=True, storage=True)


def test_live_means_that_the_loop_moves():
    assert live(Snapshot(beat=10.0), 10.0 + STALLED_AFTER_SECONDS).well
    answer = live(Snapshot(beat=10.0), 11.0 + STALLED_AFTER_SECONDS)
    assert not answer.well
    assert "silent for 61 s" in answer.words


def test_live_does_not_ask_for_anything_else():
    assert live(Snapshot(beat=0.0, stopping=True), 1.0).well


def test_ready_names_everything_that_lacks():
    assert ready(Snapshot(0, lock_held=True, state_loaded=True, storage_writable=True)).well
    answer = ready(Snapshot(0, stopping=True))
    assert answer.words == (
        "stopping, root lock not held, state not loaded, storage full or not writable"
    )


def test_the_three_pages(server, health):
    assert (ask(server, "/livez").status, ask(server, "/readyz").status) == (200, 503)
    make_ready(health)
    response = ask(server, "/readyz")
    assert (response.status, response.text) == (200, "ready\n")
    metrics = ask(server, "/metrics")
    assert metrics.status == 200
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(metrics.text)}
    assert "mgit_build_info" in names


def test_a_silent_loop_is_not_live(server, health, clock):
    clock.behind = STALLED_AFTER_SECONDS + 1
    health.beat()
    assert ask(server, "/livez").status == 503


def test_a_stopping_service_is_not_ready_but_live(server, health):
    make_ready(health)
    health.beat(stopping=True)
    assert ask(server, "/readyz").status == 503
    assert ask(server, "/livez").status == 200


@pytest.mark.parametrize("path", ["/", "/livez/", "/metrics/x", "/../etc/passwd", "*"])
def test_there_is_nothing_else(server, path):
    assert ask(server, path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_only_reading(server, method):
    response = ask(server, "/livez", method)
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_head_has_no_body(server):
    response = ask(server, "/livez", "HEAD")
    assert (response.status, response.text) == (200, "")
    assert response.headers["Content-Length"] == "5"


def test_headers_give_nothing_away(server):
    headers = ask(server, "/livez").headers
    assert headers["Server"] == "mgit"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Connection"] == "close"


def test_a_query_is_ignored(server):
    assert ask(server, "/livez?x=1").status == 200


def raw(server, data: bytes) -> bytes:
    address = (server.address.host, server.address.port)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(4096):
            answer += part
        return answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"",
    ],
    ids=["tls", "half a line", "odd version", "long line", "many headers", "nothing"],
)
def test_rubbish_is_refused_and_changes_nothing(server, data):
    answer = raw(server, data)
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert ask(server, "/livez").status == 200


def test_slow_clients_cannot_take_all_of_it(server):
    address = (server.address.host, server.address.port)
    slow = [socket.create_connection(address, timeout=10) for _ in range(MAX_CONNECTIONS)]
    # Whoever comes on top is turned away at once: the connection is closed without an answer.
    with socket.create_connection(address, timeout=10) as late:
        assert late.recv(100) == b""
    for connection in slow:
        connection.close()
    gone = threading.Event()
    while not gone.wait(0.01):
        try:
            if ask(server, "/livez").status == 200:
                break
        except OSError:
            continue


def test_a_connection_over_its_deadline_is_cut(board):
    with HealthServer(HOME, board, deadline=0.0) as server:
        address = (server.address.host, server.address.port)
        with socket.create_connection(address, timeout=10) as slow:
            slow.sendall(b"GET /livez")
            assert slow.recv(100) in (b"", raw(server, b""))


def test_ipv6_works(health, board):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with HealthServer(HostPort("::1", 0), board) as server:
        assert server.address.host == "::1"
        assert ask(server, "/livez").status == 200


def test_an_address_that_is_taken_is_an_error_in_one_line(server, board):
    with pytest.raises(ConfigurationError, match="cannot listen at 127"):
        HealthServer(server.address, board)


def test_it_can_be_closed_and_opened_again_at_once(health, board):
    with HealthServer(HOME, board) as first:
        address = first.address
        assert ask(first, "/livez").status == 200
    with HealthServer(address, board) as second:
        assert ask(second, "/livez").status == 200


def test_limits_are_what_the_documentation_says():
    assert health_http.IDLE_SECONDS == 5.0
    assert health_http.DEADLINE_SECONDS == 10.0
