"""`mgit health`: made for container health checks, so it loads next to nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mgit import health

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def run_early(arguments: Sequence[str]) -> int:
    """Answer without argparse and configuration when all is said on the command line.

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
        return _ask(words[1], live=live)
    from mgit.cli.app import run as run_command

    return run_command(["health", *arguments])


def run(options: argparse.Namespace, console: object) -> int:
    """Ask the service that the configuration speaks of."""
    del console
    if options.url:
        return _ask(options.url, live=options.live)
    from mgit.cli.app import settings_for

    return _ask(str(settings_for(options).serve.listen), live=options.live)


def _ask(address: str, *, live: bool) -> int:
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
