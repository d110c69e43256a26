"""From patterns, `--filter` and `--source` to a selection."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mgit.cli.app import settings_for
from mgit.cli.patterns import only_sources, refuse_expanded
from mgit.config import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mgit.plan.select import Selection


def choose(
    options: argparse.Namespace, patterns: Sequence[str], *, sources: bool = True
) -> tuple[Settings, Selection]:
    """The settings and the selection that a command line asks for.

    Args:
        options: of the command.
        patterns: without the folder that may stand among them.
        sources: whether the command needs one at all.

    Raises:
        InvalidInput: a pattern or condition is malformed, or looks like what a shell made of a *.
        ConfigurationError: the configuration is not sound, or knows no such source or selection.
    """
    refuse_expanded(options.command, patterns, Path.cwd())
    settings = settings_for(options)
    if sources or options.source:
        settings = only_sources(settings, options.source)
    from mgit.fleet.selecting import saved_selections
    from mgit.plan.select import Named, Selection

    saved = saved_selections(settings)
    selection = Selection.parse(patterns, options.filter or (), saved=saved)
    if options.source and not sources:  # clones on disk: nothing but the selection narrows them
        selection = Selection((Named("--source", selection, frozenset(options.source)),))
    return settings, selection
