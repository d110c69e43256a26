"""Metrics for Prometheus, kept per source so that their number stays bounded.

Imported only by `mgit serve`: prometheus-client costs 60 ms to import. The metrics themselves are
in `mgit.telemetry.instruments`.
"""

from __future__ import annotations

import contextlib
import heapq
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from prometheus_client import CollectorRegistry, generate_latest

from mgit.errors import ExitCode
from mgit.model import (
    Listing,
    Measures,
    Outcome,
    Reason,
    RepoKey,
    RepoState,
    Result,
    action_key,
    action_name,
    holds_upstream,
    repo_state,
)
from mgit.telemetry.events import (
    CredentialFound,
    CredentialRejected,
    Ended,
    Event,
    Listed,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)
from mgit.telemetry.instruments import Instruments
from mgit.text import escape_untrusted

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WEBHOOKS = ("accepted", "ignored", "duplicate", "refused", "malformed", "limited", "other")
"""What may come of a delivery."""
MOST_PER_REPOSITORY = 1000
"""So many repositories may have a series of their own, whatever a person asks for."""
_MAX_LABEL = 300

_LOSSES = (Reason.EMPTIED, Reason.REF_LOSS, Reason.REWRITTEN)
_PROBLEMS = {
    ExitCode.AUTHENTICATION: "credential",
    ExitCode.UNREACHABLE: "unreachable",
    ExitCode.USAGE: "configuration",
}
# A counter that is not there before its first event hides that event from `increase()`.
_FAILURES = (
    "",
    *(one.value for one in (Reason.BROKEN, *_LOSSES, Reason.UNREACHABLE, Reason.REFUSED)),
)
_SPENT = ("listing", "asking", "git", "paused", "queued")


@dataclass(frozen=True, slots=True)
class _Standing:
    source: str
    state: RepoState
    reason: Reason | None = None


