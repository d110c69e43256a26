"""`python -m mgit.cli.surface`: what mgit promises to those who call it, as one flat JSON object.

Commands with their options and choices, exit codes, keys of the configuration with their
variables and defaults, metrics with their labels. The release compares it with the last one, so
that nothing that somebody relies on goes away in a patch.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from mgit.cli.grammar import COMMANDS
from mgit.cli.parser import parser_of
from mgit.config.keys import GLOBAL_KEYS, SOURCE_KEYS
from mgit.errors import ExitCode
from mgit.telemetry.metrics import Metrics


def surface() -> dict[str, str]:
    """Every promise, by name."""
    return dict([*_commands(), *_exit_codes(), *_keys(), *_metrics()])


def _commands() -> Iterator[tuple[str, str]]:
    for action in parser_of(None)._actions:  # noqa: SLF001 - argparse has no other way to ask
        yield from _option("cli", action)
    for command in COMMANDS:
        yield f"cli {command}", "command"
        for action in parser_of(command)._actions:  # noqa: SLF001
            yield from _option(f"cli {command}", action)


def _option(path: str, action: argparse.Action) -> Iterator[tuple[str, str]]:
    if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
        return
    takes = "flag" if action.nargs == 0 else f"value {action.nargs or 1}"
    for name in action.option_strings or [str(action.metavar or action.dest)]:
        yield f"{path} {name}", takes
        for choice in action.choices or ():
            yield f"{path} {name} = {choice}", ""


def _exit_codes() -> Iterator[tuple[str, str]]:
    for code in ExitCode:
        yield f"exit {code.name.lower().replace('_', ' ')}", str(int(code))


def _keys() -> Iterator[tuple[str, str]]:
    for key in (*GLOBAL_KEYS, *SOURCE_KEYS):
        yield f"key {key.path}", ""
        yield f"key {key.path} variable", key.env
        yield f"key {key.path} default", key.default or ""


def _metrics() -> Iterator[tuple[str, str]]:
    # prometheus-client tells names and kinds, and keeps the labels to itself.
    for metric in Metrics().registry._collector_to_names:  # noqa: SLF001
        labels = ",".join(getattr(metric, "_labelnames", ()))
        for told in metric.describe():  # type: ignore[attr-defined]
            yield f"metric {told.name}", f"{told.type} {labels}".strip()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(surface(), indent=1, sort_keys=True) + "\n")
