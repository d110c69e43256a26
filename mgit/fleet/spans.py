"""What the spans of a fleet say. Names of attributes are OpenTelemetry's where it has some.

No address goes into a span but host and port: a path may be a secret, and a query often is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from mgit.address import Origin
from mgit.config.settings import SourceSettings
from mgit.fleet.sources import Source
from mgit.model import (
    Action,
    Archive,
    Listing,
    Outcome,
    Remove,
    Result,
    Skip,
    action_key,
    action_name,
)
from mgit.telemetry.tracing import UNTRACED, Attribute, Tracer

# The words of the semantic conventions (`vcs.provider.name`), where they have one.
_PROVIDERS = {"bitbucket-datacenter": "bitbucket", "azuredevops": "azure_devops"}


@contextmanager
def spanned_git(
    tracer: Tracer, command: str, origin: Origin | None
) -> Iterator[Callable[[int], object]]:
    """Around one git: `git fetch`, with whom it talks, how it ended."""
    about: dict[str, Attribute] = {"process.executable.name": "git", **_server(origin)}
    with tracer.span(f"git {command}", about, client=origin is not None) as span:
        yield lambda code: span.set({"process.exit.code": code})


@contextmanager
def spanned_listing(
    tracer: Tracer, name: str
) -> Iterator[Callable[[Listing, Source | None], None]]:
    """Around the listing of one source."""
    with tracer.span("list", {"mgit.source": name}, client=True) as span:

        def told(listing: Listing, source: Source | None) -> None:
            if tracer is UNTRACED:
                return
            span.set({"mgit.repos": len(listing.repos), "mgit.complete": listing.complete})
            if source is not None:
                span.set(_forge(source.settings))
            if (problem := listing.failure) is not None:
                span.failed(f"exit {problem.exit_code}", problem.message)

        yield told


@contextmanager
def spanned_action(tracer: Tracer, action: Action) -> Iterator[Callable[[Outcome], Outcome]]:
    """Around one action; gives the outcome the id of its span."""
    if tracer is UNTRACED:
        yield lambda outcome: outcome
        return
    with tracer.span(f"repository {type(action).__name__.lower()}", _about(action)) as span:

        def told(outcome: Outcome) -> Outcome:
            reason = outcome.reason.value if outcome.reason else ""
            span.set(
                {
                    "mgit.outcome": outcome.result.value,
                    "mgit.reason": reason,
                    "mgit.refs_changed": outcome.refs_changed,
                }
            )
            if outcome.result is Result.FAILED:
                span.failed(reason or "failed", outcome.message)
            return replace(outcome, span_id=span.ids.span_id)

        yield told


def _about(action: Action) -> dict[str, Attribute]:
    key = action_key(action)
    about: dict[str, Attribute] = {
        "vcs.repository.name": action_name(action).rpartition("/")[2],
        "mgit.repo": action_name(action),
        "mgit.repo_key": str(key) if key else None,
    }
    if isinstance(action, Archive | Remove | Skip):
        return about
    repo = action.repo
    return {
        **about,
        "vcs.owner.name": repo.path.owner,
        "mgit.source": repo.source,
        **_server(repo.url.origin),
    }


def _forge(source: SourceSettings) -> dict[str, Attribute]:
    return {"vcs.provider.name": _PROVIDERS.get(source.forge, source.forge)}


def _server(origin: Origin | None) -> dict[str, Attribute]:
    if origin is None:
        return {}
    return {
        "server.address": origin.host,
        "server.port": origin.port,
        "url.scheme": origin.scheme,
    }
