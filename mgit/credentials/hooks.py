"""The secrets of webhooks: a private file with one secret a line."""

from __future__ import annotations

from pathlib import Path

from mgit.credentials.files import read_private
from mgit.credentials.secret import Secret
from mgit.errors import ConfigurationError, InvalidInput

LEAST_LENGTH = 16
"""Characters of the shortest secret: one that can be guessed vouches for nothing."""
MOST_SECRETS = 8


def read_hook_secrets(path: Path, *, trusted: tuple[Path, ...] = ()) -> tuple[Secret, ...]:
    """All secrets that are valid now; while one is replaced there are two.

    Args:
        path: the file; empty lines mean nothing.
        trusted: folders whose files may be readable by others, see `read_private`.

    Raises:
        ConfigurationError: the file cannot be used, or what stands in it.
    """
    text = read_private(path, "webhook secret file", trusted=trusted)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MOST_SECRETS:
        raise ConfigurationError(
            f"webhook secret file {path} holds {len(lines)} secrets, not 1 to {MOST_SECRETS}",
            advice="write one secret a line, such as `openssl rand -hex 32` makes",
        )
    if any(len(line) < LEAST_LENGTH for line in lines):
        raise ConfigurationError(
            f"webhook secret file {path} holds a secret of fewer than {LEAST_LENGTH} characters",
            advice="make a longer one, such as by `openssl rand -hex 32`",
        )
    try:
        return tuple(Secret(line) for line in lines)
    except InvalidInput as error:
        raise ConfigurationError(
            f"webhook secret file {path} holds something that is no secret",
            advice=error.advice or "write one secret a line",
        ) from None
