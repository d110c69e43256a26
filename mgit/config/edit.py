"""Adds sources to the configuration file, by appending: no comment of a person is lost."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mgit.config.document import MAX_BYTES, check_source_name, parse_document
from mgit.config.environ import Environment
from mgit.config.keys import VERSION
from mgit.config.load import settle
from mgit.config.paths import Paths
from mgit.config.settings import Settings
from mgit.errors import ConfigurationError

_DEFAULTS = re.compile(r"^[ \t]*\[[ \t]*defaults[ \t]*\][ \t]*(#[^\n]*)?$", re.MULTILINE)
_ESCAPES = {'"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True, slots=True)
class NewSource:
    """What `mgit login` writes down.

    Args:
        name: the source's name.
        forge: which client speaks to it.
        url: address of its API, empty for the forge's own.
        owners: what to list, empty for all.
        user: account or e-mail beside the token, empty for none.
        token_env: name of the variable that holds the token, empty for none.
        token_file: absolute path of the file that holds the token, empty for none.
        token_command: program and arguments that print the token, empty for none.
    """

    name: str
    forge: str
    url: str = ""
    owners: tuple[str, ...] = ()
    user: str = ""
    token_env: str = ""
    token_file: str = ""
    token_command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the configuration file that was checked but not yet made.

    Args:
        file: what will be written; a link is followed.
        text: the whole new text.
        settings: what the new text means.
        keys: dotted names of what it adds.
    """

    file: Path
    text: str
    settings: Settings
    keys: tuple[str, ...] = ()

    def write(self) -> None:
        """Replace the file in one step; it keeps its mode, a new one is private.

        Raises:
            ConfigurationError: it cannot be written; then it is as it was.
        """
        target = self.file.resolve()
        temporary = None
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".config-", dir=target.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as out:
                out.write(self.text)
                out.flush()
                os.fsync(out.fileno())
            if target.exists():
                Path(temporary).chmod(target.stat().st_mode & 0o777)
            Path(temporary).replace(target)
        except OSError as error:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink(missing_ok=True)
            raise ConfigurationError(
                f"cannot write the configuration {self.file}: {error.strerror}",
                advice="check its folder's owner and the free space",
            ) from None


def add_source(source: NewSource, paths: Paths, environment: Environment) -> Edit:
    """Append a table for a source; nothing is written yet.

    Args:
        source: what to add; its name must be new.
        paths: name the file, which need not exist.
        environment: as for `load_settings`.

    Raises:
        ConfigurationError: the file is not sound, now or with the new table in it.
    """
    return add_sources([source], paths, environment)


def add_sources(
    sources: Sequence[NewSource],
    paths: Paths,
    environment: Environment,
    defaults: Mapping[str, int] = MappingProxyType({}),
) -> Edit:
    """Append tables for sources, and numbers to `[defaults]`; nothing is written yet.

    A number goes below the line `[defaults]`; where that table is written in another way, it is
    left out, and `Edit.settings` shows it.

    Args:
        sources: what to add; their names must be new.
        paths: name the file, which need not exist.
        environment: as for `load_settings`.
        defaults: keys that the table `[defaults]` does not have yet.

    Raises:
        ConfigurationError: the file is not sound, now or with the new tables in it.
    """
    for source in sources:
        check_source_name(source.name, "the NAME given")
    file = paths.config_file
    text = _read(file).rstrip() or f"version = {VERSION}"
    before = parse_document(text.encode(), file)
    if defaults:
        text = _with_defaults(text, defaults, appending="defaults" not in before.tables)
    # A blank line before each; the file may have ended without a line break.
    tables = [_table(source) for source in sources]
    text = "\n\n".join([text, *("\n".join(table) for table in tables)]) + "\n"
    document = parse_document(text.encode(), file)
    keys = [f"defaults.{key}" for key in defaults]
    for source, (_, *lines) in zip(sources, tables, strict=True):
        keys += [f"sources.{source.name}.{line.partition(' = ')[0]}" for line in lines]
    return Edit(file, text, settle(document, environment, paths, {}), tuple(keys))


def _with_defaults(text: str, defaults: Mapping[str, int], *, appending: bool) -> str:
    lines = "\n".join(f"{key} = {value}" for key, value in defaults.items())
    if appending:
        return f"{text}\n\n[defaults]\n{lines}"
    return _DEFAULTS.sub(lambda header: f"{header[0]}\n{lines}", text, count=1)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1).decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "unreadable") if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"cannot read the configuration {file}: {why}",
            advice="check the path and its permissions, or name another file with --config",
        ) from None


def _table(source: NewSource) -> Sequence[str]:
    lines = [f"[sources.{source.name}]", f"forge = {_quote(source.forge)}"]
    if source.url:
        lines.append(f"url = {_quote(source.url)}")
    if source.owners:
        lines.append(f"owners = [{', '.join(_quote(owner) for owner in source.owners)}]")
    if source.user:
        lines.append(f"user = {_quote(source.user)}")
    if source.token_env:
        lines.append(f"token_env = {_quote(source.token_env)}")
    if source.token_file:
        lines.append(f"token_file = {_quote(source.token_file)}")
    if source.token_command:
        words = ", ".join(_quote(word) for word in source.token_command)
        lines.append(f"token_command = [{words}]")
    return lines


def _quote(text: str) -> str:
    """A TOML basic string."""
    if not text.isprintable():
        raise ConfigurationError(
            f"{text[:40]!a} holds characters that a configuration cannot hold",
            advice="type it again",
        )
    return '"' + "".join(_ESCAPES.get(letter, letter) for letter in text) + '"'
