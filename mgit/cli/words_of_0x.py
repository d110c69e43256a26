"""What people typed at mgit 0.x: it keeps its meaning, or gets an answer with the new words.

Flags that only changed their name are rewritten, with a note. What means something else today, or
wrote other data, is answered: a script that reads the old data would not understand the new.
Named tuples, for every start of mgit loads this and dataclasses cost 8 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mgit.cli.parser import command_position, refuse_secrets
from mgit.errors import InvalidInput

_LONGEST = 120


class Rename(NamedTuple):
    """A flag under its new name.

    Args:
        words: what stands in its place.
        value: whether the flag is followed by a value that stays behind the new words.
    """

    words: tuple[str, ...]
    value: bool = False


class Answer(NamedTuple):
    """A flag that has no equal.

    Args:
        why: what mgit does today.
        instead: what to type or to do.
    """

    why: str
    instead: str


class Modern(NamedTuple):
    """A command line in today's words.

    Args:
        arguments: to be parsed.
        notes: what was rewritten, one line each.
    """

    arguments: tuple[str, ...]
    notes: tuple[str, ...] = ()


_SOURCE = Rename(("--source",), value=True)
_NO_SUMMARY = Rename(("--quiet",))
_RENAMES: dict[str, dict[str, Rename | Answer]] = {
    "list": {"--provider": _SOURCE},
    "status": {
        "--show-clean": Rename(("--all",)),
        "--fail-on-dirty": Rename(("--fail-on", "dirty,untracked,conflicted")),
        "--output": Rename(("--format",), value=True),
    },
    "sync": {
        "--provider": _SOURCE,
        "--hierarchy": Rename(("--layout", "forge")),
        "--no-summary": _NO_SUMMARY,
        "--force": Answer(
            "mgit never deletes a clone to make it anew",
            "`--heal all` replaces damaged clones and keeps the old ones aside; "
            "one that you remove yourself is cloned again",
        ),
        "--update-mode": Answer(
            "mgit sync has one way to update: fetch, and fast-forward where nothing of yours "
            "is in the way",
            "leave --update-mode out",
        ),
    },
    "login": {
        "--provider": Rename(("--forge",), value=True),
        "--no-store": Answer(
            "mgit login proves a token and keeps it in the credential store",
            "for a token that is not kept, set MGIT_TOKEN_<SOURCE> or name a token_env, "
            "token_file or token_command in the configuration",
        ),
    },
}

_CONFIG = {
    "--list": "mgit config show",
    "--global": "mgit config show",
    "--show": "mgit config show",
}


def modernise(arguments: Sequence[str]) -> Modern:
    """Put a command line into today's words.

    Args:
        arguments: as they were typed, without the program's name.

    Raises:
        InvalidInput: it is of mgit 0.x and has no equal; the advice says what to type.
    """
    refuse_secrets(arguments)  # first, for an answer repeats some of the words
    position = command_position(arguments)
    if position is None:
        return Modern(tuple(arguments))
    before, command = arguments[:position], arguments[position]
    rest = list(arguments[position + 1 :])
    if command in _COMMANDS:
        raise InvalidInput(
            f"`mgit {command}` is from mgit 0.x and has other words now",
            advice=f"type: {_COMMANDS[command](rest)}",
        )
    if command == "config" and rest:
        rest, notes = _config(rest)
    elif command == "login":
        rest, notes = _login(rest)
    else:
        rest, notes = _flags(command, rest)
    return Modern((*before, command, *rest), tuple(notes))


def _flags(command: str, rest: Sequence[str]) -> tuple[list[str], list[str]]:
    """Rename the flags of one command."""
    known = _RENAMES.get(command, {})
    words: list[str] = []
    notes: list[str] = []
    for number, word in enumerate(rest):
        if word == "--":
            return [*words, *rest[number:]], notes
        flag, equals, value = word.partition("=")
        match known.get(flag):
            case None:
                words.append(word)
            case Answer(why, instead):
                raise InvalidInput(f"`{flag}` of mgit 0.x is gone: {why}", advice=instead)
            case Rename(new, takes):
                words += [*new[:-1], f"{new[-1]}={value}" if equals and takes else new[-1]]
                notes.append(f"`{flag}` is now `{' '.join(new)}`")
    return words, notes


def _login(rest: Sequence[str]) -> tuple[list[str], list[str]]:
    words, notes = _flags("login", rest)
    given = _take(words, "--org")
    if given is not None:
        flag = "--url" if given.startswith(("https://", "http://")) else "--owner"
        words += [flag, given]
        notes.append(f"`--org` is now `{flag}`")
    name = _take(words, "--name")
    if name is not None:
        words.insert(0, name)
        notes.append("`--name` is gone: the name stands alone, `mgit login NAME`")
    elif not _names(words) and (forge := _value(words, "--forge")):
        words.insert(0, forge)  # mgit 0.x named it after its provider
    known = _value(words, "--config")
    if known is not None and not _names(words) and not set(known) & set("./\\"):
        raise InvalidInput(
            "`mgit login --config NAME` of mgit 0.x tested a source; --config names a file now",
            advice=f"type: mgit login {_quoted(known)}, or mgit doctor to test all",
        )
    return words, notes


def _config(rest: Sequence[str]) -> tuple[list[str], list[str]]:
    flag = rest[0].partition("=")[0]
    if flag in _CONFIG:
        notes = [f"`mgit config {flag}` is now `{_CONFIG[flag]}`"]
        more = [word for word in rest[1:] if word.startswith("-") and word not in _CONFIG]
        return ["show", *more], notes
    if flag == "--set-default":
        raise InvalidInput(
            "there is no default source any more: patterns reach all of them",
            advice="name one where you mean one: `--source NAME`, or a pattern `NAME:acme/*`",
        )
    if flag == "--remove":
        raise InvalidInput(
            "mgit does not edit sources out of the configuration",
            advice="delete the table [sources.NAME] from the file that `mgit config path` shows",
        )
    return list(rest), []


def _take(words: list[str], flag: str) -> str | None:
    """Take a flag with its value out of the words."""
    for number, word in enumerate(words):
        if word.startswith(f"{flag}="):
            return words.pop(number).partition("=")[2]
        if word == flag and number + 1 < len(words):
            value = words[number + 1]
            del words[number : number + 2]
            return value
    return None


def _value(words: Sequence[str], flag: str) -> str | None:
    return _take(list(words), flag)


_LOGIN_VALUES = ("--forge", "--url", "--owner", "--user", "--config")


def _names(words: Sequence[str]) -> list[str]:
    """The words of `mgit login` that are neither flags nor their values."""
    return _plain(words, _LOGIN_VALUES)


def _plain(words: Sequence[str], takes_value: Sequence[str]) -> list[str]:
    found, skip = [], False
    for word in words:
        if not skip and not word.startswith("-"):
            found.append(word)
        skip = word in takes_value
    return found


def _project(rest: Sequence[str]) -> str:
    """`clone-all PROJECT DEST [URL]`, `pull-all PROJECT PATH`."""
    words = _plain(rest, ())
    project = words[0] if words else "PROJECT"
    folder = words[1] if len(words) > 1 else "DIR"
    return f"mgit sync {_quoted(f'*/{project}/*')} --root {_quoted(folder)}"


_DIFF_VALUES = ("--output", "--local-root", "--limit", "--provider", "--concurrency")


def _diff(rest: Sequence[str], *, remote: bool) -> str:
    words = ["mgit", "changes", "--remote" if remote else "--local"]
    plain = _plain(rest, _DIFF_VALUES)[:1]
    folder = _value(rest, "--local-root") if remote else (plain[0] if plain else None)
    words += plain if remote else []
    words += ["--root", folder] if folder else []
    words += ["--format", "jsonl"]
    file = _value(rest, "--output")
    into = f" > {_quoted(file)}" if file else ""
    return " ".join(_quoted(word) for word in words) + into


_COMMANDS: dict[str, Callable[[Sequence[str]], str]] = {
    "clone-all": _project,
    "pull-all": _project,
    "diff": lambda rest: _diff(rest, remote=False),
    "diff-remote": lambda rest: _diff(rest, remote=True),
}


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word[:_LONGEST])
