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

from mgit.address import Origin
from mgit.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """An http proxy that opens tunnels.

    Args:
        authorization: value of `Proxy-Authorization`, empty for none; a secret.
    """

    host: str
    port: int
    authorization: str = field(default="", repr=False)


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
    """Read the values of `HTTPS_PROXY` and `NO_PROXY`; an empty first one means no proxy.

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
    return ProxySettings(
        ProxyServer(parts.hostname, port or 80, _basic(parts.username, parts.password)), bypass
    )


def _basic(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _refused() -> ConfigurationError:
    return ConfigurationError(
        "the proxy address (HTTPS_PROXY) is not usable",
        advice="write it as http://HOST:PORT; proxies that want TLS themselves are not supported",
    )


def _matches(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    name, separator, port = entry.rpartition(":")
    if separator and port.isdigit() and (":" not in name or name.endswith("]")):
        if int(port) != origin.port:
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
