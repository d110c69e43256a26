"""Errors of the network put into words: which host, which certificate, what to do next."""

from __future__ import annotations

import socket
import ssl

from mgit.address import Origin
from mgit.errors import NetworkError, WayBarred
from mgit.transport.body import broken_off
from mgit.transport.proxy import ProxyServer
from mgit.transport.values import TlsSettings

_OWN_AUTHORITY = "if your company has its own authority, name its PEM file as `ca_file`"
# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_VERIFY_ADVICE = {
    9: "it is not valid yet: check this machine's clock",
    10: "it has expired: the forge's administrator has to renew it (or this clock is wrong)",
    18: "the server signed it itself: if that is meant so, name its PEM file as `ca_file`",
    62: "it belongs to another host: check the `url` of the source",
    64: "it belongs to another address: check the `url` of the source",
}
# Alerts of RFC 8446, section 6.2, as OpenSSL names them: what a server says of our certificate.
_ABOUT_OURS = (
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNKNOWN_CA",
    "ALERT_UNSUPPORTED_CERTIFICATE",
)


def explain(origin: Origin, error: OSError, tls: TlsSettings) -> NetworkError:
    """Put an error of the network into words. It holds host, files and cause, nothing else."""
    match error:
        case socket.gaierror():
            return NetworkError(
                f"{origin.host} is not known to the name service",
                advice="check the host name and the network",
            )
        case ssl.SSLCertVerificationError():
            return _not_trusted(origin, error, tls)
        case ssl.SSLError():
            return _handshake(origin, error.reason or "handshake failed", tls)
        case TimeoutError():
            return NetworkError(f"{origin} did not answer in time", advice="try again later")
        case ConnectionRefusedError():
            return NetworkError(
                f"{origin} refused the connection", advice="check the address and port"
            )
        case ConnectionError():
            return broken_off(origin)
        case _:
            return NetworkError(
                f"{origin} cannot be reached: {error.strerror or type(error).__name__}",
                advice="check the network",
            )


def proxy_unreachable(proxy: ProxyServer, error: OSError) -> NetworkError:
    """There is no connection to the proxy itself."""
    match error:
        case socket.gaierror():
            why = "its name is not known to the name service"
        case TimeoutError():
            why = "it did not answer in time"
        case _:
            why = error.strerror or type(error).__name__
    return NetworkError(
        f"the proxy {proxy.address} cannot be reached: {why}",
        advice="check HTTPS_PROXY; NO_PROXY names the hosts that are reached without it",
    )


def tunnel_refused(proxy: ProxyServer, origin: Origin, status: int) -> NetworkError:
    """The proxy answered CONNECT with something else than 200."""
    advice = "check HTTPS_PROXY and NO_PROXY, or ask whoever runs the proxy to allow the host"
    if status == 407:
        wrong = proxy.username is not None
        advice = (
            "correct user and password in HTTPS_PROXY (percent-encoded; Basic is what mgit speaks)"
            if wrong
            else "the proxy wants a user: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
        )
    error = NetworkError if status >= 500 else WayBarred
    return error(
        f"the proxy {proxy.address} refused a tunnel to {origin} ({status})", advice=advice
    )


def _not_trusted(
    origin: Origin, error: ssl.SSLCertVerificationError, tls: TlsSettings
) -> NetworkError:
    # OpenSSL's words hold the name that was asked for, nothing of the certificate.
    message = f"{origin} has a certificate that is not trusted: {error.verify_message}"
    advice = _VERIFY_ADVICE.get(error.verify_code, "")
    if not advice:
        known = tls.ca_file
        advice = (
            f"the authorities in {known} (`ca_file`) did not sign it: add the right one there"
            if known
            else _OWN_AUTHORITY
        )
    return WayBarred(message, advice=advice)


def _handshake(origin: Origin, reason: str, tls: TlsSettings) -> NetworkError:
    if reason.endswith("ALERT_CERTIFICATE_REQUIRED"):
        return WayBarred(
            f"{origin} wants a client certificate",
            advice="name yours as `client_cert` and its key as `client_key` in [network]",
        )
    if tls.client_cert is not None and reason.endswith(_ABOUT_OURS):
        said = reason.rpartition("ALERT_")[2].replace("_", " ").lower()
        return WayBarred(
            f"{origin} refused the client certificate {tls.client_cert}: {said}",
            advice="check that it is the right one for this host, and has not expired",
        )
    # Before TLS 1.3 a missing client certificate is but a failed handshake.
    perhaps = reason.endswith("ALERT_HANDSHAKE_FAILURE") and tls.client_cert is None
    return NetworkError(
        f"TLS with {origin} failed: {reason}",
        advice="check the address and port"
        + ("; if it wants a client certificate, name yours as `client_cert`" if perhaps else ""),
    )
