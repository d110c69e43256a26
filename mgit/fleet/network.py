"""From `[network]` and the proxy variables to what the transport and git need."""

from __future__ import annotations

from mgit.address import Origin
from mgit.config.settings import NetworkSettings
from mgit.credentials import Credential, Secret
from mgit.git.network import Network
from mgit.transport import ProxySettings, TlsSettings, Transport, parse_proxy


def git_network(settings: NetworkSettings) -> Network:
    """The same proxies and certificates for the transport and for git.

    Raises:
        ConfigurationError: the proxy's address cannot be used.
    """
    return Network(
        TlsSettings(settings.ca_file, settings.client_cert, settings.client_key),
        parse_proxy(settings.https_proxy, settings.no_proxy),
    )


def open_transport(settings: NetworkSettings) -> Transport:
    """A transport with these settings; the caller closes it.

    Raises:
        ConfigurationError: a proxy or a certificate file cannot be used.
    """
    network = git_network(settings)
    transport = Transport(tls=network.tls, proxy=network.proxy, timeout=settings.timeout)
    if network.tls != TlsSettings():
        transport.prepare()  # git would get the files before the transport looks at them
    return transport


def proxy_credential(proxy: ProxySettings) -> Credential | None:
    """The account at the proxy, for askpass and for what hides secrets; None without one."""
    server = proxy.https
    if server is None or server.username is None or not server.password:
        return None
    origin = Origin("http", server.host, server.port)
    return Credential(origin, server.username, Secret(server.password), "HTTPS_PROXY")
