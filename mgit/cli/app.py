"""From a command line to a command that runs."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from mgit.cli.parser import parse
from mgit.cli.words_of_0x import modernise

# What is only needed behind `--help` and behind an error is loaded there.
if TYPE_CHECKING:
    from mgit.cli.console import Console
    from mgit.config import Settings

    Command = Callable[[argparse.Namespace, Console], int]

FLAGS = {
    "root": "defaults.root",
    "layout": "defaults.layout",
    "kind": "defaults.kind",
    "depth": "defaults.depth",
    "blobs": "defaults.blobs",
    "lfs": "defaults.lfs",
    "submodules": "defaults.submodules",
    "wikis": "defaults.wikis",
    "heal": "defaults.heal",
    "gone": "defaults.gone",
    "concurrency": "defaults.concurrency",
    "listen": "serve.listen",
    "interval": "serve.interval",
    "shard": "serve.shard",
}
"""Options that stand for a key of the configuration, and outrank it."""


def run(arguments: Sequence[str]) -> int:
    """Parse, then hand over to the command.

    Args:
        arguments: without the program's name.

    Returns:
        The exit code.

    Raises:
        MgitError: what `main` explains to the person.
    """
    try:
        modern = modernise(arguments)
        options = parse(modern.arguments)
    except SystemExit as end:  # after --help
        return int(end.code or 0)
    if options.command is None:
        return _version()
    if options.command != "serve":  # which has a gentler end of its own
        _end_like_an_interrupt()
    from importlib import import_module

    from mgit.cli.hardening import keep_memory_private

    # Every command may meet a token, in the environment if nowhere else.
    keep_memory_private(children=options.command != "run")
    from mgit.cli.console import standard_console
    from mgit.config import current_environment

    environment = current_environment()
    console = standard_console(
        quiet=getattr(options, "quiet", False),
        verbose=getattr(options, "verbose", False),
        color=not getattr(options, "no_color", False) and environment.given("NO_COLOR") is None,
        dumb=environment.given("TERM") == "dumb",
    )
    for note in modern.notes:
        console.note(f"mgit: {note}")
    module = import_module(f"mgit.cli.commands.{options.command}")
    return cast("Command", module.run)(options, console)


def _version() -> int:
    from mgit.version import __version__

    sys.stdout.write(f"mgit {__version__}\n")
    return 0


def settings_for(options: argparse.Namespace) -> Settings:
    """The settings that this command line asks for.

    Raises:
        ConfigurationError: see `mgit.config.load_settings`.
    """
    from pathlib import Path

    from mgit.config import load_settings

    named = getattr(options, "config", None)
    given = {
        path: value
        for name, path in FLAGS.items()
        if (value := getattr(options, name, None)) is not None
    }
    return load_settings(config_file=Path(named) if named else None, flags=given)


def load_for_login(options: argparse.Namespace) -> Settings:
    """Settings for the one command that may begin without a configuration file.

    Raises:
        ConfigurationError: the file is there and is not sound.
    """
    from pathlib import Path

    from mgit.config import current_environment, find_paths, load_settings
    from mgit.config.document import Document
    from mgit.config.load import settle

    named = getattr(options, "config", None)
    environment = current_environment()
    paths = find_paths(environment, config_file=Path(named) if named else None)
    if paths.config_file.exists():
        return load_settings(environment=environment, config_file=paths.config_file)
    return settle(Document(paths.config_file), environment, paths, {})


def _end_like_an_interrupt() -> None:
    """SIGTERM and SIGHUP end a command the way Ctrl-C does: children ended, nothing half made."""

    def end(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Whoever started mgit may have chosen that it ignores one of them (nohup).
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)
