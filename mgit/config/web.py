"""Reads who may see what `mgit serve` shows, and refuses what would show it to everybody."""

from __future__ import annotations

from mgit.config import web_keys as keys
from mgit.config.resolve import Resolver
from mgit.config.settings import WebSettings
from mgit.errors import ConfigurationError


def read_web(resolver: Resolver) -> WebSettings:
    """The status page and API, as configured.

    Raises:
        ConfigurationError: they would be open to others than this machine, or TLS lacks a part.
    """
    web = WebSettings(
        listen=resolver.find(keys.WEB),
        token_file=resolver.find(keys.WEB_TOKEN_FILE),
        tls_cert=resolver.find(keys.TLS_CERT),
        tls_key=resolver.find(keys.TLS_KEY),
        client_ca=resolver.find(keys.CLIENT_CA),
    )
    if web.tls_cert is None:
        for key, value in ((keys.TLS_KEY, web.tls_key), (keys.CLIENT_CA, web.client_ca)):
            if value is not None:
                raise ConfigurationError(
                    f"{resolver.origin(key)}: {key.path} needs a certificate to be shown first",
                    advice=f"name it as `tls_cert` in [serve], or in {keys.TLS_CERT.env}",
                )
    if web.listen is not None and not web.listen.loopback and not web.asks:
        raise ConfigurationError(
            f"{resolver.origin(keys.WEB)}: serve.web listens at {web.listen}, where others can "
            "reach it, and asks nobody for a token",
            advice=f"name a file of tokens as `token_file` in [serve] or in "
            f"{keys.WEB_TOKEN_FILE.env}, or listen at 127.0.0.1",
        )
    return web
