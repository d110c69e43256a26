"""From words to a namespace. argparse, because start-up time is a feature."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from mgit.cli.grammar import COMMANDS, add_options, epilog_of
from mgit.errors import InvalidInput

_SECRET_FLAGS = ("--token", "--password", "--pat", "--secret")
_TAKES_VALUE = ("--config",)
_EPILOG = """\
`mgit COMMAND --help` says more, with examples. New here? `mgit login github --owner OWNER`, then
`mgit sync --dry-run`.

exit codes: 0 all well, 1 some repository failed, 2 usage or configuration, 3 authentication,
            4 forge or network, 130 interrupted"""


class Help(argparse.HelpFormatter):
    """Keeps the lines of a text as they are, and folds those that are too long."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        import textwrap

        lines = []
        for line in text.splitlines():
            deeper = indent + " " * (len(line) - len(line.lstrip()))
            lines += textwrap.wrap(
                line, width, initial_indent=indent, subsequent_indent=deeper, break_on_hyphens=False
            ) or [""]
        return "\n".join(lines)


class Parser(argparse.ArgumentParser):
    """argparse that raises what mgit raises, and repeats no value that may be a token."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(_without_values(message), advice=f"see `{self.prog} --help`")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Returns:
        The options; `command_line` holds what stands behind `--` after `mgit run`, None without.

    Raises:
        InvalidInput: unknown command or option, a missing or surplus argument, a token in it.
        SystemExit: `--help` was printed.
    """
    refuse_secrets(arguments)
    command = command_of(arguments)
    words, behind = list(arguments), None
    if command == "run" and "--" in words:
        mark = words.index("--")
        words, behind = words[:mark], words[mark + 1 :]
    parser = build_parser(command)
    if command is None:
        return _without_command(parser, words)
    found, extra = parser.parse_known_args(words)
    if extra:
        extra = _gather(found, extra)
    if extra:
        hint = "options" if extra[0].startswith("-") else "arguments"
        raise InvalidInput(
            f"mgit {command} does not understand {_first_option(extra)}{_near(parser, extra)}",
            advice=f"see `mgit {command} --help` for its {hint}",
        )
    found.command_line = behind
    return found


def _gather(found: argparse.Namespace, extra: list[str]) -> list[str]:
    """Patterns on both sides of an option, or a file behind one: argparse takes only the first."""
    if getattr(found, "file", "") is None and len(extra) == 1 and not extra[0].startswith("-"):
        found.file = extra[0]
        return []
    patterns = getattr(found, "patterns", None)
    if patterns is None or any(word.startswith("-") for word in extra):
        return extra
    found.patterns = [*patterns, *extra]
    return []


def _without_command(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    found, extra = parser.parse_known_args(arguments)  # prints the help where it is asked for
    if extra:
        raise InvalidInput(
            f"mgit does not understand {_first_option(extra)}", advice="see `mgit --help`"
        )
    if not found.version:
        raise InvalidInput(
            "no command given", advice=f"commands: {', '.join(COMMANDS)}; see `mgit --help`"
        )
    return found


def refuse_secrets(arguments: Sequence[str]) -> None:
    """Refuse a token among the words of a command line.

    Raises:
        InvalidInput: there is one; its value is not repeated.
    """
    for word in arguments:
        if word == "--":
            return
        if word.split("=", 1)[0] in _SECRET_FLAGS:
            raise InvalidInput(
                "mgit takes no token on the command line, where other programs and the shell's "
                "history can read it",
                advice="revoke that token; `mgit login NAME` asks for one, `--stdin` reads one",
            )


def command_of(arguments: Sequence[str]) -> str | None:
    """The command that a command line names, None where there is none.

    Raises:
        InvalidInput: mgit has no such command.
    """
    position = command_position(arguments)
    if position is None:
        return None
    word = arguments[position]
    if word not in COMMANDS:
        from mgit.config.nearest import did_you_mean

        raise InvalidInput(
            f"mgit has no command {word[:40]!a}{did_you_mean(word, COMMANDS)}",
            advice=f"commands: {', '.join(COMMANDS)}",
        )
    return word


def command_position(arguments: Sequence[str]) -> int | None:
    """Where the first word stands that is no option and no value of one."""
    words = iter(enumerate(arguments))
    for number, word in words:
        if word in _TAKES_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return number
    return None


def build_parser(command: str | None) -> Parser:
    """The parser; only the command that was given gets its options, to start quickly."""
    parser = Parser(
        prog="mgit",
        description="Keeps every Git repository of a company found, current and accounted for.",
        epilog=_EPILOG,
        formatter_class=Help,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version")
    _add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, about in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            formatter_class=Help,
            allow_abbrev=False,
        )
        if name == command:
            sub.epilog = epilog_of(name)
            if name == "run":
                sub.usage = "mgit run [option …] [PATTERN …] -- COMMAND [ARGUMENT …]"
            _add_common(sub)
            add_options(name, sub)
    return parser


def parser_of(command: str | None) -> Parser:
    """The options of one command, or those in front of every command, for completion."""
    parser = Parser(prog=f"mgit {command or ''}".strip(), allow_abbrev=False)
    _add_common(parser)
    if command is None:
        parser.add_argument("--version", action="store_true", help="print the version")
    else:
        add_options(command, parser)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    # Allowed before and after the command: suppressed defaults keep one from undoing the other.
    options: dict[str, Any] = {"default": argparse.SUPPRESS}
    group = parser.add_argument_group("everywhere")
    group.add_argument("--config", metavar="FILE", help="read this configuration", **options)
    for flag, about in (
        ("--quiet", "say nothing but errors"),
        ("--verbose", "also say what is as it should be"),
        ("--no-color", "no colours (as does NO_COLOR)"),
        ("--debug", "show where an error came from"),
    ):
        short = {"--quiet": ["-q"], "--verbose": ["-v"]}.get(flag, [])
        group.add_argument(*short, flag, action="store_true", help=about, **options)


def _first_option(extra: Sequence[str]) -> str:
    for word in extra:
        if word.startswith("-"):
            return f"the option {word.split('=', 1)[0][:40]!a}"
    return f"{len(extra)} of its arguments"


def _near(parser: Parser, extra: Sequence[str]) -> str:
    """The option that may have been meant."""
    word = next((word for word in extra if word.startswith("--")), "").split("=", 1)[0]
    if not word:
        return ""
    from mgit.config.nearest import did_you_mean

    known = [
        flag
        for action in parser._actions  # noqa: SLF001 - argparse has no public list of options
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        for sub in action.choices.values()
        for flag in sub._option_string_actions  # noqa: SLF001
    ]
    return did_you_mean(word, dict.fromkeys(known))


def _without_values(message: str) -> str:
    """Argparse's words up to where it repeats what was typed."""
    return (
        message.split(": invalid ", maxsplit=1)[0] + ": not one of the choices"
        if ": invalid " in message
        else message
    )
