"""The metrics themselves: names, words and labels, documented in docs/operations/telemetry.md.

Names follow the rules of Prometheus: base units, `_total` for what only rises, a bounded number of
values for each label.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric

from mgit.version import __version__

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Registry(CollectorRegistry):
    """Leaves out the `_created` series, which double the number of counters for nothing."""

    def collect(self) -> Iterator[Metric]:
        for metric in super().collect():
            metric.samples = [one for one in metric.samples if not one.name.endswith("_created")]
            yield metric


class Instruments:
    """All metrics, in a registry of their own, so that two never meet."""

    def __init__(self) -> None:
        self.registry = Registry()
        self._of_sources()
        self._of_listings()
        self._of_repositories()
        self._of_scrubs()
        self._of_runs()
        self._of_the_process()

    def _of_sources(self) -> None:
        self.syncs = self._counter(
            "mgit_syncs",
            "Repositories looked after, by how that ended.",
            *("source", "outcome", "reason"),
        )
        self.duration = Histogram(
            "mgit_sync_duration_seconds",
            "Time to clone or bring up to date one repository.",
            ("source",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.refs = self._counter(
            "mgit_refs_changed", "Branches and tags that changed in the clones.", "source"
        )
        self.oldest = self._gauge(
            "mgit_source_oldest_success_timestamp_seconds",
            "When the stalest listed repository last held all of its upstream.",
            "source",
        )
        self.interval = self._gauge(
            "mgit_source_interval_seconds", "How often the source has its turn.", "source"
        )
        self.rest = self._gauge(
            "mgit_source_rest_seconds",
            "For how much longer than a turn a repository may go unasked.",
            "source",
        )
        self.expiry = self._gauge(
            "mgit_credential_expiry_timestamp_seconds",
            "When the credential of the source ends, where somebody says so.",
            "source",
        )

    def _of_listings(self) -> None:
        self.problems = self._counter(
            "mgit_source_problems",
            "Listings that failed, in whole or in part.",
            *("source", "kind"),
        )
        self.up = self._gauge("mgit_source_up", "1 if the last listing was whole.", "source")
        self.discovered = self._gauge(
            "mgit_source_repos_discovered", "Repositories in the last whole listing.", "source"
        )
        self.vanished = self._counter(
            "mgit_repos_vanished",
            "Repositories that a whole listing does not have any more.",
            "source",
        )
        self.discovery = self._gauge(
            "mgit_source_last_discovery_timestamp_seconds",
            "When the source was last listed whole.",
            "source",
        )
        self.allowance = self._gauge(
            "mgit_ratelimit_remaining", "Requests left of the forge's allowance.", "source"
        )
        self.limit = self._gauge(
            "mgit_ratelimit_limit", "Requests that the forge allows in one window.", "source"
        )

    def _of_repositories(self) -> None:
        self.repos = self._gauge(
            "mgit_repos", "Repositories after the last run, by their state.", "state"
        )
        self.asleep = self._gauge(
            "mgit_repos_resting", "Repositories that the last run had no need to ask."
        )
        self.corrupt = self._gauge(
            "mgit_repos_corrupt", "Clones that were found damaged and are so still.", "source"
        )
        self.held = self._gauge(
            "mgit_held_repos",
            "Clones that keep refs which their upstream took away, by what it took.",
            *("source", "reason"),
        )
        self.quarantine = self._gauge(
            "mgit_quarantine_entries", "Damaged clones that were set aside and wait for a person."
        )
        self.stalest = self._gauge(
            "mgit_repo_last_success_timestamp_seconds",
            "When one of the stalest repositories last held all of its upstream; on request.",
            *("source", "repo"),
        )

    def _of_scrubs(self) -> None:
        self.scrubs = self._counter(
            "mgit_scrubs", "Clones read whole to find bit rot, by what was found.", "result"
        )
        self.scrub_bytes = self._counter("mgit_scrub_bytes", "Bytes read to find bit rot.")
        self.last_scrub = self._gauge(
            "mgit_scrub_last_timestamp_seconds", "When a clone was last read whole."
        )
        self.oldest_scrub = self._gauge(
            "mgit_scrub_oldest_timestamp_seconds",
            "When the clone that waits longest was read whole; 0 if one never was.",
        )

    def _of_runs(self) -> None:
        self.runs = self._counter("mgit_runs", "Runs over what was due, by exit code.", "code")
        self.run_duration = Histogram(
            "mgit_run_duration_seconds",
            "Time for one run over what was due.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.spent = self._counter(
            "mgit_spent_seconds", "Where the time of runs went, summed over threads.", "kind"
        )
        self.last_run = self._gauge("mgit_last_run_timestamp_seconds", "When the last run ended.")
        self.next_run = self._gauge("mgit_next_run_timestamp_seconds", "When the next run is due.")
        self.queue = self._gauge("mgit_queue_depth", "Planned actions that have not ended.")
        self.git = self._counter("mgit_git_processes", "Git processes started.")

    def _of_the_process(self) -> None:
        self.free = self._gauge(
            "mgit_storage_free_bytes", "Room left on the file system that holds the clones."
        )
        self.size = self._gauge(
            "mgit_storage_size_bytes", "Size of the file system that holds the clones."
        )
        self.inodes = self._gauge(
            "mgit_storage_free_inodes", "Files that the file system of the clones still takes."
        )
        self.webhooks = self._counter(
            "mgit_webhooks", "Deliveries of forges, by what came of them.", "outcome"
        )
        self.helper = self._counter(
            "mgit_health_restarts", "How often the process that answers here was started anew."
        )
        info = self._gauge(
            "mgit_build_info", "Always 1; the labels say what runs.", "version", "python"
        )
        info.labels(__version__, platform.python_version()).set(1)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, labels, registry=self.registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, registry=self.registry)
