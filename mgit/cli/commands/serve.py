"""`mgit serve`: the daemon, in the foreground."""

from __future__ import annotations

import argparse

from mgit.cli.app import settings_for
from mgit.cli.console import Console


def run(options: argparse.Namespace, console: Console) -> int:
    """Hand over to the daemon, which ends on SIGTERM."""
    settings = settings_for(options)
    settings.require_sources()
    for warning in settings.warnings:
        console.warn(warning)
    from mgit.daemon.service import serve

    return int(serve(settings, once=options.once))
