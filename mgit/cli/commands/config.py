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
from mgit.errors import InvalidInput


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
    from mgit.cli.checks import check_sources

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
