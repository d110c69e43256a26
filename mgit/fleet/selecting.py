"""From the configuration to what the decisions need: saved selections, and the policy of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from mgit.config.settings import Settings, SourceSettings
from mgit.errors import ConfigurationError, InvalidInput
from mgit.fleet.values import SyncRequest
from mgit.model import LossGuard, RemoteRepo, RepoKey
from mgit.plan.layout import Layout
from mgit.plan.policy import SourcePolicy, SyncPolicy
from mgit.plan.select import Named, Selection

_NO_REQUEST = SyncRequest()


def saved_selections(settings: Settings) -> Mapping[str, Named]:
    """The selections that the configuration names, read.

    Raises:
        ConfigurationError: one of them is malformed.
    """
    found: dict[str, Named] = {}
    for name, one in settings.selections.items():
        where = f"{settings.paths.config_file}: [selections.{name}]"
        found[name] = Named(
            f"@{name}", _read(one.include, one.filter, {}, where), frozenset(one.sources)
        )
    return found


def source_selection(
    settings: Settings, source: SourceSettings, saved: Mapping[str, Named]
) -> Selection:
    """What of a source is wanted.

    Raises:
        ConfigurationError: a pattern or condition of it is malformed.
    """
    where = f"{settings.paths.config_file}: [sources.{source.name}]"
    return _read(source.include, source.filter, saved, where)


def policy_of(
    settings: Settings,
    selection: Selection,
    request: SyncRequest = _NO_REQUEST,
    now: datetime | None = None,
    acknowledged: Mapping[RepoKey, frozenset[str]] | None = None,
) -> SyncPolicy:
    """What the person wants, from their configuration and what this run is about.

    Args:
        settings: the configuration.
        selection: what this run is about.
        request: what the person asks of this run.
        now: what ages in conditions are counted from; None for the clock's time.
        acknowledged: digests of the losses that a person has accepted, by repository.

    Raises:
        ConfigurationError: a pattern or condition of the configuration is malformed.
    """
    saved = saved_selections(settings)
    return SyncPolicy(
        kind=settings.kind,
        layout=Layout(settings.layout),
        selection=selection,
        gone=settings.gone,
        gone_limit=settings.gone_limit,
        acknowledge_gone=request.acknowledge_gone,
        heal=request.heal or settings.heal,
        options=settings.options,
        sources={
            source.name: SourcePolicy(
                source_selection(settings, source, saved),
                source.kind,
                source.forge,
                source.options,
            )
            for source in settings.sources
        },
        now=now or datetime.now(UTC),
        shard=settings.serve.shard,
        resting=request.resting,
        guard=guard_of(settings),
        acknowledged=acknowledged or {},
    )


def guard_of(settings: Settings) -> LossGuard:
    """How much a fetch may take away."""
    return LossGuard(settings.ref_loss_limit, settings.rewritten == "follow")


def unsaid(repos: Iterable[RemoteRepo], policy: SyncPolicy) -> Iterator[str]:
    """Sentences about repositories that are kept only because their forges do not say enough."""
    counts = Counter((repo.source, text) for repo in repos for text in policy.unsure(repo))
    for (source, text), number in sorted(counts.items()):
        whether = "repository is" if number == 1 else "repositories are"
        yield f"{source}: {number} {whether} kept, though the forge does not say whether {text}"


def _read(
    patterns: tuple[str, ...], filters: tuple[str, ...], saved: Mapping[str, Named], where: str
) -> Selection:
    try:
        return Selection.parse(patterns, filters, saved=saved)
    except InvalidInput as error:
        raise ConfigurationError(f"{where}: {error.message}", advice=error.advice) from None
