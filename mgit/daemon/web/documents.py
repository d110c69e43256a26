"""The documents of the API, version 1. The OpenAPI document is made from these types.

A field may be added within the version; one that goes or changes its meaning asks for `/api/v2`.
Moments are RFC 3339 in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

StateWord = Literal["current", "held", "failed", "foreign"]
Moment = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]


class Counts(Struct, frozen=True, kw_only=True):
    """How many repositories are in which state.

    `stale` counts those of any state, `well` those that are current and not stale.
    """

    repositories: Count
    well: Count
    current: Count
    held: Count
    failed: Count
    foreign: Count
    stale: Count


class Progress(Struct, frozen=True, kw_only=True):
    """The run that is under way. `planned` is null as long as it observes."""

    run_id: str
    sources: tuple[str, ...]
    started_at: Moment
    planned: Count | None
    done: Count
    failed: Count


class Run(Struct, frozen=True, kw_only=True):
    """A run. One that has not ended, or was killed, has no `ended_at`."""

    run_id: str
    started_at: Moment
    ended_at: Moment | None
    exit_code: int | None
    seconds: Seconds
    repositories: Count
    repositories_per_second: Seconds | None
    changed: Count
    failed: Count
    git_processes: Count


class Source(Struct, frozen=True, kw_only=True):
    """A source: what it listed, how its repositories stand, and when it is its turn."""

    name: str
    href: str
    forge: str
    interval_seconds: Seconds
    stale_after_seconds: Seconds
    up: bool | None
    failures: Count
    due_at: Moment | None
    listed_at: Moment | None
    listed_repositories: Count
    problem: str | None
    advice: str | None
    requests_left: int | None
    repositories: Counts
    oldest_success_at: Moment | None


class Key(Struct, frozen=True, kw_only=True):
    """What a repository is, whatever its name."""

    forge: str
    id: str


class Repository(Struct, frozen=True, kw_only=True):
    """A repository as the last run left it."""

    key: Key
    href: str
    name: str
    source: str
    folder: str | None
    state: StateWord
    stale: bool
    reason: str | None
    message: str | None
    advice: str | None
    seconds: Seconds
    first_seen_at: Moment
    last_seen_at: Moment
    last_success_at: Moment | None
    last_changed_at: Moment | None


class PastOutcome(Struct, frozen=True, kw_only=True):
    """Something that was done to a repository, or went wrong."""

    run_id: str
    action: str
    result: str
    reason: str | None
    message: str | None
    seconds: Seconds
    refs_changed: Count
    ended_at: Moment


class StatusDocument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="mgit.api.status/1"
):
    """How the service is, in one look."""

    version: str
    started_at: Moment
    root: str
    shard: str | None
    live: bool
    ready: bool
    not_ready_because: str | None
    repositories: Counts
    oldest_success_at: Moment | None
    sources: Count
    sources_failing: Count
    running: Progress | None
    last_run: Run | None
    next_run_at: Moment | None
    storage_free_bytes: Count | None


class SourcesDocument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="mgit.api.sources/1"
):
    """All sources, in the order of the configuration."""

    sources: tuple[Source, ...]


class SourceDocument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="mgit.api.source/1"
):
    """One source."""

    source: Source


class RepositoriesDocument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="mgit.api.repositories/1"
):
    """A page of repositories. `next` is the cursor of the next page, null on the last."""

    total: Count
    repositories: tuple[Repository, ...]
    next: str | None


class RepositoryDocument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="mgit.api.repository/1"
):
    """One repository, with what was done to it, latest first."""

    repository: Repository
    outcomes: tuple[PastOutcome, ...]


class RunsDocument(Struct, frozen=True, kw_only=True, tag_field="schema", tag="mgit.api.runs/1"):
    """The latest runs, newest first. `next` is the cursor of the next page, null on the last."""

    runs: tuple[Run, ...]
    next: str | None
