"""The keys that say how hosts are reached; part of the table in `keys`."""

from __future__ import annotations

from pathlib import Path

from mgit.config.key import Key
from mgit.config.values import format_duration, read_duration, read_path

CA_FILE: Key[Path] = Key(
    "network",
    "ca_file",
    read_path,
    None,
    "MGIT_CA_FILE",
    "certificates to trust in place of the system's",
)
CLIENT_CERT: Key[Path] = Key(
    "network",
    "client_cert",
    read_path,
    None,
    "MGIT_CLIENT_CERT",
    "certificate to show to hosts that want one",
)
CLIENT_KEY: Key[Path] = Key(
    "network",
    "client_key",
    read_path,
    None,
    "MGIT_CLIENT_KEY",
    "key of that certificate, where it is in a file of its own",
)
TIMEOUT: Key[float] = Key(
    "network",
    "timeout",
    read_duration(1, 600),
    "30s",
    "MGIT_TIMEOUT",
    "how long a connection may be silent",
    format_duration,
)