class Metrics:
    """An observer that counts; a registry of its own, so that two never meet.

    Args:
        freshness: when each repository last held all of its upstream, from an earlier life, in
            seconds since 1970.
        listed: what each source listed last in an earlier life.
        per_repository: how many of the stalest repositories get a series of their own.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        freshness: Mapping[RepoKey, float] | None = None,
        *,
        listed: Mapping[str, frozenset[RepoKey]] | None = None,
        per_repository: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._fresh: dict[RepoKey, float] = dict(freshness or {})
        self._listed: dict[str, frozenset[RepoKey]] = {}
        self._before: dict[str, frozenset[RepoKey]] = dict(listed or {})
        self._states: dict[RepoKey | str, _Standing] = {}
        self._earlier: dict[RepoKey | str, _Standing] = {}  # until the run under way tells anew
        self._names: dict[RepoKey, str] = {}
        self._shown = min(per_repository, MOST_PER_REPOSITORY)
        self._the = Instruments()
        for word in WEBHOOKS:
            self._the.webhooks.labels(word)
        for word in _SPENT:
            self._the.spent.labels(word)
        for word in ("sound", "damaged"):
            self._the.scrubs.labels(word)

    @property
    def registry(self) -> CollectorRegistry:
        return self._the.registry

    def __call__(self, event: Event) -> None:
        """Count one event."""
        match event:
            case RunStarted(sources=sources, partly=partly):
                self._begin(sources, partly)
            case CredentialFound(source=source, expires_at=expires_at):
                self._credential(source, expires_at)
            case CredentialRejected(source=source):
                self._the.problems.labels(source, "credential").inc()
            case Listed(listing=listing, elsewhere=elsewhere):
                self._count_listing(listing, elsewhere)
                self._count_allowance(event)
            case Planned(plan=plan, asleep=asleep):
                self._the.queue.set(len(plan.actions))
                self._the.asleep.set(asleep)
            case Ended(outcome=outcome, source=source):
                self._count_outcome(outcome, source)
            case RunEnded():
                self._count_run(event)
            case Scrubbed(damage=damage, at=at):
                self._the.scrubs.labels("damaged" if damage else "sound").inc()
                self._the.last_scrub.set(at)
            case _:
                assert_never(event)

    def render(self) -> bytes:
        """The text that Prometheus reads, in the format of `CONTENT_TYPE`."""
        return generate_latest(self._the.registry)

    def storage(
        self, free_bytes: int, *, size_bytes: int | None = None, free_inodes: int | None = None
    ) -> None:
        """Note how much room is left where the clones are.

        Args:
            free_bytes: what may still be written.
            size_bytes: of the whole file system; None where it is unknown.
            free_inodes: how many files it still takes; None where it does not count them.
        """
        self._the.free.set(free_bytes)
        if size_bytes is not None:
            self._the.size.set(size_bytes)
        if free_inodes is not None:
            self._the.inodes.set(free_inodes)

    def quarantine(self, entries: int) -> None:
        """Note how many damaged clones lie aside."""
        self._the.quarantine.set(entries)

    def intervals(self, seconds: Mapping[str, float]) -> None:
        """Note how often each source has its turn."""
        for source, interval in seconds.items():
            self._the.interval.labels(source).set(interval)

    def rests(self, seconds: Mapping[str, float]) -> None:
        """Note for how much longer than a turn of its source a repository may go unasked."""
        for source, rest in seconds.items():
            self._the.rest.labels(source).set(rest)

    def next_run(self, timestamp: float) -> None:
        """Note when the next run is due, in seconds since 1970."""
        self._the.next_run.set(timestamp)

    def webhook(self, outcome: str) -> None:
        """Count a delivery of a forge; one of `WEBHOOKS`, else `other`. From any thread."""
        self._the.webhooks.labels(outcome if outcome in WEBHOOKS else "other").inc()

    def health_restarted(self) -> None:
        """Count a new start of the process that answers. From any thread."""
        self._the.helper.inc()

    def scrub(self, read_bytes: int, oldest: float | None) -> None:
        """Note how much was read in the search for bit rot, and how long ago the stalest was."""
        self._the.scrub_bytes.inc(read_bytes)
        if oldest is not None:
            self._the.oldest_scrub.set(oldest)

    # --- how it is counted -----------------------------------------------------------------

    def _begin(self, sources: tuple[str, ...], partly: frozenset[str]) -> None:
        """Make the counters of these sources, and forget what the run will tell again."""
        for source in sources:
            self._the.vanished.labels(source)
            for kind in (*_PROBLEMS.values(), "other"):
                self._the.problems.labels(source, kind)
            for reason in _FAILURES:
                self._the.syncs.labels(source, Result.FAILED.value, reason)
        # Sources that rest in it keep their counts, and so do those that are asked in part.
        told = frozenset(sources) - partly
        known = self._earlier | self._states  # a run that broke off has told nothing whole
        self._earlier = {name: one for name, one in known.items() if one.source in told}
        self._states = {
            name: one for name, one in known.items() if one.source and one.source not in told
        }

    def _credential(self, source: str, expires_at: float | None) -> None:
        if expires_at is not None:
            self._the.expiry.labels(source).set(expires_at)
        else:
            with contextlib.suppress(KeyError):  # it was never known
                self._the.expiry.remove(source)

    def _count_listing(self, listing: Listing, elsewhere: frozenset[RepoKey]) -> None:
        source = listing.source
        problem = listing.failure
        self._the.up.labels(source).set(1 if listing.complete and problem is None else 0)
        if problem is not None:
            kind = next(
                (name for code, name in _PROBLEMS.items() if code == problem.exit_code), "other"
            )
            self._the.problems.labels(source, kind).inc()
        if not listing.complete:  # what it does not tell is as it was
            earlier = self._earlier.items()
            self._states |= {name: one for name, one in earlier if one.source == source}
            return
        now = self._clock()
        keys = frozenset(repo.key for repo in listing.repos) - elsewhere
        for key in keys:
            self._fresh.setdefault(key, now)
        gone = self._listed.get(source, self._before.pop(source, frozenset())) - keys - elsewhere
        for key in gone:
            self._fresh.pop(key, None)
            self._states.pop(key, None)  # told anew where something of it is left
            self._names.pop(key, None)
        if self._shown:
            self._names |= {repo.key: str(repo.path) for repo in listing.repos if repo.key in keys}
        self._the.vanished.labels(source).inc(len(gone))
        self._listed[source] = keys
        self._the.discovered.labels(source).set(len(keys))
        self._the.discovery.labels(source).set(now)

    def _count_allowance(self, event: Listed) -> None:
        source = event.listing.source
        if event.requests_left is not None:
            self._the.allowance.labels(source).set(event.requests_left)
        if event.requests_limit is not None:
            self._the.limit.labels(source).set(event.requests_limit)

    def _count_outcome(self, outcome: Outcome, source: str) -> None:
        reason = outcome.reason.value if outcome.reason else ""
        self._the.queue.dec()
        self._the.syncs.labels(source, outcome.result.value, reason).inc()
        self._note_state(outcome, source)
        if outcome.refs_changed:
            self._the.refs.labels(source).inc(outcome.refs_changed)
        if outcome.result not in (Result.CURRENT, Result.SKIPPED):
            self._the.duration.labels(source).observe(outcome.seconds)
        key = action_key(outcome.action)
        if key is not None and holds_upstream(outcome):
            self._fresh[key] = self._clock()

    def _count_run(self, event: RunEnded) -> None:
        self._the.queue.set(0)
        self._the.runs.labels(str(int(event.code))).inc()
        self._the.run_duration.observe(event.seconds)
        self._the.git.inc(event.git_processes)
        self._spend(event.measures)
        now = self._clock()
        self._earlier = {}
        self._the.last_run.set(now)
        self._tell_states()
        for source, keys in self._listed.items():
            if keys:
                oldest = min(self._fresh.get(key, now) for key in keys)
                self._the.oldest.labels(source).set(oldest)
        if self._shown:
            self._tell_stalest(now)

    def _spend(self, measures: Measures) -> None:
        listing = sum(measures.sources.values())
        spent = (listing, measures.asking, measures.git, measures.paused, measures.queued)
        for word, seconds in zip(_SPENT, spent, strict=True):
            self._the.spent.labels(word).inc(seconds)

    def _tell_states(self) -> None:
        tally = Tally(one.state for one in self._states.values())
        for state in RepoState:
            self._the.repos.labels(state).set(tally[state])
        reasons = Tally((one.source, one.reason) for one in self._states.values())
        for source in {*self._listed, *(one.source for one in self._states.values())}:
            self._the.corrupt.labels(source).set(reasons[source, Reason.BROKEN])
            for why in _LOSSES:
                self._the.held.labels(source, why.value).set(reasons[source, why])

    def _tell_stalest(self, now: float) -> None:
        """Give those that are behind the longest a series; one for each, all others none."""
        listed = ((source, key) for source, keys in self._listed.items() for key in keys)
        stalest = heapq.nsmallest(
            self._shown, listed, key=lambda one: (self._fresh.get(one[1], now), one[1])
        )
        self._the.stalest.clear()
        for source, key in stalest:
            name = escape_untrusted(self._names.get(key, str(key)))[:_MAX_LABEL]
            self._the.stalest.labels(source, name).set(self._fresh.get(key, now))

    def _note_state(self, outcome: Outcome, source: str) -> None:
        """Remember one state for each repository, though several actions may be about it."""
        name = action_key(outcome.action) or action_name(outcome.action)
        if outcome.result is Result.REMOVED:
            self._states.pop(name, None)
        elif (state := repo_state(outcome)) is None:
            self._states.setdefault(name, _Standing(source, RepoState.CURRENT))
        elif outcome.reason is Reason.LISTING_INCOMPLETE:  # nothing is known that was not before
            self._states.setdefault(name, _Standing(source, state, outcome.reason))
        else:
            self._states[name] = _Standing(source, state, outcome.reason)
