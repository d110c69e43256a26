"""Metrics for Prometheus, kept per source so that their number stays bounded.

Imported only by `mgit serve`: prometheus-client costs 60 ms to import. The names are documented in
docs/operations/telemetry.md.
"""

from __future__ import annotations

import platform
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from typing import assert_never

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
)

from mgit.errors import ExitCode
from mgit.model import (
    Listing,
    Outcome,
    Reason,
    RepoKey,
    Result,
    action_key,
    action_name,
    holds_upstream,
)
from mgit.telemetry.events import (
    CredentialFound,
    Ended,
    Event,
    Listed,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)
from mgit.version import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_STATES = ("current", "held", "failed", "foreign")
_LOSSES = (Reason.EMPTIED, Reason.REF_LOSS, Reason.REWRITTEN)
_PROBLEMS = {
    ExitCode.AUTHENTICATION: "credential",
    ExitCode.UNREACHABLE: "unreachable",
    ExitCode.USAGE: "configuration",
}


class _Registry(CollectorRegistry):
    """Leaves out the `_created` series, which double the number of counters for nothing."""

    def collect(self) -> Iterator[Metric]:
        for metric in super().collect():
            metric.samples = [one for one in metric.samples if not one.name.endswith("_created")]
            yield metric


class Metrics:
    """An observer that counts; a registry of its own, so that two never meet.

    Args:
        freshness: when each repository last held all of its upstream, from an earlier life, in
            seconds since 1970.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        freshness: Mapping[RepoKey, float] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._fresh: dict[RepoKey, float] = dict(freshness or {})
        self._listed: dict[str, frozenset[RepoKey]] = {}
        self._states: dict[RepoKey | str, tuple[str, str]] = {}  # -> source, state
        self._held: dict[RepoKey | str, tuple[str, str]] = {}  # -> source, reason
        self.registry = _Registry()
        self._make_source_metrics()
        self._make_run_metrics()
        self._make_process_metrics()
        self._make_scrub_metrics()

    def __call__(self, event: Event) -> None:
        """Count one event."""
        match event:
            case RunStarted(sources=sources):
                self._forget_states(sources)
            case CredentialFound():
                pass
            case Listed(listing=listing, requests_left=left, elsewhere=elsewhere):
                self._count_listing(listing, elsewhere)
                if left is not None:
                    self._allowance.labels(listing.source).set(left)
            case Planned(plan=plan):
                self._queue.set(len(plan.actions))
            case Ended(outcome=outcome, source=source):
                self._count_outcome(outcome, source)
            case RunEnded():
                self._count_run(event)
            case Scrubbed(damage=damage, at=at):
                self._scrubs.labels("damaged" if damage else "sound").inc()
                self._last_scrub.set(at)
            case _:
                assert_never(event)

    def render(self) -> bytes:
        """The text that Prometheus reads, in the format of `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def storage(self, free_bytes: int) -> None:
        """Note how much room is left where the clones are."""
        self._free.set(free_bytes)

    def next_run(self, timestamp: float) -> None:
        """Note when the next run is due, in seconds since 1970."""
        self._next.set(timestamp)

    # --- what is kept ----------------------------------------------------------------------

    def _make_source_metrics(self) -> None:
        self._syncs = Counter(
            "mgit_syncs",
            "Repositories looked after, by how that ended.",
            ("source", "outcome", "reason"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "mgit_sync_duration_seconds",
            "Time to clone or bring up to date one repository.",
            ("source",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._refs = Counter(
            "mgit_refs_changed",
            "Branches and tags that changed in the clones.",
            ("source",),
            registry=self.registry,
        )
        self._problems = Counter(
            "mgit_source_problems",
            "Listings that failed, in whole or in part.",
            ("source", "kind"),
            registry=self.registry,
        )
        self._up = self._gauge("mgit_source_up", "1 if the last listing was whole.", "source")
        self._discovered = self._gauge(
            "mgit_source_repos_discovered", "Repositories in the last whole listing.", "source"
        )
        self._discovery = self._gauge(
            "mgit_source_last_discovery_timestamp_seconds",
            "When the source was last listed whole.",
            "source",
        )
        self._allowance = self._gauge(
            "mgit_ratelimit_remaining", "Requests left of the forge's allowance.", "source"
        )
        self._oldest = self._gauge(
            "mgit_source_oldest_success_timestamp_seconds",
            "When the stalest listed repository last held all of its upstream.",
            "source",
        )

    def _make_run_metrics(self) -> None:
        self._repos = self._gauge(
            "mgit_repos", "Repositories after the last run, by their state.", "state"
        )
        self._held_repos = self._gauge(
            "mgit_held_repos",
            "Repositories held after the last run, for their upstream lost something.",
            "reason",
        )
        self._runs = Counter(
            "mgit_runs", "Runs over what was due, by exit code.", ("code",), registry=self.registry
        )
        self._run_duration = Histogram(
            "mgit_run_duration_seconds",
            "Time for one run over what was due.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._last_run = self._gauge("mgit_last_run_timestamp_seconds", "When the last run ended.")
        self._next = self._gauge("mgit_next_run_timestamp_seconds", "When the next run is due.")
        self._queue = self._gauge("mgit_queue_depth", "Planned actions that have not ended.")
        self._git = Counter("mgit_git_processes", "Git processes started.", registry=self.registry)

    def _make_process_metrics(self) -> None:
        self._free = self._gauge(
            "mgit_storage_free_bytes", "Room left on the file system that holds the clones."
        )
        info = self._gauge(
            "mgit_build_info", "Always 1; the labels say what runs.", "version", "python"
        )
        info.labels(__version__, platform.python_version()).set(1)

    def scrub(self, read_bytes: int, oldest: float | None) -> None:
        """Note how much was read in the search for bit rot, and how long ago the stalest was."""
        self._scrub_bytes.inc(read_bytes)
        if oldest is not None:
            self._oldest_scrub.set(oldest)

    def _make_scrub_metrics(self) -> None:
        self._scrubs = Counter(
            "mgit_scrubs",
            "Clones read whole to find bit rot, by what was found.",
            ("result",),
            registry=self.registry,
        )
        self._scrub_bytes = Counter(
            "mgit_scrub_bytes", "Bytes read to find bit rot.", registry=self.registry
        )
        self._last_scrub = self._gauge(
            "mgit_scrub_last_timestamp_seconds", "When a clone was last read whole."
        )
        self._oldest_scrub = self._gauge(
            "mgit_scrub_oldest_timestamp_seconds",
            "When the clone that waits longest was read whole; 0 if one never was.",
        )

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, labels, registry=self.registry)

    # --- how it is counted -----------------------------------------------------------------

    def _count_listing(self, listing: Listing, elsewhere: frozenset[RepoKey]) -> None:
        source = listing.source
        problem = listing.failure
        self._up.labels(source).set(1 if listing.complete and problem is None else 0)
        if problem is not None:
            kind = next(
                (name for code, name in _PROBLEMS.items() if code == problem.exit_code), "other"
            )
            self._problems.labels(source, kind).inc()
        if not listing.complete:
            return
        now = self._clock()
        keys = frozenset(repo.key for repo in listing.repos) - elsewhere
        for key in keys:
            self._fresh.setdefault(key, now)
        for key in self._listed.get(source, frozenset()) - keys:
            self._fresh.pop(key, None)
        self._listed[source] = keys
        self._discovered.labels(source).set(len(keys))
        self._discovery.labels(source).set(now)

    def _count_outcome(self, outcome: Outcome, source: str) -> None:
        reason = outcome.reason.value if outcome.reason else ""
        self._queue.dec()
        self._syncs.labels(source, outcome.result.value, reason).inc()
        self._note_state(outcome, source)
        if outcome.refs_changed:
            self._refs.labels(source).inc(outcome.refs_changed)
        if outcome.result not in (Result.CURRENT, Result.SKIPPED):
            self._duration.labels(source).observe(outcome.seconds)
        key = action_key(outcome.action)
        if key is not None and holds_upstream(outcome):
            self._fresh[key] = self._clock()

    def _count_run(self, event: RunEnded) -> None:
        self._queue.set(0)
        self._runs.labels(str(int(event.code))).inc()
        self._run_duration.observe(event.seconds)
        self._git.inc(event.git_processes)
        self._last_run.set(self._clock())
        tally = Tally(state for _, state in self._states.values())
        for state in _STATES:
            self._repos.labels(state).set(tally[state])
        held = Tally(reason for _, reason in self._held.values())
        for why in _LOSSES:
            self._held_repos.labels(why.value).set(held[why.value])
        now = self._clock()
        for source, keys in self._listed.items():
            if keys:
                oldest = min(self._fresh.get(key, now) for key in keys)
                self._oldest.labels(source).set(oldest)

    def _forget_states(self, sources: tuple[str, ...]) -> None:
        """Forget what a new run will tell again; sources that rest in it keep their counts."""
        for kept in (self._states, self._held):
            for name in [n for n, (source, _) in kept.items() if not source or source in sources]:
                del kept[name]

    def _note_state(self, outcome: Outcome, source: str) -> None:
        """Remember one state for each repository, though several actions may be about it."""
        name = action_key(outcome.action) or action_name(outcome.action)
        if outcome.loss is not None:
            self._held[name] = (source, outcome.loss.reason.value)
        if outcome.result is Result.REMOVED:
            self._states.pop(name, None)
        elif outcome.result in (Result.MOVED, Result.ARCHIVED):
            self._states.setdefault(name, (source, "current"))
        else:
            self._states[name] = (source, _state(outcome))


def _state(outcome: Outcome) -> str:
    if outcome.result is Result.FAILED:
        return "failed"
    if outcome.reason in (Reason.FOREIGN, Reason.OTHER_SHARD):
        return "foreign"
    settled = outcome.reason in (None, Reason.CURRENT, Reason.EMPTY)
    return "current" if settled and holds_upstream(outcome) else "held"
