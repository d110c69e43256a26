"""Rare errors of the network, each in words that name the host and what to do."""

from __future__ import annotations

import socket

import pytest

from mgit.address import Origin
from mgit.errors import NetworkError
from mgit.transport.proxy import ProxyServer
from mgit.transport.trouble import explain, proxy_unreachable
from mgit.transport.values import TlsSettings

ORIGIN = Origin("https", "git.test", 443)
PROXY = ProxyServer("proxy.test", 3128)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (socket.gaierror(-2, "Name or service not known"), "is not known to the name service"),
        (TimeoutError(), "did not answer in time"),
        (ConnectionRefusedError(), "refused the connection"),
        (ConnectionResetError(), "broke off the connection"),
        (OSError(113, "No route to host"), "cannot be reached: No route to host"),
        (OSError(), "cannot be reached: OSError"),
    ],
)
def test_each_error_names_the_host(error: OSError, says: str) -> None:
    told = explain(ORIGIN, error, TlsSettings())
    assert isinstance(told, NetworkError)
    assert "git.test" in told.message
    assert says in told.message
    assert told.advice


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (socket.gaierror(-2, "x"), "its name is not known"),
        (TimeoutError(), "it did not answer in time"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_the_proxy_is_told_apart_from_the_host(error: OSError, says: str) -> None:
    told = proxy_unreachable(PROXY, error)
    assert told.message.startswith("the proxy proxy.test:3128 cannot be reached: ")
    assert says in told.message
