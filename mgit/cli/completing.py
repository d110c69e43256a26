"""What may stand where the cursor is: commands, options, their values, repository names.

`mgit complete`, which the completion scripts call, ends here. Nothing is asked of any forge: names
come from the listings that mgit remembers. Where nothing is found the shell completes file names.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mgit.cli.grammar import COMMANDS
from mgit.cli.knowledge import Knowledge, remembered
from mgit.cli.parser import command_position, parser_of
from mgit.text import is_unsafe

_MOST = 60
_PATTERNS = ("list", "sync", "status", "run", "changes", "ack", "scrub")
_VALUES = {
    "--kind": ("worktree", "mirror"),
    "--layout": ("flat", "owner", "forge"),
    "--gone": ("keep", "archive", "delete"),
    "--heal": ("off", "mirrors", "all"),
    "--blobs": ("all", "none", "1m"),
}
_FILTERS = (
    *("archived", "!archived", "fork", "!fork", "empty", "!empty"),
    *("visibility=public", "visibility=internal", "visibility=private"),
    *("topic=", "language=", "size<", "size>", "pushed-since=", "pushed-before="),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One word that fits.

    Args:
        value: the whole word.
        about: one line for shells that show it; may be empty.
    """

    value: str
    about: str = ""


def candidates(words: Sequence[str], current: str, known: Knowledge) -> list[Candidate]:
    """What fits, in the order in which it should be shown.

    Args:
        words: before the cursor, without the program's name.
        current: the word that was begun; may be empty.
        known: what mgit remembers.
    """
    if "--" in words:
        return []
    position = command_position(words)
    if position is None:
        return _fitting(_start(words, current), current)
    command = words[position]
    if command not in COMMANDS:
        return []
    parser = parser_of(command)
    flag, equals, begun = current.partition("=")
    if equals and flag.startswith("--"):
        values = _values(parser, flag, begun, known)
        return [Candidate(f"{flag}={one.value}", one.about) for one in values]
    before = words[-1]
    if before.startswith("-") and (action := _action(parser, before)) and action.nargs is None:
        return _values(parser, before, current, known)
    if current.startswith("-"):
        return _fitting(_flags(parser), current)
    return _positional(command, parser, words[position + 1 :], current, known)


def _start(words: Sequence[str], current: str) -> Iterator[Candidate]:
    if words and words[-1] == "--config":
        return
    if current.startswith("-"):
        yield from _flags(parser_of(None))
        return
    for name, about in COMMANDS.items():
        yield Candidate(name, about)


def _flags(parser: argparse.ArgumentParser) -> Iterator[Candidate]:
    for action in parser._actions:  # noqa: SLF001
        # argparse shows its options nowhere else
        if action.option_strings and action.help is not argparse.SUPPRESS:
            yield Candidate(action.option_strings[-1], action.help or "")


def _action(parser: argparse.ArgumentParser, flag: str) -> argparse.Action | None:
    return parser._option_string_actions.get(flag)  # noqa: SLF001


def _values(
    parser: argparse.ArgumentParser, flag: str, begun: str, known: Knowledge
) -> list[Candidate]:
    """Values of an option."""
    if flag == "--source":
        return _fitting((Candidate(name) for name in known.sources()), begun)
    if flag == "--filter":
        topics = [f"topic={topic}" for topic in known.topics()]
        languages = [f"language={language}" for language in known.languages()]
        return _fitting((Candidate(one) for one in (*_FILTERS, *topics, *languages)), begun)
    if flag == "--fail-on":
        from mgit.cli.states import STATES

        before, comma, _ = begun.rpartition(",")
        made = (Candidate(f"{before}{comma}{state}", about) for state, about in STATES.items())
        return _fitting(made, begun)
    if flag == "--forge":
        from mgit.config.keys import FORGES

        return _fitting((Candidate(name) for name in FORGES if name != "manifest"), begun)
    if flag == "--action":
        from mgit.telemetry.kinds import ACTIONS

        return _fitting((Candidate(name, about) for name, about in ACTIONS.items()), begun)
    if flag == "--run":
        return _fitting((Candidate(name, about) for name, about in known.runs()), begun)
    action = _action(parser, flag)
    choices = _VALUES.get(flag) or (action.choices if action else None) or ()
    return _fitting((Candidate(str(choice)) for choice in choices), begun)


def _positional(
    command: str,
    parser: argparse.ArgumentParser,
    words: Sequence[str],
    current: str,
    known: Knowledge,
) -> list[Candidate]:
    if command in _PATTERNS:
        return _patterns(current, known)
    if command == "login":
        return _fitting((Candidate(name) for name in known.sources()), current)
    if any(not word.startswith("-") for word in words):
        return []  # the one choice was made
    for action in parser._actions:  # noqa: SLF001
        if not action.option_strings and action.choices:
            return _fitting((Candidate(str(choice)) for choice in action.choices), current)
    return []


def _patterns(current: str, known: Knowledge) -> list[Candidate]:
    """Selections and names of repositories, behind a `!` and the name of a source too."""
    mark = "!" if current.startswith("!") else ""
    begun = current.removeprefix("!")
    if begun.startswith("@"):
        made = (Candidate(f"{mark}@{name}", "selection") for name in known.selections())
        return _fitting(made, current)
    if begun.startswith((".", "/", "~")):
        return []
    source, colon, rest = begun.partition(":")
    if colon:
        names = known.repositories(source)
        return [Candidate(f"{mark}{source}:{name}") for name in shorten(names, rest)]
    found = [Candidate(f"{mark}{name}") for name in shorten(known.repositories(), begun)]
    if not begun:
        found += [Candidate(f"{mark}@{name}", "selection") for name in known.selections()]
    return found


def shorten(names: Iterable[str], begun: str) -> list[str]:
    """The names that begin so; of too many only as far as their next `/`."""
    folded = begun.casefold()
    found = sorted({name for name in names if name.casefold().startswith(folded)})
    if len(found) <= _MOST:
        return found
    depth = begun.count("/") + 1
    heads = {"/".join([*name.split("/")[:depth], ""]) for name in found if name.count("/") >= depth}
    return sorted(heads | {name for name in found if name.count("/") < depth})


def _fitting(found: Iterable[Candidate], begun: str) -> list[Candidate]:
    folded = begun.casefold()
    unique = {one.value: one for one in found if one.value.casefold().startswith(folded)}
    return list(unique.values())


def answer(arguments: Sequence[str]) -> str:
    r"""What `mgit complete` prints; empty when there is nothing to say.

    Args:
        arguments: `bash LINE WORDBREAKS` with the line up to the cursor, or `words WORD… CURRENT`.

    Returns:
        A candidate on each line; for `words` with what it is about behind a tab.
    """
    match list(arguments):
        case ["bash", line, breaks]:
            from mgit.cli.shellwords import for_bash, split_line

            words, last = split_line(line)
            found = candidates(words[1:], last.text, remembered(words))
            return _lines(for_bash(one.value, last, breaks) for one in found)
        case ["words", *words, current]:
            found = candidates(words, current, remembered(words))
            return _lines(f"{one.value}\t{one.about}" for one in found)
        case _:
            return ""


def _lines(lines: Iterable[str]) -> str:
    kept = [line for line in lines if not any(is_unsafe(one) for one in line.replace("\t", ""))]
    return "".join(f"{line}\n" for line in kept)
