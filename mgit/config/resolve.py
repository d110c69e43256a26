"""Looks a key up where it may stand: flag, variable, file, default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mgit.config import keys
from mgit.config.document import Document, Table
from mgit.config.environ import Environment
from mgit.config.key import Key
from mgit.config.settings import Shown
from mgit.config.values import Unfit, Where
from mgit.errors import ConfigurationError

T = TypeVar("T")


def token_variable(source: str) -> str:
    """The environment variable that may hold the token of a source."""
    return keys.VARIABLE_PREFIX + source.upper().replace("-", "_")


@dataclass(slots=True)
class Resolver:
    """Looks a key up where it may stand and notes what it found for `mgit config show`."""

    document: Document
    environment: Environment
    flags: Mapping[str, str]
    shown: list[Shown] = field(default_factory=list)

    def get(self, key: Key[T]) -> T:
        """The value that counts, of a key that always has one."""
        found = self.find(key)
        if found is None:
            raise ConfigurationError(f"{key.path} is missing", advice=f"set {key.path}")
        return found

    def find(self, key: Key[T]) -> T | None:
        """The value that counts: flag, variable, file, default."""
        if key.path in self.flags:
            flag = f"--{key.name.replace('_', '-')}"
            return self._read(key, key.path, self.flags[key.path], self._outside(flag))
        variable = self.environment.given(key.env) if key.env else None
        if variable is not None:
            return self._read(key, key.path, variable, self._outside(key.env))
        value = self.document.tables.get(key.table, {}).get(key.name)
        if value is not None:
            return self._read(key, key.path, value, self._file())
        if key.default is None:
            self.shown.append(Shown(key.path, "", "default"))
            return None
        return self._read(key, key.path, key.default, self._outside("default"))

    def origin(self, key: Key[T]) -> str:
        """Where the value that counts was written, after it was looked up."""
        return next(shown.origin for shown in self.shown if shown.key == key.path)

    def of_source(self, key: Key[T], name: str, table: Table) -> T | None:
        """The value of one source's key, None where it says nothing."""
        path = f"sources.{name}"
        if key is not keys.TOKEN_FILE:
            return self.in_table(key, path, table)
        own = self._from_variable(key, path, f"{token_variable(name)}_FILE")
        found = own if own is not None else self.in_table(key, path, table)
        named = table.get(keys.TOKEN_ENV.name)
        if found is None and isinstance(named, str):
            return self._from_variable(key, path, f"{named}_FILE")
        return found

    def _from_variable(self, key: Key[T], table_path: str, variable: str) -> T | None:
        given = self.environment.given(variable)
        if given is None:
            return None
        return self._read(key, f"{table_path}.{key.name}", given, self._outside(variable))

    def in_table(self, key: Key[T], table_path: str, table: Table) -> T | None:
        """What stands in a table of the file, None where nothing does."""
        if key.name not in table:
            return None
        return self._read(key, f"{table_path}.{key.name}", table[key.name], self._file())

    def _read(self, key: Key[T], path: str, value: object, where: Where) -> T:
        try:
            read = key.read(value, where)
        except Unfit as error:
            # The wrong value itself is not repeated: it may be a token in the wrong place.
            raise ConfigurationError(
                f"{where.label}: {path} must be {error}",
                advice="correct it, then run `mgit config check`",
            ) from None
        self.shown.append(Shown(path, key.write(read), where.label))
        return read

    def _outside(self, label: str) -> Where:
        return Where(label, Path.cwd(), self.environment.home())

    def _file(self) -> Where:
        return Where(str(self.document.file), self.document.file.parent, self.environment.home())
