"""The keys of the status page and API, and of who may see them; part of the table in `keys`."""

from __future__ import annotations

from pathlib import Path

from mgit.config.key import Key
from mgit.config.values import HostPort, read_listen, read_path

WEB: Key[HostPort] = Key(
    "serve",
    "web",
    read_listen,
    None,
    "MGIT_WEB",
    "where `mgit serve` answers its status page and API",
)
WEB_TOKEN_FILE: Key[Path] = Key(
    "serve",
    "token_file",
    read_path,
    None,
    "MGIT_WEB_TOKEN_FILE",
    "file of the tokens that let in, one a line",
)
TLS_CERT: Key[Path] = Key(
    "serve",
    "tls_cert",
    read_path,
    None,
    "MGIT_WEB_TLS_CERT",
    "certificate of the status page and API",
)
TLS_KEY: Key[Path] = Key(
    "serve",
    "tls_key",
    read_path,
    None,
    "MGIT_WEB_TLS_KEY",
    "key of that certificate, where it is in a file of its own",
)
CLIENT_CA: Key[Path] = Key(
    "serve",
    "client_ca",
    read_path,
    None,
    "MGIT_WEB_CLIENT_CA",
    "whose certificates let in",
)
