"""Which requests go through a proxy, and through which.

Only `CONNECT` tunnels: plain http is spoken with this machine alone, and that is never proxied.
The rules of `NO_PROXY` are those that curl and git share.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from mgit.address import Origin, is_host_name
from mgit.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """An http proxy that opens tunnels.

    Args:
        host: name or address, IPv6 without brackets.
        port: always given.
        username: None where the proxy wants nobody's name.
        password: a secret; may be empty.
    """

    host: str
    port: int
    username: str | None = None
    password: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """`host:port`, for a person and for git."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authorization(self) -> str:
        """Value of `Proxy-Authorization` (RFC 7617), empty for none; a secret."""
        if self.username is None:
            return ""
        pair = f"{self.username}:{self.password}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """The proxy for https, and the hosts that are reached without it.

    Args:
        https: None for no proxy at all.
        bypass: entries of `NO_PROXY`: a host, a domain (its sub-domains are meant too), an
            address, a network (`10.0.0.0/8`), each with an optional `:port`, or `*`.
    """

    https: ProxyServer | None = None
    bypass: tuple[str, ...] = ()

    def for_origin(self, origin: Origin) -> ProxyServer | None:
        """The proxy to reach this origin through, None for a straight connection."""
        if self.https is None or origin.scheme != "https" or origin.is_loopback:
            return None
        return None if any(_matches(entry, origin) for entry in self.bypass) else self.https


def parse_proxy(https_proxy: str, no_proxy: str = "") -> ProxySettings:
    """Read the values of `HTTPS_PROXY` (or `ALL_PROXY`) and `NO_PROXY`; empty means no proxy.

    Raises:
        ConfigurationError: not an `http://HOST:PORT` address. Its message never repeats the
            value, which may hold a password.
    """
    bypass = tuple(part.lower() for part in re.split(r"[,\s]+", no_proxy) if part)
    if not https_proxy:
        return ProxySettings(None, bypass)
    text = https_proxy if "://" in https_proxy else f"http://{https_proxy}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused() from None
    if parts.scheme != "http" or not parts.hostname or not text.isprintable():
        raise _refused()
    if not _is_host(parts.hostname):
        raise _refused()
    return ProxySettings(
        ProxyServer(parts.hostname, port or 80, *_account(parts.username, parts.password)), bypass
    )


def _is_host(text: str) -> bool:
    if ":" not in text:
        return is_host_name(text.replace("_", "x"))  # as containers are often named
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _account(username: str | None, password: str | None) -> tuple[str | None, str]:
    if username is None:
        return None, ""
    name, secret = unquote(username), unquote(password or "")
    if not (name + secret).isprintable() or ":" in name or secret != secret.strip():
        raise _refused()
    return name, secret


def _refused() -> ConfigurationError:
    return ConfigurationError(
        "the address of the proxy (HTTPS_PROXY or ALL_PROXY) is not usable",
        advice="write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, percent-encoded; "
        "SOCKS and proxies that want TLS themselves are not supported",
    )


def _matches(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    name, separator, port = entry.rpartition(":")
    if separator and port.isascii() and port.isdigit() and (":" not in name or name.endswith("]")):
        if port.lstrip("0") != str(origin.port):
            return False
        entry = name
    try:
        network = ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        domain = entry.removeprefix("*").lstrip(".")
        return bool(domain) and (origin.host == domain or origin.host.endswith(f".{domain}"))
    try:
        return ipaddress.ip_address(origin.host) in network
    except ValueError:
        return False
