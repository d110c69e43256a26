"""What is said when a certificate or a proxy does not do: which one, and what to do next."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mgit.address import Origin
from mgit.errors import NetworkError, WayBarred
from mgit.transport import ProxyServer, ProxySettings, TlsSettings, Transport
from sandbox.certificates import Authority, Pair
from sandbox.forge.web import Answer, WebServer
from sandbox.proxy import SandboxProxy


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def served(authority: Authority, pair: Pair, *, clients: bool = False) -> Iterator[Origin]:
    context = authority.context(pair, clients=clients)
    server = WebServer(lambda _: Answer(200, b"hello"), "127.0.0.1", 0, context)
    yield Origin("https", "127.0.0.1", server.port)
    server.close()


def ask(origin: Origin, tls: TlsSettings) -> str:
    """What is told when it fails: message and advice."""
    with Transport(tls=tls, timeout=5.0) as transport, pytest.raises(WayBarred) as caught:
        transport.request("GET", origin, "/")
    return f"{caught.value.message} | {caught.value.advice}"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda a: a.server("127.0.0.1", days=-1), ("has expired", "has to renew it")),
        (lambda a: a.server("forge.test"), ("IP address mismatch", "another address", "`url`")),
    ],
)
def test_a_certificate_that_does_not_fit_says_how(
    authority: Authority, make: Callable[[Authority], Pair], words: tuple[str, ...]
) -> None:
    with served(authority, make(authority)) as origin:
        told = ask(origin, TlsSettings(authority.file))
    assert all(word in told for word in (str(origin), *words)), told


def test_an_authority_that_is_not_the_right_one_is_named(
    authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "Other")
    with served(authority, authority.server("127.0.0.1")) as origin:
        assert str(other.file) in ask(origin, TlsSettings(other.file))
        assert "name its PEM file as `ca_file`" in ask(origin, TlsSettings())


def test_a_client_certificate_is_shown_where_one_is_wanted(authority: Authority) -> None:
    mine = authority.client("mona")
    with served(authority, authority.server("127.0.0.1"), clients=True) as origin:
        tls = TlsSettings(authority.file, mine.certificate, mine.key)
        with Transport(tls=tls) as transport:
            assert transport.request("GET", origin, "/").body == b"hello"
        assert "wants a client certificate" in ask(origin, TlsSettings(authority.file))
        old = authority.client("mona", days=-1)
        told = ask(origin, TlsSettings(authority.file, old.certificate, old.key))
        assert f"refused the client certificate {old.certificate}: certificate expired" in told


def test_an_authority_below_the_root_may_be_trusted_as_git_does(authority: Authority) -> None:
    """The server's own certificate stands for it here: nobody above it is known."""
    mine = authority.server("127.0.0.1")
    with (
        served(authority, mine) as origin,
        Transport(tls=TlsSettings(mine.certificate)) as transport,
    ):
        assert transport.request("GET", origin, "/").status == 200


def test_certificate_and_key_may_be_one_file(authority: Authority, tmp_path: Path) -> None:
    mine = authority.client("mona")
    both = tmp_path / "both.pem"
    both.write_bytes(mine.certificate.read_bytes() + mine.key.read_bytes())
    with (
        served(authority, authority.server("127.0.0.1"), clients=True) as origin,
        Transport(tls=TlsSettings(authority.file, both)) as transport,
    ):
        assert transport.request("GET", origin, "/").status == 200


def test_a_proxy_that_is_not_there_is_not_taken_for_the_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = ProxySettings(ProxyServer("127.0.0.1", port))
    with Transport(proxy=proxy) as transport, pytest.raises(NetworkError) as caught:
        transport.request("GET", Origin("https", "git.test", 443), "/")
    assert caught.value.message.startswith(f"the proxy 127.0.0.1:{port} cannot be reached: ")


@pytest.mark.parametrize(
    ("server", "advice"),
    [
        (ProxyServer("127.0.0.1", 0), "the proxy wants a user"),
        (ProxyServer("127.0.0.1", 0, "mona", "wrong"), "correct user and password"),
        (ProxyServer("127.0.0.1", 0, "mona", "right"), "to allow the host"),
    ],
)
def test_what_a_proxy_refuses_is_told_with_what_to_do(server: ProxyServer, advice: str) -> None:
    with SandboxProxy({}, user="mona", secret="right") as proxy:
        port = int(proxy.address.rpartition(":")[2])
        settings = ProxySettings(ProxyServer("127.0.0.1", port, server.username, server.password))
        with Transport(proxy=settings) as transport, pytest.raises(NetworkError) as caught:
            transport.request("GET", Origin("https", "git.test", 443), "/")
    assert "refused a tunnel to https://git.test" in caught.value.message
    assert advice in caught.value.advice
