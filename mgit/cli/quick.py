"""`mgit health --url …` without argparse and configuration: container health checks run it often.

It imports nothing but `mgit.health`; even `typing` would cost more than the question itself.
"""

from __future__ import annotations

import sys

from mgit import health


def run_health(arguments: list[str]) -> int:
    """Answer at once when all is said on the command line, else go the long way.

    Args:
        arguments: what follows `health`.

    Returns:
        0 when the service is well, 1 when it is not, 2 for wrong usage.
    """
    words = list(arguments)
    live = "--live" in words
    if live:
        words.remove("--live")
    if len(words) == 2 and words[0] == "--url":
        return ask(words[1], live=live)
    from mgit.cli.app import run

    return run(["health", *arguments])


def ask(address: str, *, live: bool) -> int:
    """Ask the service at `HOST:PORT` and tell the person.

    Raises:
        InvalidInput: it is not an address.
    """
    try:
        host, port = health.split_address(address)
    except ValueError as error:
        from mgit.errors import InvalidInput

        raise InvalidInput(str(error), advice="see `mgit health --help`") from None
    well, line = health.check(host, port, "/livez" if live else "/readyz")
    if well:
        sys.stdout.write(f"{line}\n")
        return 0
    sys.stderr.write(f"mgit: {line}\nmgit: is `mgit serve` running there? its log says more\n")
    return 1
