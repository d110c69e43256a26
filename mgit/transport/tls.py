"""TLS as the transport speaks it: whom to trust, and what to show."""

from __future__ import annotations

import ssl

from mgit.errors import ConfigurationError
from mgit.transport.values import TlsSettings


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """TLS 1.2 or later, names and certificates checked.

    Raises:
        ConfigurationError: a file cannot be used, or the client's key is encrypted.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationError(
            f"the CA file {settings.ca_file} cannot be used: {error}",
            advice="give a PEM file that mgit may read",
        ) from error
    # Some Pythons (Debian 12's 3.11.2) take an end without TLS's own goodbye for a good one.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    # As libcurl, and so git, has it, on every Python: a company's intermediate authority may be
    # the one that is trusted, and certificates that lack what RFC 5280 wants besides are taken
    # (3.13 would refuse those that git fetches from).
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.client_cert is not None:
        _show(context, settings)
    elif settings.client_key is not None:
        raise ConfigurationError(
            f"there is a client key ({settings.client_key}) but no client certificate",
            advice="name the certificate as `client_cert`",
        )
    return context


class _Encrypted(Exception):
    """OpenSSL asked for the pass phrase of a key."""


def _show(context: ssl.SSLContext, settings: TlsSettings) -> None:
    certificate, key = settings.client_cert, settings.client_key
    assert certificate is not None  # noqa: S101 - the caller looked
    where = f"the client certificate {certificate}" + (f" with key {key}" if key else "")
    try:
        context.load_cert_chain(certificate, key, password=_no_pass_phrase)
    except _Encrypted:
        raise ConfigurationError(
            f"the key {key or certificate} is encrypted, and nobody can be asked for its phrase",
            advice="write it without one, for you alone: "
            "`umask 077; openssl pkey -in KEY -out PLAIN_KEY`",
        ) from None
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        why = "the key belongs to another certificate" if mismatch else (error.reason or "not PEM")
        raise ConfigurationError(
            f"{where} cannot be used: {why}",
            advice="give PEM files: the certificate with its chain, and its key",
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{where} cannot be read: {getattr(error, 'strerror', None) or error}",
            advice="check the paths and the owner of `client_cert` and `client_key`",
        ) from None


def _no_pass_phrase() -> str:
    raise _Encrypted
