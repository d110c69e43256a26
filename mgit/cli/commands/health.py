"""`mgit health`: ask the service that the configuration speaks of. See `mgit.cli.quick`."""

from __future__ import annotations

import argparse

from mgit.cli.app import settings_for
from mgit.cli.console import Console
from mgit.cli.quick import ask


def run(options: argparse.Namespace, console: Console) -> int:
    """Returns 0 when the service is well, 1 when it is not."""
    del console
    address = options.url or str(settings_for(options).serve.listen)
    return ask(address, live=options.live)
