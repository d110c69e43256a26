"""How git leaves this machine: the proxy and the certificates that the transport uses as well.

Both get their settings from one place, so that a repository that could be asked can also be
fetched. docs/adr/0023 says why it is done by configuration and not by git's own variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from mgit.address import Origin
from mgit.transport.proxy import ProxyServer, ProxySettings
from mgit.transport.values import TlsSettings

Pair = tuple[str, str]

# The most specific key wins in git, wherever it stands. Said for the origin itself, these beat
# an `http.https://host.sslVerify=false` in a clone's own configuration.
_ALWAYS = (("extraHeader", ""), ("followRedirects", "false"), ("sslVerify", "true"))


@dataclass(frozen=True, slots=True)
class Network:
    """What `[network]` and the environment say, for git.

    Args:
        tls: authorities to trust, certificate to show.
        proxy: which origins are reached through which proxy.
    """

    tls: TlsSettings = field(default_factory=TlsSettings)
    proxy: ProxySettings = field(default_factory=ProxySettings)


def network_config(network: Network, origin: Origin, variables: Mapping[str, str]) -> list[Pair]:
    """Git's configuration to reach one origin; nothing secret.

    Args:
        network: the settings.
        origin: where git will talk to. The rest (LFS, submodules) may lead elsewhere, so that
            everything is said for all hosts first, and then for this one.
        variables: mgit's environment. libcurl itself does not look at `SSL_CERT_FILE`.
    """
    config = [(f"http.{key}", value) for key, value in _tls(network.tls, variables)]
    config.append(("http.proxy", _proxy_url(network.proxy.https)))
    # git would otherwise try without first, to see what the proxy offers.
    config.append(("http.proxyAuthMethod", "basic"))
    if origin.scheme != "ssh":
        proxy = _proxy_url(network.proxy.for_origin(origin))
        here = (*_ALWAYS, *_tls(network.tls, variables), ("proxy", proxy))
        config += [(f"http.{origin}.{key}", value) for key, value in here]
    return config


def _tls(tls: TlsSettings, variables: Mapping[str, str]) -> Iterator[Pair]:
    if tls.ca_file is not None:
        yield "sslCAInfo", str(tls.ca_file)
    else:
        file, folder = variables.get("SSL_CERT_FILE"), variables.get("SSL_CERT_DIR")
        # OpenSSL passes over what is not there; git would fail.
        if file and Path(file).is_file():
            yield "sslCAInfo", file
        if folder and Path(folder).is_dir():
            yield "sslCAPath", folder
    if tls.client_cert is not None:
        yield "sslCert", str(tls.client_cert)
        yield "sslKey", str(tls.client_key or tls.client_cert)


def _proxy_url(proxy: ProxyServer | None) -> str:
    """Value of `http.proxy`; empty for none at all. git asks askpass for the password."""
    if proxy is None:
        return ""
    if proxy.username is None:
        return f"http://{proxy.address}"
    # An empty password is said here: git would ask for it, and take no empty answer.
    user = quote(proxy.username, safe="") + ("" if proxy.password else ":")
    return f"http://{user}@{proxy.address}"
