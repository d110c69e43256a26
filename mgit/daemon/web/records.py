"""From what the state and the service say to the documents of the API. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from mgit.daemon.web import documents as d
from mgit.daemon.web.status import Running, SourceStatus
from mgit.daemon.web.view import Standing
from mgit.state.overview import PastOutcome, RepoRow, RunRow, Tally

BASE = "/api/v1"


def moment(at: float) -> datetime:
    """A time of the state, which has it in seconds since 1970, to the millisecond."""
    return datetime.fromtimestamp(round(at, 3), UTC)


def _maybe(at: float | None) -> datetime | None:
    return None if at is None else moment(at)


def key_of(row: RepoRow) -> str:
    """The key of a repository as one segment of a path, not yet encoded."""
    return f"{row.forge}#{row.repo_id}"


def status_document(standing: Standing) -> d.StatusDocument:
    status, total = standing.status, standing.total
    ready, why = standing.ready
    live, silence = standing.live
    return d.StatusDocument(
        version=status.version,
        started_at=moment(status.started_at),
        root=status.root,
        shard=status.shard or None,
        live=live,
        ready=ready and live,
        not_ready_because=None if ready and live else (why if live else silence),
        repositories=counts(total),
        oldest_success_at=_maybe(total.oldest),
        sources=len(status.sources),
        sources_failing=sum(one.up is False for one in status.sources),
        running=_progress(status.running),
        last_run=None if standing.last_run is None else run_record(standing.last_run),
        next_run_at=_maybe(standing.next_run_at),
        storage_free_bytes=status.storage_free_bytes,
    )


def counts(tally: Tally) -> d.Counts:
    return d.Counts(
        repositories=tally.total,
        well=tally.well,
        current=tally.current,
        held=tally.held,
        failed=tally.failed,
        foreign=tally.foreign,
        stale=tally.stale,
    )


def source_record(source: SourceStatus, tally: Tally) -> d.Source:
    return d.Source(
        name=source.name,
        href=f"{BASE}/sources/{quote(source.name, safe='')}",
        forge=source.forge,
        interval_seconds=source.interval,
        stale_after_seconds=source.stale_after,
        up=source.up,
        failures=source.failures,
        due_at=_maybe(source.due_at),
        listed_at=_maybe(source.listed_at),
        listed_repositories=source.repos,
        problem=source.problem or None,
        advice=source.advice or None,
        requests_left=source.requests_left,
        repositories=counts(tally),
        oldest_success_at=_maybe(tally.oldest),
    )


def repository_record(row: RepoRow) -> d.Repository:
    return d.Repository(
        key=d.Key(forge=row.forge, id=row.repo_id),
        href=f"{BASE}/repositories/{quote(key_of(row), safe='')}",
        name=row.name,
        source=row.source,
        folder=row.folder or None,
        state=row.state,  # type: ignore[arg-type]
        stale=row.stale,
        reason=row.reason or None,
        message=row.message or None,
        advice=row.advice or None,
        seconds=round(row.seconds, 3),
        first_seen_at=moment(row.first_seen),
        last_seen_at=moment(row.last_seen),
        last_success_at=_maybe(row.last_success),
        last_changed_at=_maybe(row.last_changed),
    )


def outcome_record(one: PastOutcome) -> d.PastOutcome:
    return d.PastOutcome(
        run_id=one.run_id,
        action=one.action,
        result=one.result,
        reason=one.reason or None,
        message=one.message or None,
        seconds=round(one.seconds, 3),
        refs_changed=one.refs_changed,
        ended_at=moment(one.ended_at),
    )


def run_record(run: RunRow) -> d.Run:
    return d.Run(
        run_id=run.run_id,
        started_at=moment(run.started_at),
        ended_at=_maybe(run.ended_at),
        exit_code=run.exit_code,
        seconds=round(run.seconds, 3),
        repositories=run.repos,
        repositories_per_second=pace(run),
        changed=run.changed,
        failed=run.failed,
        git_processes=run.git_processes,
    )


def pace(run: RunRow) -> float | None:
    """Repositories a second, None where there is nothing to tell."""
    return round(run.repos / run.seconds, 1) if run.repos and run.seconds else None


def _progress(running: Running | None) -> d.Progress | None:
    if running is None:
        return None
    return d.Progress(
        run_id=running.run_id,
        sources=running.sources,
        started_at=moment(running.started_at),
        planned=running.planned,
        done=running.done,
        failed=running.failed,
    )
