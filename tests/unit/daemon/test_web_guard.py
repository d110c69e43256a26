"""Who is let in: tokens, certificates, names of this machine, patience."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.daemon.board import Board
from mgit.daemon.limit import MOST_ADDRESSES, Bucket, Failures, neighbourhood
from mgit.daemon.region import Region
from mgit.daemon.web.guard import Gate, at_home, token_of
from mgit.daemon.web.request import Request
from mgit.daemon.web.server import Exchange, Peer

TOKEN = "right-token-of-the-status-page"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def board():
    with Board() as made:
        made.lock([hashlib.sha256(TOKEN.encode()).digest()])
        yield made


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gate(board, clock):
    return Gate(Region(board.descriptor), tokens=True, certificates=False, clock=clock)


def look(gate, authorization="", *, address="192.0.2.1", certificate="", host="x"):
    headers = {"host": host}
    if authorization:
        headers["authorization"] = authorization
    request = Request("GET", ("",), headers=headers)
    return gate.look(request, Exchange(request, Peer(address, certificate), "0" * 16))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "given", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", basic("anybody", TOKEN), basic("", TOKEN)]
)
def test_the_token_lets_in(gate, given):
    assert look(gate, given) is None


@pytest.mark.parametrize(
    "given",
    ["Bearer wrong", "Bearer ", f"Digest {TOKEN}", basic(TOKEN, ""), "Basic ?", "Basic \xff",
     f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}"],
)  # fmt: skip
def test_nothing_else_does(gate, given):
    denied = look(gate, given)
    assert (denied.status, denied.code, denied.tried) == (401, "token-wrong", True)
    assert TOKEN not in repr(denied)


def test_a_token_in_the_query_is_none(gate):
    query = {"access_token": TOKEN, "token": TOKEN, "authorization": f"Bearer {TOKEN}"}
    request = Request("GET", ("",), query, {"host": "x"})
    denied = gate.look(request, Exchange(request, Peer("192.0.2.1"), "0" * 16))
    assert denied.code == "token-needed"


def test_who_gives_nothing_is_asked_and_not_blamed(gate):
    for _ in range(50):
        denied = look(gate)
        assert (denied.status, denied.code, denied.tried) == (401, "token-needed", False)
        (challenge,) = denied.headers
        assert challenge[0] == "WWW-Authenticate"
        assert "Bearer" in challenge[1]
        assert "Basic" in challenge[1]


def test_who_guesses_is_not_listened_to_for_a_while(gate, clock):
    assert [look(gate, "Bearer guess").status for _ in range(10)] == [401] * 10
    denied = look(gate, f"Bearer {TOKEN}")
    assert (denied.status, denied.code) == (429, "too-many-failures")
    assert denied.headers == (("Retry-After", "6"),)
    assert look(gate, f"Bearer {TOKEN}", address="192.0.2.2") is None
    clock.now += 6.1
    assert look(gate, f"Bearer {TOKEN}") is None


def test_a_certificate_lets_in_where_it_is_configured(board, clock):
    region = Region(board.descriptor)
    both = Gate(region, tokens=True, certificates=True, clock=clock)
    assert look(both, certificate="commonName=ops") is None
    assert look(both, f"Bearer {TOKEN}") is None
    assert look(both).status == 401
    only = Gate(region, tokens=False, certificates=True, clock=clock)
    assert look(only, certificate="commonName=ops") is None
    assert look(only, f"Bearer {TOKEN}").status == 403
    tokens = Gate(region, tokens=True, certificates=False, clock=clock)
    assert look(tokens, certificate="commonName=ops").status == 401


def test_a_certificate_is_asked_for_though_no_token_is_on_the_board(clock):
    with Board() as open_board:
        region = Region(open_board.descriptor)
        gate = Gate(region, tokens=False, certificates=True, clock=clock)
        assert look(gate, f"Bearer {TOKEN}").status == 403
        # Tokens are wanted, and the service has not said yet which: nobody comes in.
        early = Gate(region, tokens=True, certificates=False, clock=clock)
        assert look(early, f"Bearer {TOKEN}").status == 401


@pytest.mark.parametrize(
    ("host", "home"),
    [
        ("localhost", True), ("LOCALHOST:8081", True), ("127.0.0.1:81", True), ("127.8.0.1", True),
        ("[::1]:8081", True), ("", True), ("evil.example", False), ("localhost.example", False),
        ("127.0.0.1.evil.example", False), ("evil.example:127", False), ("0.0.0.0", False),
        ("127.0.0.1@evil", False), ("[::1", False),
    ],
)  # fmt: skip
def test_without_a_credential_the_host_must_be_this_machine(board, clock, host, home):
    assert at_home(host) is home
    gate = Gate(Region(board.descriptor), tokens=False, certificates=False, clock=clock)
    denied = look(gate, host=host)
    assert (denied is None) is home
    assert denied is None or (denied.status, denied.code) == (421, "host-unknown")


@given(st.text())
def test_any_field_has_a_token_or_none(text):
    assert isinstance(token_of(text.encode("utf-8", "replace").decode("latin-1")), bytes)


@given(st.lists(st.floats(min_value=0, max_value=20), max_size=60))
def test_a_bucket_never_takes_more_than_leaks(pauses):
    bucket, now, taken = Bucket(5, 2.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.add(now)
    assert taken <= 5 + now / 2.0


def test_addresses_that_belong_together_and_a_table_that_ends():
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff:2")
    assert neighbourhood("2001:db8:0:1::1") != neighbourhood("2001:db8::1")
    assert neighbourhood("::ffff:192.0.2.1") == "192.0.2.1"
    assert neighbourhood("fe80::1%eth0") == "fe80::/64"
    assert neighbourhood("socket") == "socket"
    failures = Failures(size=1)
    for number in range(MOST_ADDRESSES + 5):
        failures.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert failures.wait("10.0.0.0", 0.0) == 0.0  # forgotten
    assert failures.wait("10.0.4.4", 0.0) > 0
