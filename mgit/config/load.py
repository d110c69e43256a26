"""From flags, environment and file to Settings; each value remembers where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from mgit.config import guard_keys, keys, network_keys, pace_keys, telemetry_keys
from mgit.config.document import Document, read_document
from mgit.config.environ import Environment, current_environment
from mgit.config.nearest import nearest
from mgit.config.pace import check_pace
from mgit.config.paths import Paths, find_paths
from mgit.config.resolve import Resolver, token_variable
from mgit.config.settings import (
    AuditSettings,
    GonePolicy,
    HealPolicy,
    LayoutName,
    LogFormat,
    LogLevel,
    LogSettings,
    NetworkSettings,
    RewrittenPolicy,
    ServeSettings,
    Settings,
    SourceSettings,
)
from mgit.config.sources import read_selection, read_source
from mgit.config.traces import read_telemetry
from mgit.config.values import blob_filter
from mgit.config.web import read_web
from mgit.errors import ConfigurationError
from mgit.model import CopyKind, CopyOptions

__all__ = ["load_settings", "settle", "token_variable"]


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
    resolver = Resolver(document, environment, flags)
    kind = CopyKind(resolver.get(keys.KIND))
    options = _options(resolver, kind)
    settings = Settings(
        paths=paths,
        environment=environment,
        root=resolver.get(keys.ROOT),
        layout=cast("LayoutName", resolver.get(keys.LAYOUT)),
        kind=kind,
        concurrency=resolver.get(keys.CONCURRENCY),
        options=options,
        wikis=resolver.get(keys.WIKIS),
        heal=cast("HealPolicy", resolver.get(keys.HEAL)),
        gone=cast("GonePolicy", resolver.get(keys.GONE)),
        gone_limit=resolver.get(keys.GONE_LIMIT),
        ref_loss_limit=resolver.get(guard_keys.REF_LOSS_LIMIT),
        rewritten=cast("RewrittenPolicy", resolver.get(guard_keys.REWRITTEN)),
        max_pack_bytes=resolver.get(guard_keys.MAX_PACK_BYTES),
        expiry_warning=resolver.get(keys.EXPIRY_WARNING),
        serve=_serve(resolver),
        log=LogSettings(
            cast("LogFormat", resolver.get(telemetry_keys.LOG_FORMAT)),
            cast("LogLevel", resolver.get(telemetry_keys.LOG_LEVEL)),
        ),
        audit=AuditSettings(
            resolver.get(telemetry_keys.AUDIT_SIZE),
            resolver.get(telemetry_keys.AUDIT_AGE),
            resolver.find(telemetry_keys.AUDIT_HEAD_FILE),
        ),
        network=_network(resolver, environment),
        telemetry=read_telemetry(resolver, environment),
        sources=tuple(
            read_source(name, table, resolver, options) for name, table in document.sources.items()
        ),
        selections={
            name: read_selection(name, table, resolver, list(document.sources))
            for name, table in document.selections.items()
        },
        warnings=tuple(_unknown_variables(document, environment)),
        values=tuple(resolver.shown),
    )
    _check_twins(settings.sources, document.file)
    check_pace(settings.serve, settings.sources, document.file)
    return replace(settings, warnings=(*settings.warnings, *_unheard(settings)))


def _serve(resolver: Resolver) -> ServeSettings:
    return ServeSettings(
        listen=resolver.get(keys.LISTEN),
        interval=resolver.get(keys.INTERVAL),
        shard=resolver.find(keys.SHARD),
        scrub_every=resolver.get(guard_keys.SCRUB_EVERY),
        scrub_rate=resolver.get(guard_keys.SCRUB_RATE),
        web=read_web(resolver),
        min_interval=resolver.find(pace_keys.MIN_INTERVAL),
        max_interval=resolver.find(pace_keys.MAX_INTERVAL),
        asks_per_minute=resolver.find(pace_keys.ASKS_PER_MINUTE),
        per_repository_metrics=resolver.get(telemetry_keys.PER_REPOSITORY_METRICS),
    )


def _unheard(settings: Settings) -> Iterator[str]:
    """Webhooks that nobody could send."""
    if settings.serve.web.listen is None:
        for source in settings.sources:
            if source.webhook_secret_file is not None:
                yield (
                    f"sources.{source.name}.webhook_secret_file is set, but no webhook comes in "
                    "without `web` in [serve] or MGIT_WEB"
                )


def _options(resolver: Resolver, kind: CopyKind) -> CopyOptions:
    options = CopyOptions(
        depth=resolver.get(keys.DEPTH) or None,
        filter=blob_filter(resolver.get(keys.BLOBS)),
        lfs=resolver.get(keys.LFS),
        submodules=resolver.get(keys.SUBMODULES),
    )
    if kind is CopyKind.MIRROR and options.submodules:
        raise ConfigurationError(
            f"mirrors are wanted ({resolver.origin(keys.KIND)}) and submodules too "
            f"({resolver.origin(keys.SUBMODULES)}), but a mirror has no files to check out",
            advice="keep work trees, or leave submodules out",
        )
    return options


def _network(resolver: Resolver, environment: Environment) -> NetworkSettings:
    network = NetworkSettings(
        ca_file=resolver.find(network_keys.CA_FILE),
        client_cert=resolver.find(network_keys.CLIENT_CERT),
        client_key=resolver.find(network_keys.CLIENT_KEY),
        timeout=resolver.get(network_keys.TIMEOUT),
        https_proxy=_first(environment, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
        no_proxy=_first(environment, "no_proxy", "NO_PROXY"),
    )
    if network.client_key is not None and network.client_cert is None:
        raise ConfigurationError(
            f"{resolver.origin(network_keys.CLIENT_KEY)}: network.client_key is the key of no "
            "certificate",
            advice="name the certificate as `client_cert` in [network], or in MGIT_CLIENT_CERT",
        )
    return network


def _first(environment: Environment, *names: str) -> str:
    """The first of these variables that is set, as curl looks at them; empty if none is."""
    return next((value for name in names if (value := environment.given(name))), "")


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
