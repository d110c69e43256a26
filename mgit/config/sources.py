"""Reads `[sources.NAME]` and `[selections.NAME]`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time
from typing import TypeVar, cast

from mgit.config import keys
from mgit.config.document import Table
from mgit.config.key import Key
from mgit.config.nearest import did_you_mean
from mgit.config.resolve import Resolver, token_variable
from mgit.config.settings import ForgeKind, SelectionSettings, Shown, SourceSettings
from mgit.config.values import blob_filter
from mgit.errors import ConfigurationError
from mgit.model import CopyKind, CopyOptions

T = TypeVar("T")

DEFAULT_URLS = {
    "github": "https://api.github.com",
    "gitlab": "https://gitlab.com",
    "bitbucket": "https://api.bitbucket.org",
}
"""The best-known home of a forge, where it has one."""


def read_source(name: str, table: Table, resolver: Resolver, common: CopyOptions) -> SourceSettings:
    """Read `[sources.NAME]`.

    Args:
        name: of the source.
        table: as it stands in the file.
        resolver: looks up and notes.
        common: what is kept of repositories elsewhere.

    Raises:
        ConfigurationError: a value is malformed, or contradicts another.
    """
    forge = resolver.of_source(keys.FORGE, name, table)
    where = f"{resolver.document.file}: [sources.{name}]"
    if forge is None:
        raise ConfigurationError(
            f"{where} does not say which forge it is",
            advice=f'add `forge = "github"` (or one of {", ".join(keys.FORGES)})',
        )
    url = resolver.of_source(keys.URL, name, table)
    if url is None:
        url = DEFAULT_URLS.get(forge, "")
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
        user=resolver.of_source(keys.USER, name, table) or "",
        filter=resolver.of_source(keys.FILTER, name, table) or (),
        options=_options(name, table, resolver, common),
        wikis=_own(keys.SOURCE_WIKIS, name, table, resolver),
        interval=_own(keys.SOURCE_INTERVAL, name, table, resolver, keys.INTERVAL.path),
        min_interval=resolver.of_source(keys.SOURCE_MIN_INTERVAL, name, table),
        max_interval=resolver.of_source(keys.SOURCE_MAX_INTERVAL, name, table),
        webhook_secret_file=resolver.of_source(keys.WEBHOOK_SECRET_FILE, name, table),
        token_expires=_first_moment(resolver.of_source(keys.TOKEN_EXPIRES, name, table)),
    )
    _check_source(source, where, common)
    return source


def _first_moment(day: date | None) -> datetime | None:
    """The moment at which a day begins, in UTC, as GitLab ends its tokens."""
    return None if day is None else datetime.combine(day, time(), UTC)


def _options(
    name: str, table: Table, resolver: Resolver, common: CopyOptions
) -> CopyOptions | None:
    depth = _own(keys.SOURCE_DEPTH, name, table, resolver)
    blobs = _own(keys.SOURCE_BLOBS, name, table, resolver)
    lfs = _own(keys.SOURCE_LFS, name, table, resolver)
    submodules = _own(keys.SOURCE_SUBMODULES, name, table, resolver)
    options = CopyOptions(
        depth=common.depth if depth is None else depth or None,
        filter=common.filter if blobs is None else blob_filter(blobs),
        lfs=common.lfs if lfs is None else lfs,
        submodules=common.submodules if submodules is None else submodules,
    )
    return None if options == common else options


def _own(key: Key[T], name: str, table: Table, resolver: Resolver, common: str = "") -> T | None:
    """What a source says of itself; a flag for the whole run outranks it."""
    value = resolver.of_source(key, name, table)
    return None if (common or f"defaults.{key.name}") in resolver.flags else value


def _check_source(source: SourceSettings, where: str, common: CopyOptions) -> None:
    own = source.options is not None and source.options.submodules and not common.submodules
    if source.kind is CopyKind.MIRROR and own:
        raise ConfigurationError(
            f"{where} wants mirrors with submodules, but a mirror has no files to check out",
            advice='take `submodules` out, or write `kind = "worktree"`',
        )
    if source.forge == "manifest":
        if source.file is None:
            raise ConfigurationError(
                f"{where} is a manifest without a file", advice='add `file = "repos.toml"`'
            )
        if source.url or source.owners or source.wikis:
            raise ConfigurationError(
                f"{where} is a manifest, which has no url, no owners and no wikis",
                advice="take them out, or choose another forge",
            )
        if source.webhook_secret_file is not None:
            raise ConfigurationError(
                f"{where} is a manifest, which sends no webhooks",
                advice="take `webhook_secret_file` out, or choose another forge",
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


def read_selection(
    name: str, table: Table, resolver: Resolver, sources: Collection[str]
) -> SelectionSettings:
    """Read `[selections.NAME]`.

    Args:
        name: of the selection.
        table: as it stands in the file.
        resolver: looks up and notes.
        sources: names of the sources that there are.

    Raises:
        ConfigurationError: a value is malformed, or there is no such source.
    """
    path = f"selections.{name}"
    about = resolver.in_table(keys.SELECTION_SOURCES, path, table) or ()
    where = f"{resolver.document.file}: [{path}]"
    for source in about:
        if source not in sources:
            raise ConfigurationError(
                f"{where} is about a source {source[:40]!a} that is not there"
                f"{did_you_mean(source, sources)}",
                advice=f"sources: {', '.join(sources) or 'none yet'}",
            )
    include = resolver.in_table(keys.SELECTION_INCLUDE, path, table) or ()
    if any(pattern.removeprefix("!").startswith("@") for pattern in include):
        raise ConfigurationError(
            f"{where} names another selection, which selections cannot",
            advice="write the patterns of the other one here too",
        )
    return SelectionSettings(
        name, include, resolver.in_table(keys.SELECTION_FILTER, path, table) or (), about
    )
