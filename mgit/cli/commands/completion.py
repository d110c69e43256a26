"""`mgit completion SHELL`: the script that lets a shell complete mgit's words."""

from __future__ import annotations

import argparse

from mgit.cli.console import Console
from mgit.cli.scripts import SCRIPTS


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the script; it is to be sourced."""
    console.out.write(SCRIPTS[options.shell])
    return 0
