"""Settings: every choice made, checked and frozen. No secret is ever among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from mgit.config.environ import Environment
from mgit.config.paths import Paths
from mgit.config.values import HostPort
from mgit.errors import ConfigurationError
from mgit.model import CopyKind, CopyOptions, Shard

ForgeKind = Literal[
    "github",
    "gitlab",
    "azuredevops",
    "bitbucket",
    "bitbucket-datacenter",
    "gitea",
    "forgejo",
    "manifest",
]
LayoutName = Literal["flat", "owner", "forge"]
GonePolicy = Literal["keep", "archive", "delete"]
HealPolicy = Literal["off", "mirrors", "all"]
RewrittenPolicy = Literal["hold", "follow"]
LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_LOOPBACK = HostPort("127.0.0.1", 8080)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One place that lists repositories.

    Args:
        name: what the person calls it: `[sources.NAME]`.
        forge: which client speaks to it.
        url: address of its API without a trailing slash; empty for a manifest.
        owners: organisations, groups or users to list; empty for all that the token sees.
        include: patterns that limit it, `!` excludes; empty for everything.
        file: the manifest, None for a forge.
        token_env: name of the environment variable that may hold the token.
        token_file: file that holds the token, None if there is none.
        token_command: program and arguments that print the token, empty if there is none.
        kind: work tree or mirror, None for what `Settings.kind` says.
        user: account name or e-mail that goes with the token, where the forge wants one.
        filter: conditions that limit it, as `--filter` takes them.
        options: how much of each repository is kept, None for what `Settings.options` says.
        wikis: also keep the wikis; None for what `Settings.wikis` says.
        interval: seconds between two passes of `mgit serve`, None for what `ServeSettings` says.
        min_interval: the same for what `ServeSettings.min_interval` says.
        max_interval: the same for what `ServeSettings.max_interval` says.
        webhook_secret_file: holds the secrets that vouch for webhooks, one a line; None where none
            are taken.
        token_expires: when the token ends (aware), where a person wrote it down.
    """

    name: str
    forge: ForgeKind
    url: str = ""
    owners: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    file: Path | None = None
    token_env: str = ""
    token_file: Path | None = None
    token_command: tuple[str, ...] = ()
    kind: CopyKind | None = None
    user: str = ""
    filter: tuple[str, ...] = ()
    options: CopyOptions | None = None
    wikis: bool | None = None
    interval: float | None = None
    min_interval: float | None = None
    max_interval: float | None = None
    webhook_secret_file: Path | None = None
    token_expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """A selection with a name: `[selections.NAME]`, used as `@NAME`.

    Args:
        name: what the person calls it.
        include: patterns, `!` excludes; empty for everything.
        filter: conditions, as `--filter` takes them.
        sources: names of the sources it is about; empty for all.
    """

    name: str
    include: tuple[str, ...] = ()
    filter: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Who may see the status page and ask the API of `mgit serve`.

    Args:
        listen: where they are answered, None for nowhere.
        token_file: holds the tokens that let in, one a line; None for none. They count for the
            metrics at `ServeSettings.listen` as well.
        tls_cert: PEM file of the certificate to show, None for plain HTTP.
        tls_key: PEM file of its key, None where `tls_cert` holds both.
        client_ca: certificates whose owners are let in with a certificate of theirs, None for none.
    """

    listen: HostPort | None = None
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None

    @property
    def asks(self) -> bool:
        """Whether a credential is needed."""
        return self.token_file is not None or self.client_ca is not None


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How `mgit serve` works.

    Args:
        listen: where health and metrics are answered.
        interval: seconds from the start of one cycle to the start of the next.
        shard: the part of the repositories that this mgit keeps, whatever the command; None for
            all.
        scrub_every: seconds within which every clone is read whole.
        scrub_rate: bytes a second that are read for it, 0 for not at all.
        web: where the status page, the API and webhooks are answered.
        min_interval: seconds after which a busy repository may be asked again; None for the
            interval of its source.
        max_interval: seconds for which a quiet repository may go unasked; None for the interval of
            its source.
        asks_per_minute: most repositories of one host that are asked in a minute, None for all.
        per_repository_metrics: how many of the stalest repositories the metrics name.
    """

    listen: HostPort = _LOOPBACK
    interval: float = 900.0
    shard: Shard | None = None
    scrub_every: float = 30 * 86400.0
    scrub_rate: int = 8 * 1024 * 1024
    web: WebSettings = WebSettings()
    min_interval: float | None = None
    max_interval: float | None = None
    asks_per_minute: int | None = None
    per_repository_metrics: int = 0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How events are written to standard error."""

    format: LogFormat = "console"
    level: LogLevel = "info"


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """How the audit log is kept.

    Args:
        max_size: bytes at which a file is closed and the next begun, 0 for never.
        max_age: seconds after its first record, 0 for never.
        head_file: second place to which heads are appended, None for none.
    """

    max_size: int = 64 << 20
    max_age: float = 0.0
    head_file: Path | None = None


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How hosts are reached.

    Args:
        ca_file: certificates to trust in place of the system's.
        client_cert: PEM file that mgit shows to hosts that want one, None for none.
        client_key: PEM file of its key, None where `client_cert` holds both.
        timeout: seconds that a connection may be silent.
        https_proxy: URL of the proxy for https, empty for none.
        no_proxy: hosts that are reached directly, as in `NO_PROXY`.
    """

    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    timeout: float = 30.0
    https_proxy: str = field(default="", repr=False)
    no_proxy: str = ""


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """What mgit tells a collector of traces.

    Args:
        endpoint: URL that takes traces (OTLP over HTTP), None for no traces.
        traceparent: the trace of whoever started mgit (W3C Trace Context), empty for none.
    """

    endpoint: str | None = None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of `mgit config show`.

    Args:
        key: dotted name, for example `defaults.root`.
        value: as a person would write it.
        origin: where it was written: a file, a variable, a flag or `default`.
    """

    key: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Every choice made, from flags, environment and file, in this order of precedence.

    Args:
        paths: files and folders of mgit's own.
        environment: the environment it was read from; shows nothing in `repr`.
        root: folder that holds the clones.
        layout: how a repository's name becomes a folder.
        kind: work tree or mirror.
        concurrency: git processes at the same time.
        gone: what to do with a clone that its forge no longer lists.
        gone_limit: share (0 to 1) of a source's clones that may vanish in one run before nothing
            is archived or deleted without an acknowledgement.
        options: how much of each repository is kept.
        wikis: also keep the wikis, as repositories of their own.
        heal: clone damaged copies anew: mirrors only, all, or none.
        ref_loss_limit: share (0 to 1) of a clone's refs that upstream may take away at once
            before the clone is held.
        rewritten: what a mirror does when its default branch loses commits upstream.
        max_pack_bytes: the largest file that git may write, 0 for no limit.
        expiry_warning: seconds before a token ends from which on mgit warns.
        selections: by name.
        sources: in the order of the file.
        values: what `mgit config show` prints.
        warnings: what looks like a mistake but stops nothing; one line each.
    """

    paths: Paths
    environment: Environment
    root: Path
    layout: LayoutName = "owner"
    kind: CopyKind = CopyKind.WORKTREE
    concurrency: int = 8
    gone: GonePolicy = "keep"
    gone_limit: float = 0.2
    options: CopyOptions = field(default_factory=CopyOptions)
    wikis: bool = False
    heal: HealPolicy = "mirrors"
    ref_loss_limit: float = 0.5
    rewritten: RewrittenPolicy = "hold"
    max_pack_bytes: int = 64 * 1024**3
    expiry_warning: float = 14 * 86400.0
    selections: Mapping[str, SelectionSettings] = field(default_factory=dict)
    sources: tuple[SourceSettings, ...] = ()
    serve: ServeSettings = ServeSettings()
    log: LogSettings = LogSettings()
    audit: AuditSettings = AuditSettings()
    network: NetworkSettings = NetworkSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    values: tuple[Shown, ...] = ()
    warnings: tuple[str, ...] = ()

    def token_from_environment(self, source: SourceSettings) -> str | None:
        """The token that stands in the source's environment variable, None if there is none."""
        return self.environment.given(source.token_env) if source.token_env else None

    def source(self, name: str) -> SourceSettings:
        """The source of that name.

        Raises:
            ConfigurationError: there is none; names the nearest one.
        """
        from mgit.config.nearest import did_you_mean

        for source in self.sources:
            if source.name == name:
                return source
        names = [source.name for source in self.sources]
        known = f"known sources: {', '.join(names)}" if names else "no source is configured yet"
        raise ConfigurationError(
            f"there is no source named {name!a}{did_you_mean(name, names)}",
            advice=f"{known}; add one with `mgit login {name} --forge github --owner OWNER`",
        )

    def require_sources(self) -> tuple[SourceSettings, ...]:
        """The sources, of which there must be one.

        Raises:
            ConfigurationError: no source is configured.
        """
        if self.sources:
            return self.sources
        there = "names no source" if self.paths.config_file.exists() else "does not exist"
        raise ConfigurationError(
            f"no source is configured: {self.paths.config_file} {there}",
            advice="run `mgit login github --forge github --owner OWNER`",
        )


def origins(settings: Settings) -> Mapping[str, str]:
    """Where each value was written, by dotted key."""
    return {shown.key: shown.origin for shown in settings.values}
