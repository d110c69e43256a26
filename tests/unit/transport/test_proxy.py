"""Proxies: who goes through one, and how the tunnel is asked for."""

from __future__ import annotations

import base64

import pytest

from mgit.address import Origin
from mgit.errors import ConfigurationError, NetworkError
from mgit.transport import ProxyServer, ProxySettings, Transport, parse_proxy

GITHUB = Origin("https", "api.github.com", 443)


def test_no_proxy_means_no_proxy():
    assert parse_proxy("").for_origin(GITHUB) is None


def test_https_goes_through_it_and_this_machine_never():
    settings = parse_proxy("http://proxy.example.com:3128")
    assert settings.for_origin(GITHUB) == ProxyServer("proxy.example.com", 3128)
    assert settings.for_origin(Origin("http", "127.0.0.1", 8080)) is None
    assert settings.for_origin(Origin("https", "localhost", 443)) is None


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "direct"),
    [
        ("*", "api.github.com", 443, True),
        ("github.com", "api.github.com", 443, True),
        (".github.com", "api.github.com", 443, True),
        ("*.github.com", "api.github.com", 443, True),
        ("hub.com", "api.github.com", 443, False),
        ("github.com:8443", "github.com", 443, False),
        ("github.com:8443", "github.com", 8443, True),
        ("a.example, b.example c.example", "c.example", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "api.github.com", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("[fd00::1]:443", "fd00::1", 443, True),
    ],
)
def test_no_proxy_is_read_as_curl_reads_it(no_proxy, host, port, direct):
    settings = parse_proxy("http://proxy.example.com", no_proxy)
    assert (settings.for_origin(Origin("https", host, port)) is None) is direct


def test_a_password_is_kept_out_of_sight():
    settings = parse_proxy("http://me:s%40cret@proxy.example.com:3128")
    assert settings.https is not None
    assert settings.https.authorization == "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert "cret" not in repr(settings)
    assert settings.https.authorization not in repr(settings)


@pytest.mark.parametrize(
    "url", ["https://u:s3cret@proxy:1", "socks5://s3cret", "http://", "http://p:x"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigurationError) as caught:
        parse_proxy(url)
    assert "s3cret" not in str(caught.value) + caught.value.advice


def test_the_tunnel_is_asked_for_and_a_refusal_told(serve):
    server = serve((b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",))
    proxy = ProxySettings(ProxyServer("127.0.0.1", server.port, "me", "abc"))
    with (
        Transport(proxy=proxy) as transport,
        pytest.raises(NetworkError, match=r"refused a tunnel .*407"),
    ):
        transport.request("GET", GITHUB, "/", headers={"Authorization": "Bearer canary"})
    assert server.heard[0].decode() == (
        "CONNECT api.github.com:443 HTTP/1.1\r\n"
        "Host: api.github.com:443\r\n"
        "Proxy-Authorization: Basic bWU6YWJj\r\n\r\n"
    )
