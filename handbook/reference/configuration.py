"""Every key of the configuration, from the tables in `mgit.config.keys`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from handbook.reference import text
from mgit.cli.app import FLAGS
from mgit.cli.grammar import COMMANDS
from mgit.cli.parser import parser_of
from mgit.config.keys import GLOBAL_KEYS, OTHER_VARIABLES, SELECTION_KEYS, SOURCE_KEYS, Key
from mgit.config.values import Unfit, Where, read_path, read_text, read_url

_SEEN = Where("a reader's own words", Path("/"), None)
_TEXTS = {read_path: "a path; `~` is the home folder", read_text: "text", read_url: "an https URL"}
_NOTHING = (object(), "?")  # no reader takes the first; some say more of a text that does not fit

_ABOUT_VARIABLES: Mapping[str, str] = {
    "MGIT_CONFIG": "the configuration file; `--config` outranks it",
    "MGIT_STATE_DIR": "folder of state, audit log and crash reports",
    "MGIT_IMAGE": "the image that `docker/compose.yaml` runs; mgit itself does not read it",
    "MGIT_DEBUG": "any value: show where an error came from, as `--debug` does",
}


def type_of(key: Key[Any]) -> str:
    """What a value must be, in the reader's own words."""
    if key.read in _TEXTS:
        return _TEXTS[key.read]
    said = [_refusal(key, value) for value in _NOTHING]
    general = _refusal(Key("", "", read_text, None), _NOTHING[0])
    return next(words for words in said if words and words != general)


def _refusal(key: Key[Any], value: object) -> str:
    try:
        key.read(value, _SEEN)
    except Unfit as unfit:
        return str(unfit)
    return ""


def options_of(path: str) -> str:
    """The option that outranks a key, with the commands that have it."""
    names = [name for name, key in FLAGS.items() if key == path]
    flags = [f"--{name.replace('_', '-')}" for name in names]
    with_it = [
        command
        for command in COMMANDS
        if any(flag in parser_of(command)._option_string_actions for flag in flags)  # noqa: SLF001
    ]
    return f"{', '.join(map(text.code, flags))} ({', '.join(with_it)})" if with_it else ""


def _row(key: Key[Any]) -> tuple[str, ...]:
    return (
        text.code(key.name),
        key.about,
        type_of(key),
        text.code(key.default or ""),
        text.code(key.env),
        options_of(key.path),
        key.since,
    )


def _tables(keys: Iterable[Key[Any]]) -> Iterable[str]:
    groups: dict[str, list[Key[Any]]] = {}
    for key in keys:
        groups.setdefault(key.table, []).append(key)
    for name, group in groups.items():
        head = ("key", "what", "it must be", "default", "variable", "option", "since")
        yield f"## [{name}]\n\n{text.table(head, map(_row, group))}"


def _named(title: str, keys: Iterable[Key[Any]]) -> str:
    head = ("key", "what", "it must be", "variable", "since")
    rows = [
        (text.code(key.name), key.about, type_of(key), text.code(key.env), key.since)
        for key in keys
    ]
    return f"## {title}\n\n{text.table(head, rows)}"


def page() -> str:
    """The whole page."""
    variables = text.table(
        ("variable", "what"),
        [(text.code(name), _ABOUT_VARIABLES[name]) for name in sorted(OTHER_VARIABLES)],
    )
    return text.page(
        "Configuration keys",
        "Every key, as the code has it. How they work together, with examples:\n"
        "[Configuration](../configuration.md). A key without a default has none, and its absence\n"
        "means something. `mgit config show` prints every value with its origin.",
        *_tables(GLOBAL_KEYS),
        _named("[sources.NAME]", SOURCE_KEYS),
        "A source's own `kind`, `depth`, `interval` and so on outrank those of `[defaults]` and\n"
        "of `[serve]`; options outrank both. In `MGIT_TOKEN_<SOURCE>_FILE` the source's name is\n"
        "in capitals, with `-` as `_`; `MGIT_TOKEN_<SOURCE>` holds the token itself.",
        _named("[selections.NAME]", SELECTION_KEYS),
        f"## Other variables\n\n{variables}",
    )
