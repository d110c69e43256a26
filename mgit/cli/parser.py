"""The grammar of the command line. argparse, because start-up time is a feature."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mgit.errors import InvalidInput

COMMANDS = {
    "login": "add a source and its token, and check it",
    "list": "show what the forges have",
    "sync": "clone what is missing, fetch what moved",
    "status": "show which clones need attention",
    "doctor": "find out what is wrong and what to do",
    "config": "show, find or check the configuration",
    "serve": "keep syncing, with health and metrics over HTTP",
    "health": "ask a running service how it is",
}

_SECRET_FLAGS = ("--token", "--password", "--pat", "--secret")
_TAKES_VALUE = ("--config",)
_EPILOG = """\
A pattern is OWNER/REPO or OWNER/PROJECT/REPO, with * inside a part, ** across parts and a leading
! to exclude. Quote it, or the shell expands it.

exit codes: 0 all well, 1 some repository failed, 2 usage or configuration, 3 authentication,
            4 forge or network, 130 interrupted"""


class Parser(argparse.ArgumentParser):
    """argparse that raises what mgit raises, and repeats no value that may be a token."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(_without_values(message), advice=f"see `{self.prog} --help`")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Raises:
        InvalidInput: unknown command or option, a missing or surplus argument, a token in it.
        SystemExit: `--help` was printed.
    """
    _refuse_secrets(arguments)
    command = _command(arguments)
    parser = _build(command)
    if command is None:
        return _without_command(parser, arguments)
    found, extra = parser.parse_known_args(arguments)
    if extra:
        raise InvalidInput(
            f"mgit {command} does not understand {_first_option(extra)}",
            advice=f"see `mgit {command} --help`",
        )
    return found


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


def _refuse_secrets(arguments: Sequence[str]) -> None:
    for word in arguments:
        if word == "--":
            return
        if word.split("=", 1)[0] in _SECRET_FLAGS:
            raise InvalidInput(
                "mgit takes no token on the command line, where other programs and the shell's "
                "history can read it",
                advice="revoke that token; `mgit login NAME` asks for one, `--stdin` reads one",
            )


def _command(arguments: Sequence[str]) -> str | None:
    words = iter(arguments)
    for word in words:
        if word in _TAKES_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            if word not in COMMANDS:
                from mgit.config.nearest import did_you_mean

                raise InvalidInput(
                    f"mgit has no command {word[:40]!a}{did_you_mean(word, COMMANDS)}",
                    advice=f"commands: {', '.join(COMMANDS)}",
                )
            return word
    return None


def _build(command: str | None) -> Parser:
    """The parser; only the command that was given gets its options, to start quickly."""
    parser = Parser(
        prog="mgit",
        description="Keeps every Git repository of a company found, current and accounted for.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
            allow_abbrev=False,
        )
        if name == command:
            _add_common(sub)
            _OPTIONS[name](sub)
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


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=("table", "json", "jsonl"),
        default="table",
        help="how to print data (default: table)",
    )


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "patterns", metavar="PATTERN", nargs="*", help="which repositories (default: all)"
    )
    parser.add_argument(
        "--source", metavar="NAME", action="append", help="only this source; may be repeated"
    )


def _login(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what to call the source")
    parser.add_argument("--forge", help="github, gitea or forgejo")
    parser.add_argument("--url", help="address of its API (default: GitHub's own)")
    parser.add_argument(
        "--owner", action="append", help="organisation or user to list; may be repeated"
    )
    parser.add_argument(
        "--stdin", action="store_true", help="read the token from standard input, do not ask"
    )


def _list(parser: argparse.ArgumentParser) -> None:
    _add_selection(parser)
    _add_format(parser)


def _sync(parser: argparse.ArgumentParser) -> None:
    _add_selection(parser)
    parser.add_argument("--root", metavar="DIR", help="folder that holds the clones")
    parser.add_argument("--dry-run", "-n", action="store_true", help="print the plan and stop")
    parser.add_argument("--concurrency", metavar="N", help="git processes at the same time")
    parser.add_argument("--kind", metavar="KIND", help="worktree or mirror")
    parser.add_argument("--layout", metavar="LAYOUT", help="flat, owner or forge")
    _add_format(parser)


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", metavar="PATH", nargs="?", help="folder to look in (default: the root)"
    )
    parser.add_argument("--all", action="store_true", help="also those that need no attention")
    parser.add_argument(
        "--fail-on", metavar="STATE,…", help="exit with 1 if a clone is so, e.g. dirty,unpushed"
    )
    _add_format(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    _add_format(parser)


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("show", "path", "check"),
        help="all values and where they come from; where files are; whether it is sound",
    )
    _add_format(parser)


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="one cycle, then end")
    parser.add_argument("--root", metavar="DIR", help="folder that holds the clones")
    parser.add_argument("--listen", metavar="HOST:PORT", help="where health and metrics answer")
    parser.add_argument("--interval", metavar="TIME", help="from cycle to cycle, such as 15m")


def _health(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url", metavar="HOST:PORT", help="where the service listens (default: as configured)"
    )
    parser.add_argument(
        "--live", action="store_true", help="ask only whether it is alive, not whether it is ready"
    )


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "login": _login,
    "list": _list,
    "sync": _sync,
    "status": _status,
    "doctor": _doctor,
    "config": _config,
    "serve": _serve,
    "health": _health,
}


def _first_option(extra: Sequence[str]) -> str:
    for word in extra:
        if word.startswith("-"):
            return f"the option {word.split('=', 1)[0][:40]!a}"
    return f"{len(extra)} of its arguments"


def _without_values(message: str) -> str:
    """Argparse's words up to where it repeats what was typed."""
    return (
        message.split(": invalid ", maxsplit=1)[0] + ": not one of the choices"
        if ": invalid " in message
        else message
    )
