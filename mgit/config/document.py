"""The configuration file: read within bounds, every table and key known, no secret in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mgit.config.keys import GLOBAL_KEYS, SELECTION_KEYS, SOURCE_KEYS, VERSION
from mgit.config.nearest import did_you_mean
from mgit.errors import ConfigurationError

MAX_BYTES = 1 << 20
MAX_SOURCES = 200
_SECRET_KEYS = frozenset({"token", "password", "secret", "api_key", "pat", "access_token"})
_NAME_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
MAX_NAME = 32
_GROUPS: Mapping[str, Collection[str]] = {
    "sources": {key.name for key in SOURCE_KEYS},
    "selections": {key.name for key in SELECTION_KEYS},
}

Table = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Document:
    """The file's tables, known by name but with values unread.

    Args:
        file: where it was read from.
        tables: `defaults`, `serve`, … as they stand in the file.
        sources: the `[sources.NAME]` tables in their order.
        selections: the `[selections.NAME]` tables in their order.
    """

    file: Path
    tables: Mapping[str, Table] = field(default_factory=dict)
    sources: Mapping[str, Table] = field(default_factory=dict)
    selections: Mapping[str, Table] = field(default_factory=dict)


def read_document(file: Path) -> Document:
    """Read and check the file's shape.

    Raises:
        ConfigurationError: unreadable, not TOML, or something in it is unknown; FileNotFoundError
            is turned into it as well.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the configuration {file}: {error.strerror}",
            advice="check the path and its permissions, or name another file with --config",
        ) from None
    if len(raw) > MAX_BYTES:
        raise ConfigurationError(
            f"{file} is larger than 1 MiB", advice="is it the right file? see `mgit config path`"
        )
    return parse_document(raw, file)


def parse_document(raw: bytes, file: Path) -> Document:
    """Check the text of a configuration file.

    Raises:
        ConfigurationError: see `read_document`.
    """
    import tomllib

    try:
        tree: dict[str, object] = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is not UTF-8", advice="save it as UTF-8") from None
    except (ValueError, RecursionError) as error:  # ValueError: also a number of 5000 digits
        # The parser quotes single characters of the file, never a whole value.
        raise ConfigurationError(
            f"{file} is not valid TOML: {str(error)[:120]}",
            advice="correct that line, then run `mgit config check`",
        ) from None
    _check_version(tree, file)
    tables = {name: tree[name] for name in tree if name not in ("version", *_GROUPS)}
    known = _known_tables()
    checked = {
        name: _check_table(value, f"[{name}]", known.get(name), file, (*known, *_GROUPS))
        for name, value in tables.items()
    }
    sources, selections = (
        dict(_group(group, tree.get(group, {}), keys, file)) for group, keys in _GROUPS.items()
    )
    return Document(file, checked, sources, selections)


def check_source_name(name: str, what: str, kind: str = "source") -> None:
    """Refuse a name that could not be a TOML key and part of a variable's name.

    Args:
        name: as it was written.
        what: how to speak of it; a name typed on a command line may be a token.
        kind: what it would name.

    Raises:
        ConfigurationError: it holds other characters, or is too long.
    """
    if not name or len(name) > MAX_NAME or not _NAME_ALPHABET.issuperset(name) or name[0] in "-_":
        raise ConfigurationError(
            f"{what} cannot name a {kind}",
            advice=f"use a-z, 0-9, - and _, at most {MAX_NAME} characters, such as `github`",
        )


def _known_tables() -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for key in GLOBAL_KEYS:
        known.setdefault(key.table, set()).add(key.name)
    return known


def _check_version(tree: Table, file: Path) -> None:
    version = tree.get("version")
    if version is None:
        raise ConfigurationError(
            f"{file} does not say which version of the format it has",
            advice=f"add `version = {VERSION}` as its first line",
        )
    if version != VERSION or isinstance(version, bool):
        raise ConfigurationError(
            f"{file} has version {ascii(version)[:20]}, and this mgit knows version {VERSION}",
            advice=f"write `version = {VERSION}`, or use the mgit that the file was made for",
        )


def _check_table(
    value: object,
    label: str,
    known: Collection[str] | None,
    file: Path,
    tables: Collection[str],
) -> Table:
    if known is None:
        name = label[1:-1]
        raise ConfigurationError(
            f"{file}: unknown table or key {ascii(name)[1:-1]}{did_you_mean(name, tables)}",
            advice=f"tables are {', '.join(f'[{table}]' for table in tables)}",
        )
    if not isinstance(value, dict):
        raise ConfigurationError(
            f"{file}: {label[1:-1]} must be a table", advice=f"write it as {label}"
        )
    for key in value:
        if key in _SECRET_KEYS:
            raise ConfigurationError(
                f"{file}: {label} holds a {key}, and secrets do not belong in this file",
                advice="take the line out, revoke that token, and run `mgit login SOURCE`",
            )
        if key not in known:
            raise ConfigurationError(
                f"{file}: {label} has an unknown key {ascii(key)[1:-1]}{did_you_mean(key, known)}",
                advice=f"known keys: {', '.join(sorted(known))}",
            )
    return value


def _group(
    group: str, value: object, known: Collection[str], file: Path
) -> Iterator[tuple[str, Table]]:
    """The tables of `[sources.NAME]` or `[selections.NAME]`."""
    if not isinstance(value, dict):
        raise ConfigurationError(
            f"{file}: {group} must be tables", advice=f"write each as [{group}.NAME]"
        )
    if len(value) > MAX_SOURCES:
        raise ConfigurationError(
            f"{file} names {len(value)} {group}", advice=f"use at most {MAX_SOURCES}"
        )
    kind = group.removesuffix("s")
    for name, table in value.items():
        if not isinstance(table, dict):
            raise ConfigurationError(
                f"{file}: {group}.{ascii(name)[1:-1]} must be a table",
                advice=f"write it as [{group}.NAME], one table for each {kind}",
            )
        check_source_name(name, f"{file}: {name[:60]!a}", kind)
        yield name, _check_table(table, f"[{group}.{name}]", known, file, known)
