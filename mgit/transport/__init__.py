"""HTTP/1.1 over kept-alive connections, shared by the forges' REST calls and git's ls-refs.

Deliberately small: it never follows a redirect, never adds a credential, never decodes JSON.
Importing it is cheap; `http.client`, `ssl` and `zlib` are loaded with the first request.
"""

from mgit.transport.client import MIB, Transport
from mgit.transport.proxy import ProxyServer, ProxySettings, parse_proxy
from mgit.transport.values import CachedResponse, Response, ResponseCache, TlsSettings

__all__ = [
    "MIB",
    "CachedResponse",
    "ProxyServer",
    "ProxySettings",
    "Response",
    "ResponseCache",
    "TlsSettings",
    "Transport",
    "parse_proxy",
]
