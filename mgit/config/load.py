"""From flags, environment and file to Settings; each value remembers where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from mgit.config import keys
from mgit.config.document import Document, Table, read_document
from mgit.config.environ import Environment, current_environment
from mgit.config.keys import Key
from mgit.config.nearest import nearest
from mgit.config.paths import Paths, find_paths
from mgit.config.settings import (
    ForgeKind,
    GonePolicy,
    LayoutName,
    LogFormat,
    LogLevel,
    LogSettings,
    NetworkSettings,
    ServeSettings,
    Settings,
    Shown,
    SourceSettings,
)
from mgit.config.values import Unfit, Where, format_duration
from mgit.errors import ConfigurationError
from mgit.model import CopyKind

T = TypeVar("T")

_DEFAULT_URLS = {"github": "https://api.github.com"}


def load_settings(
    *,
    environment: Environment | None = None,
    config_file: Path | None = None,
    flags: Mapping[str, str] | None = None,
    must_exist: bool = False,
) -> Settings:
    """Read everything that can be chosen and settle it.

    Args:
        environment: in place of this process's own.
        config_file: in place of `$MGIT_CONFIG` and the usual place.
        flags: values given on the command line, by dotted key (`defaults.root`).
        must_exist: refuse a missing file also when nobody named it.

    Raises:
        ConfigurationError: something is unreadable, unknown, malformed or contradicts itself;
            the message names the place, the advice what to do.
    """
    environment = environment or current_environment()
    paths = find_paths(environment, config_file=config_file)
    named = config_file is not None or environment.given("MGIT_CONFIG") is not None
    document = Document(paths.config_file)
    if must_exist or named or paths.config_file.exists():
        document = read_document(paths.config_file)
    return settle(document, environment, paths, flags or {})


def settle(
    document: Document, environment: Environment, paths: Paths, flags: Mapping[str, str]
) -> Settings:
    """Combine what was read. Pure but for `~` and the current folder.

    Raises:
        ConfigurationError: see `load_settings`.
    """
    resolver = _Resolver(document, environment, flags)
    settings = Settings(
        paths=paths,
        environment=environment,
        root=resolver.get(keys.ROOT),
        layout=cast("LayoutName", resolver.get(keys.LAYOUT)),
        kind=CopyKind(resolver.get(keys.KIND)),
        concurrency=resolver.get(keys.CONCURRENCY),
        gone=cast("GonePolicy", resolver.get(keys.GONE)),
        serve=ServeSettings(resolver.get(keys.LISTEN), resolver.get(keys.INTERVAL)),
        log=LogSettings(
            cast("LogFormat", resolver.get(keys.LOG_FORMAT)),
            cast("LogLevel", resolver.get(keys.LOG_LEVEL)),
        ),
        network=NetworkSettings(
            ca_file=resolver.find(keys.CA_FILE),
            timeout=resolver.get(keys.TIMEOUT),
            https_proxy=_first(environment, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
            no_proxy=_first(environment, "no_proxy", "NO_PROXY"),
        ),
        sources=tuple(_source(name, table, resolver) for name, table in document.sources.items()),
        warnings=tuple(_unknown_variables(document, environment)),
        values=tuple(resolver.shown),
    )
    _check_twins(settings.sources, document.file)
    return settings


@dataclass(slots=True)
class _Resolver:
    """Looks a key up where it may stand and notes what it found for `mgit config show`."""

    document: Document
    environment: Environment
    flags: Mapping[str, str]
    shown: list[Shown] = field(default_factory=list)

    def get(self, key: Key[T]) -> T:
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

    def of_source(self, key: Key[T], name: str, table: Table) -> T | None:
        path = f"sources.{name}.{key.name}"
        variable = ""
        if key is keys.TOKEN_FILE:
            variable = f"{token_variable(name)}_FILE"
        given = self.environment.given(variable) if variable else None
        if given is not None:
            return self._read(key, path, given, self._outside(variable))
        if key.name not in table:
            return None
        return self._read(key, path, table[key.name], self._file())

    def _read(self, key: Key[T], path: str, value: object, where: Where) -> T:
        try:
            read = key.read(value, where)
        except Unfit as error:
            # The wrong value itself is not repeated: it may be a token in the wrong place.
            raise ConfigurationError(
                f"{where.label}: {path} must be {error}",
                advice="correct it, then run `mgit config check`",
            ) from None
        self.shown.append(Shown(path, _written(key, read), where.label))
        return read

    def _outside(self, label: str) -> Where:
        return Where(label, Path.cwd(), self.environment.home())

    def _file(self) -> Where:
        return Where(str(self.document.file), self.document.file.parent, self.environment.home())


def _first(environment: Environment, *names: str) -> str:
    """The first of these variables that is set, as curl looks at them; empty if none is."""
    return next((value for name in names if (value := environment.given(name))), "")


def _written(key: Key[T], value: T) -> str:
    if key is keys.INTERVAL or key is keys.TIMEOUT:
        return format_duration(cast("float", value))
    if isinstance(value, tuple):
        return " ".join(str(word) for word in value)
    return str(value)


def token_variable(source: str) -> str:
    """The environment variable that may hold the token of a source."""
    return keys.VARIABLE_PREFIX + source.upper().replace("-", "_")


def _source(name: str, table: Table, resolver: _Resolver) -> SourceSettings:
    forge = resolver.of_source(keys.FORGE, name, table)
    where = f"{resolver.document.file}: [sources.{name}]"
    if forge is None:
        raise ConfigurationError(
            f"{where} does not say which forge it is",
            advice=f'add `forge = "github"` (or one of {", ".join(keys.FORGES)})',
        )
    url = resolver.of_source(keys.URL, name, table)
    if url is None:
        url = _DEFAULT_URLS.get(forge, "")
        if url:
            resolver.shown.append(Shown(f"sources.{name}.url", url, "default"))
    named = resolver.of_source(keys.TOKEN_ENV, name, table)
    kind = resolver.of_source(keys.SOURCE_KIND, name, table)
    own = token_variable(name)
    source = SourceSettings(
        name=name,
        forge=cast("ForgeKind", forge),
        url=url,
        owners=resolver.of_source(keys.OWNERS, name, table) or (),
        include=resolver.of_source(keys.INCLUDE, name, table) or (),
        file=resolver.of_source(keys.FILE, name, table),
        token_env=own if named is None or resolver.environment.given(own) else named,
        token_file=resolver.of_source(keys.TOKEN_FILE, name, table),
        token_command=resolver.of_source(keys.TOKEN_COMMAND, name, table) or (),
        # A flag is about this run as a whole, so it outranks what the file says of one source.
        kind=CopyKind(kind) if kind and keys.KIND.path not in resolver.flags else None,
    )
    _check_source(source, where)
    return source


def _check_source(source: SourceSettings, where: str) -> None:
    if source.forge == "manifest":
        if source.file is None:
            raise ConfigurationError(
                f"{where} is a manifest without a file", advice='add `file = "repos.toml"`'
            )
        if source.url or source.owners:
            raise ConfigurationError(
                f"{where} is a manifest, which has no url and no owners",
                advice="take them out, or choose another forge",
            )
        return
    if source.file is not None:
        raise ConfigurationError(
            f"{where} names a file, which only a manifest has",
            advice='take it out, or write `forge = "manifest"`',
        )
    if not source.url:
        raise ConfigurationError(
            f"{where} is a {source.forge} without an address",
            advice='add `url = "https://git.example.com"`',
        )


def _check_twins(sources: tuple[SourceSettings, ...], file: Path) -> None:
    seen: dict[str, str] = {}
    for source in sources:
        other = seen.setdefault(token_variable(source.name), source.name)
        if other != source.name:
            raise ConfigurationError(
                f"{file}: sources {other} and {source.name} would share the variable "
                f"{token_variable(source.name)}",
                advice="rename one of them",
            )


def _unknown_variables(document: Document, environment: Environment) -> Iterator[str]:
    known = {key.env for key in keys.GLOBAL_KEYS} | keys.OTHER_VARIABLES
    tokens = {token_variable(name) for name in document.sources}
    tokens |= {f"{token}_FILE" for token in tokens}
    for name in sorted(environment.variables):
        if not name.startswith("MGIT_") or name in known or name in tokens:
            continue
        shorts = {_short(one): one for one in sorted(known | tokens) if one}
        near = nearest(_short(name), shorts)
        guess = f"; did you mean {shorts[near]}?" if near else ""
        yield f"the environment variable {ascii(name)[1:-1]} means nothing to mgit{guess}"


def _short(name: str) -> str:
    return name.removeprefix("MGIT_").lower()
