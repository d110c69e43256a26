"""`mgit config show|path|check|import`: what is set, where it stands, whether it is sound."""

from __future__ import annotations

import argparse

from mgit.cli.app import settings_for
from mgit.cli.console import Console
from mgit.cli.documents import config_document, line_of
from mgit.cli.output import write_document, write_line
from mgit.cli.tables import Table, make_table
from mgit.cli.words import count
from mgit.config import Settings, current_environment, find_paths
from mgit.errors import ConfigurationError, InvalidInput


def run(options: argparse.Namespace, console: Console) -> int:
    """Do one of the four."""
    if options.action != "import" and (options.file or options.dry_run):
        raise InvalidInput(
            f"`mgit config {options.action}` takes no FILE and no --dry-run",
            advice="another configuration is named with --config FILE",
        )
    match options.action:
        case "import":
            from mgit.cli.taking_over import take_over

            return take_over(options, console)
        case "show":
            _show(options, console)
        case "path":
            _path(options, console)
        case _:
            _check(options, console)
    return 0


def _show(options: argparse.Namespace, console: Console) -> None:
    settings = settings_for(options)
    document = config_document(settings)
    match options.format:
        case "json":
            write_document(console, document)
        case "jsonl":
            for shown in settings.values:
                record = {"key": shown.key, "value": shown.value, "origin": shown.origin}
                write_line(console, line_of("mgit.config.value/1", record))
        case _:
            console.table(_values(settings))
    for warning in settings.warnings:
        console.warn(warning)


def _values(settings: Settings) -> Table:
    rows = [(shown.key, shown.value, shown.origin) for shown in settings.values]
    return make_table(("key", "value", "from"), rows)


def _path(options: argparse.Namespace, console: Console) -> None:
    from pathlib import Path

    named = getattr(options, "config", None)
    paths = find_paths(current_environment(), config_file=Path(named) if named else None)
    found = {
        "config": paths.config_file,
        "data": paths.data_dir,
        "state": paths.state_dir,
        "cache": paths.cache_dir,
    }
    match options.format:
        case "table":
            console.table(make_table(("what", "where"), list(found.items())))
        case form:
            record = {name: str(path) for name, path in found.items()}
            write = write_document if form == "json" else write_line
            write(console, {"schema": "mgit.paths/1", **record})


def _check(options: argparse.Namespace, console: Console) -> None:
    settings = settings_for(options)
    check_sources(settings)
    for warning in settings.warnings:
        console.warn(warning)
    sources = count(len(settings.require_sources()), "source")
    match options.format:
        case "table":
            console.write(f"{settings.paths.config_file} is sound: {sources}")
        case form:
            write = write_document if form == "json" else write_line
            write(
                console,
                {
                    "schema": "mgit.check/1",
                    "file": str(settings.paths.config_file),
                    "sources": [source.name for source in settings.sources],
                    "warnings": list(settings.warnings),
                },
            )


def check_sources(settings: Settings) -> None:
    """Check what the reader of the file cannot know: patterns, conditions, addresses, files.

    Raises:
        ConfigurationError: one of them is not as it must be.
        InvalidInput: an entry of a manifest is malformed.
    """
    from mgit.fleet.selecting import saved_selections, source_selection
    from mgit.forges import ForgeContext, api_base, open_forge
    from mgit.transport import Transport

    saved = saved_selections(settings)
    for source in settings.require_sources():
        source_selection(settings, source, saved)
        if source.token_file is not None and not source.token_file.is_file():
            raise ConfigurationError(
                f"the token file of source {source.name} is missing: {source.token_file}",
                advice="create it, or correct its path in the configuration",
            )
        if source.file is None:
            api_base(source.forge, source.url)
        else:
            with Transport() as unused:
                context = ForgeContext(source.name, unused, file=source.file)
                open_forge(source.forge, context).list_repos()
