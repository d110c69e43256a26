"""Every command with its options, from the parsers in `mgit.cli.grammar`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from handbook.reference import text
from mgit.cli.grammar import COMMANDS, EXAMPLES
from mgit.cli.parser import parser_of


def _everywhere() -> list[argparse.Action]:
    return [one for one in parser_of(None)._actions if one.option_strings]  # noqa: SLF001


def actions_of(command: str) -> list[argparse.Action]:
    """The arguments and options that are this command's own."""
    common = {name for one in _everywhere() for name in one.option_strings}
    return [
        one
        for one in parser_of(command)._actions  # noqa: SLF001 - argparse has no other way to ask
        if not common & set(one.option_strings)
    ]


def name_of(action: argparse.Action) -> str:
    """An option as it is typed, with what it takes."""
    if not action.option_strings:
        return str(action.metavar or f"{{{','.join(map(str, action.choices or ()))}}}")
    names = ", ".join(sorted(action.option_strings, key=len, reverse=True))
    if action.nargs == 0:
        return names
    takes = action.metavar or (
        "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
    )
    return f"{names} {takes}"


def _rows(actions: Iterable[argparse.Action]) -> list[tuple[str, str]]:
    return [
        (text.code(name_of(one)), one.help or "")
        for one in actions
        if one.help is not argparse.SUPPRESS
    ]


def _section(command: str) -> str:
    about = COMMANDS[command]
    examples = "\n".join(EXAMPLES[command])
    parts = [f"## mgit {command}", f"{about[0].upper()}{about[1:]}.", f"```sh\n{examples}\n```"]
    if rows := _rows(actions_of(command)):
        parts.append(text.table(("argument", "what"), rows))
    return "\n\n".join(parts)


def page() -> str:
    """The whole page."""
    summary = text.table(
        ("command", "does"),
        [(f"[`mgit {name}`](#mgit-{name})", about) for name, about in COMMANDS.items()],
    )
    everywhere = text.table(("option", "what"), _rows(_everywhere()))
    return text.page(
        "Commands",
        "Every command and option, as `mgit COMMAND --help` has them. A tour with real output:\n"
        "[Usage](../usage.md). What they return: [Exit codes](exit-codes.md).",
        summary,
        f"## Everywhere\n\nBefore or after the command:\n\n{everywhere}",
        *map(_section, COMMANDS),
    )
