"""What Prometheus is told, read with its own parser."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mgit.address import parse_clone_url
from mgit.errors import ExitCode
from mgit.model import (
    Archive,
    Clone,
    CopyKind,
    Fetch,
    Heal,
    Listing,
    LocalRepo,
    Measures,
    Move,
    Outcome,
    Plan,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Result,
    Skip,
)
from mgit.telemetry.events import CredentialFound, Ended, Listed, Planned, RunEnded, RunStarted
from mgit.telemetry.metrics import CONTENT_TYPE, MOST_PER_REPOSITORY, WEBHOOKS, Metrics


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def repo(name: str) -> RemoteRepo:
    return RemoteRepo(
        key=RepoKey("git.example.com", name),
        source="work",
        path=RepoPath("acme", name),
        url=parse_clone_url(f"https://git.example.com/acme/{name}.git"),
    )


def clone(name: str) -> Clone:
    return Clone(repo(name), f"acme/{name}", CopyKind.MIRROR)


HELD = "mgit_held_repos"


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    text = metrics.render().decode()
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def tell(metrics: Metrics, *outcomes: Outcome, listing: Listing | None = None, code=ExitCode.OK):
    metrics(RunStarted("r", "/data", ("work",)))
    if listing is not None:
        metrics(Listed("r", listing, 0.1))
    metrics(Planned("r", Plan(tuple(outcome.action for outcome in outcomes)), 0.1))
    for outcome in outcomes:
        metrics(Ended("r", outcome, "work"))
    metrics(RunEnded("r", code, 2.0, 3))


def test_the_build_is_named(clock):
    ((_, labels),) = [key for key in samples(Metrics()) if key[0] == "mgit_build_info"]
    assert len(labels) == 2


def test_the_format_is_what_prometheus_asks_for():
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_outcomes_are_counted_per_source_and_reason(clock):
    metrics = Metrics(clock=clock)
    dirty = Fetch(repo("b"), "acme/b", CopyKind.WORKTREE, RefSnapshot())
    tell(
        metrics,
        Outcome(clone("a"), Result.CLONED, seconds=0.3, refs_changed=4),
        Outcome(dirty, Result.FETCHED, Reason.DIRTY, refs_changed=1),
        Outcome(Skip("acme/c", "acme/c", Reason.CURRENT), Result.CURRENT, Reason.CURRENT),
    )
    found = samples(metrics)
    assert found["mgit_syncs_total", ("cloned", "", "work")] == 1
    assert found["mgit_syncs_total", ("fetched", "dirty", "work")] == 1
    assert found["mgit_syncs_total", ("current", "current", "work")] == 1
    assert found["mgit_refs_changed_total", ("work",)] == 5
    assert found["mgit_sync_duration_seconds_count", ("work",)] == 2
    assert found["mgit_git_processes_total", ()] == 3
    assert found["mgit_runs_total", ("0",)] == 1
    assert found["mgit_queue_depth", ()] == 0


def test_the_state_of_the_last_run_counts_each_repository_once(clock):
    metrics = Metrics(clock=clock)
    moved = Move(repo("m"), "acme/old", "acme/m")
    then = Fetch(repo("m"), "acme/m", CopyKind.MIRROR, RefSnapshot())
    local = LocalRepo("acme/gone", CopyKind.MIRROR, RepoKey("git.example.com", "gone"))
    tell(
        metrics,
        Outcome(moved, Result.MOVED),
        Outcome(then, Result.FETCHED),
        Outcome(clone("f"), Result.FAILED, message="no", exit_code=1),
        Outcome(Skip("mine", "mine", Reason.FOREIGN), Result.SKIPPED, Reason.FOREIGN),
        Outcome(Skip("d", "d", Reason.DIVERGED), Result.SKIPPED, Reason.DIVERGED),
        Outcome(Archive(local, "acme/gone", ".mgit/gone"), Result.ARCHIVED),
    )
    found = samples(metrics)
    states = {key[1][0]: value for key, value in found.items() if key[0] == "mgit_repos"}
    assert states == {"current": 2, "held": 1, "failed": 1, "foreign": 1}
    tell(metrics)
    assert samples(metrics)["mgit_repos", ("current",)] == 0


def test_a_source_that_rests_keeps_its_counts(clock):
    metrics = Metrics(clock=clock)
    for sources in (("work", "home"), ("work",), ("work",)):
        metrics(RunStarted("r", "/data", sources))
        for number, source in enumerate(sources):
            metrics(Ended("r", Outcome(clone(f"app-{number}"), Result.CLONED), source))
        metrics(RunEnded("r", ExitCode.OK, 2.0, 3))
    assert samples(metrics)["mgit_repos", ("current",)] == 2


def _states(metrics):
    told = samples(metrics)
    return {word: told["mgit_repos", (word,)] for word in ("current", "failed", "held")}


def test_a_forge_that_does_not_answer_changes_nothing_of_what_is_known_of_its_repositories(clock):
    metrics = Metrics(clock=clock)
    known = Outcome(clone("one"), Result.CLONED), Outcome(clone("two"), Result.FAILED)
    tell(metrics, *known, listing=Listing("work", (repo("one"), repo("two")), complete=True))
    assert _states(metrics) == {"current": 1, "failed": 1, "held": 0}

    down = Listing("work", (), complete=False)
    unknown = Skip("acme/one", "acme/one", Reason.LISTING_INCOMPLETE, key=repo("one").key)
    tell(metrics, Outcome(unknown, Result.SKIPPED, Reason.LISTING_INCOMPLETE), listing=down)
    assert _states(metrics) == {"current": 1, "failed": 1, "held": 0}

    partial = Listing("work", (repo("two"),), complete=False)
    tell(metrics, Outcome(clone("two"), Result.CLONED), listing=partial)
    assert _states(metrics) == {"current": 2, "failed": 0, "held": 0}

    whole = Listing("work", (repo("one"),), complete=True)
    tell(metrics, Outcome(clone("one"), Result.FAILED), listing=whole)
    assert _states(metrics) == {"current": 0, "failed": 1, "held": 0}


def test_a_run_that_breaks_off_forgets_nothing(clock):
    metrics = Metrics(clock=clock)
    whole = Listing("work", (repo("one"), repo("two")), complete=True)
    known = Outcome(clone("one"), Result.CLONED), Outcome(clone("two"), Result.FAILED)
    tell(metrics, *known, listing=whole)
    metrics(RunStarted("r", "/data", ("work",)))
    metrics(Listed("r", whole, 0.1))  # and then there is no git: the run has no end
    metrics(RunStarted("r", "/data", ("work",), frozenset({"work"})))
    metrics(RunEnded("r", ExitCode.OK, 2.0, 0))
    assert _states(metrics) == {"current": 1, "failed": 1, "held": 0}


def test_what_other_shards_keep_is_counted_nowhere(clock):
    metrics = Metrics(clock=clock)
    listing = Listing("work", (repo("own"), repo("theirs")))
    metrics(RunStarted("r", "/data", ("work",)))
    metrics(Listed("r", listing, 0.1, None, frozenset({repo("theirs").key})))
    left = Skip("acme/theirs", "acme/theirs", Reason.OTHER_SHARD, "", repo("theirs").key)
    metrics(Ended("r", Outcome(clone("own"), Result.CLONED), "work"))
    metrics(Ended("r", Outcome(left, Result.SKIPPED, Reason.OTHER_SHARD), "work"))
    metrics(RunEnded("r", ExitCode.OK, 2.0, 3))
    told = samples(metrics)
    assert told["mgit_source_repos_discovered", ("work",)] == 1
    assert told["mgit_repos", ("current",)] == 1
    assert told["mgit_repos", ("foreign",)] == 1
    assert told["mgit_source_oldest_success_timestamp_seconds", ("work",)] == clock()


def test_listings_tell_how_a_source_is(clock):
    metrics = Metrics(clock=clock)
    tell(metrics, listing=Listing("work", (repo("a"), repo("b"))))
    found = samples(metrics)
    assert found["mgit_source_up", ("work",)] == 1
    assert found["mgit_source_repos_discovered", ("work",)] == 2
    assert found["mgit_source_last_discovery_timestamp_seconds", ("work",)] == 1000
    clock.now = 2000
    refused = Listing("work", (), complete=False, problem="refused", exit_code=3)
    tell(metrics, listing=refused, code=ExitCode.AUTHENTICATION)
    found = samples(metrics)
    assert found["mgit_source_up", ("work",)] == 0
    assert found["mgit_source_repos_discovered", ("work",)] == 2
    assert found["mgit_source_last_discovery_timestamp_seconds", ("work",)] == 1000
    assert found["mgit_source_problems_total", ("credential", "work")] == 1


def test_the_allowance_is_told_where_a_forge_tells_it(clock):
    metrics = Metrics(clock=clock)
    metrics(Listed("r", Listing("work", ()), 0.1, requests_left=4321))
    metrics(Listed("r", Listing("home", ()), 0.1))
    found = samples(metrics)
    assert found["mgit_ratelimit_remaining", ("work",)] == 4321
    assert ("mgit_ratelimit_remaining", ("home",)) not in found


def test_the_stalest_repository_decides_how_fresh_a_source_is(clock):
    listing = Listing("work", (repo("a"), repo("b")))
    metrics = Metrics({repo("a").key: 400.0, repo("b").key: 500.0}, clock=clock)
    oldest = ("mgit_source_oldest_success_timestamp_seconds", ("work",))
    current = Skip("acme/a", "acme/a", Reason.CURRENT, key=repo("a").key)
    failed = Outcome(clone("b"), Result.FAILED, exit_code=1)
    tell(metrics, Outcome(current, Result.CURRENT, Reason.CURRENT), failed, listing=listing)
    assert samples(metrics)[oldest] == 500
    clock.now = 3000
    tell(metrics, Outcome(clone("b"), Result.CLONED), listing=listing)
    assert samples(metrics)[oldest] == 1000


def test_a_repository_that_never_came_ages_from_its_first_sight(clock):
    metrics = Metrics(clock=clock)
    listing = Listing("work", (repo("a"),))
    tell(metrics, Outcome(clone("a"), Result.FAILED, exit_code=1), listing=listing)
    clock.now = 9000
    tell(metrics, Outcome(clone("a"), Result.FAILED, exit_code=1), listing=listing)
    oldest = ("mgit_source_oldest_success_timestamp_seconds", ("work",))
    assert samples(metrics)[oldest] == 1000


def test_what_is_not_listed_any_more_does_not_age_the_source(clock):
    metrics = Metrics({repo("old").key: 1.0}, clock=clock)
    tell(metrics, listing=Listing("work", (repo("old"), repo("a"))))
    oldest = ("mgit_source_oldest_success_timestamp_seconds", ("work",))
    assert samples(metrics)[oldest] == 1
    tell(metrics, listing=Listing("work", (repo("a"),)))
    assert samples(metrics)[oldest] == 1000


def test_room_and_the_next_run_are_told(clock):
    metrics = Metrics(clock=clock)
    metrics.storage(12345, size_bytes=99999, free_inodes=7)
    metrics.quarantine(3)
    metrics.intervals({"work": 900.0})
    metrics.rests({"work": 20700.0})
    metrics.next_run(1900.0)
    metrics(CredentialFound("r", "work", "https://git.example.com", "file"))
    found = samples(metrics)
    assert found["mgit_storage_free_bytes", ()] == 12345
    assert found["mgit_storage_size_bytes", ()] == 99999
    assert found["mgit_storage_free_inodes", ()] == 7
    assert found["mgit_quarantine_entries", ()] == 3
    assert found["mgit_source_interval_seconds", ("work",)] == 900
    assert found["mgit_source_rest_seconds", ("work",)] == 20700
    assert found["mgit_next_run_timestamp_seconds", ()] == 1900


def test_no_noise(clock):
    metrics = Metrics(clock=clock)
    tell(metrics, Outcome(clone("a"), Result.CLONED), listing=Listing("work", (repo("a"),)))
    assert b"_created" not in metrics.render()


def test_two_registries_never_meet(clock):
    one, other = Metrics(clock=clock), Metrics(clock=clock)
    one.storage(1)
    other.storage(2)
    assert samples(one)["mgit_storage_free_bytes", ()] == 1


def test_names_follow_the_rules_of_prometheus(clock):
    metrics = Metrics(clock=clock)
    tell(metrics, Outcome(clone("a"), Result.CLONED), listing=Listing("work", (repo("a"),)))
    for family in text_string_to_metric_families(metrics.render().decode()):
        assert family.name.startswith("mgit_")
        assert family.documentation.endswith(".")
        labels = {name for sample in family.samples for name in sample.labels}
        allowed = {"source", "outcome", "reason", "result", "kind", "state", "code", "le"}
        assert labels <= allowed | {"version", "python", "repo"}


def test_what_is_damaged_or_held_is_counted_per_source(clock):
    metrics = Metrics(clock=clock)
    broken = Skip("acme/b", "acme/b", Reason.BROKEN, "its pack is cut", repo("b").key)
    emptied = Skip("acme/e", "acme/e", Reason.EMPTIED, "", repo("e").key)
    bad = Outcome(broken, Result.FAILED, Reason.BROKEN, exit_code=1)
    tell(metrics, bad, Outcome(emptied, Result.FAILED, Reason.EMPTIED, exit_code=1))
    assert samples(metrics)["mgit_repos_corrupt", ("work",)] == 1
    assert samples(metrics)[HELD, ("upstream-emptied", "work")] == 1
    healed = Outcome(Heal(repo("b"), "acme/b", CopyKind.MIRROR, "cut"), Result.HEALED)
    tell(metrics, healed, Outcome(clone("e"), Result.FETCHED))
    assert samples(metrics)["mgit_repos_corrupt", ("work",)] == 0
    assert samples(metrics)[HELD, ("upstream-emptied", "work")] == 0


def test_everything_that_is_held_is_counted_once_by_source_and_reason(clock):
    metrics = Metrics(clock=clock)
    reasons = (Reason.EMPTIED, Reason.REF_LOSS, Reason.REWRITTEN)
    held = [
        Outcome(Skip(name, name, reason, "", repo(name).key), Result.FAILED, reason, exit_code=1)
        for name, reason in zip("efg", reasons, strict=True)
    ]
    tell(metrics, *held)
    assert [samples(metrics)[HELD, (one.value, "work")] for one in reasons] == [1, 1, 1]
    tell(metrics, held[0], *(Outcome(clone(name), Result.FETCHED) for name in "fg"))
    assert [samples(metrics)[HELD, (one.value, "work")] for one in reasons] == [1, 0, 0]
    assert "mgit_repos_ref_loss_held" not in {name for name, _ in samples(metrics)}


def test_repositories_that_vanish_are_counted_also_over_a_restart(clock):
    gone = ("mgit_repos_vanished_total", ("work",))
    both, one = Listing("work", (repo("a"), repo("b"))), Listing("work", (repo("a"),))
    metrics = Metrics(clock=clock)
    tell(metrics, listing=both)
    assert samples(metrics)[gone] == 0
    tell(metrics, listing=replace(one, complete=False))
    assert samples(metrics)[gone] == 0
    tell(metrics, listing=one)
    assert samples(metrics)[gone] == 1
    again = Metrics(listed={"work": frozenset({repo("a").key, repo("b").key})}, clock=clock)
    tell(again, listing=one)
    tell(again, listing=one)
    assert samples(again)[gone] == 1


def test_counters_that_alerts_watch_are_there_before_anything_happens(clock):
    """`increase()` over a series that begins with 1 is 0."""
    metrics = Metrics(clock=clock)
    metrics(RunStarted("r", "/data", ("work",)))
    found = samples(metrics)
    assert found["mgit_source_problems_total", ("credential", "work")] == 0
    assert found["mgit_syncs_total", ("failed", "credential-refused", "work")] == 0
    assert found["mgit_repos_vanished_total", ("work",)] == 0
    assert found["mgit_webhooks_total", ("refused",)] == 0
    assert found["mgit_health_restarts_total", ()] == 0


def test_the_end_of_a_credential_is_told_as_long_as_it_is_known(clock):
    metrics = Metrics(clock=clock)
    expiry = ("mgit_credential_expiry_timestamp_seconds", ("work",))
    metrics(CredentialFound("r", "work", "https://git.example.com", "file", 2e9))
    assert samples(metrics)[expiry] == 2e9
    metrics(CredentialFound("r", "work", "https://git.example.com", "file"))
    metrics(CredentialFound("r", "home", "https://git.example.com", "file"))
    assert expiry not in samples(metrics)


def test_deliveries_are_counted_by_a_bounded_number_of_words(clock):
    metrics = Metrics(clock=clock)
    for word in ("accepted", "accepted", "refused", "whatever\nthey\nsent"):
        metrics.webhook(word)
    found = samples(metrics)
    counts = {key[1][0]: value for key, value in found.items() if key[0] == "mgit_webhooks_total"}
    assert counts.keys() == set(WEBHOOKS)
    assert (counts["accepted"], counts["refused"], counts["other"]) == (2, 1, 1)


def test_only_the_stalest_are_named_and_only_on_request(clock):
    listing = Listing("work", tuple(repo(name) for name in "abcd"))
    fresh = {
        repo(name).key: float(at) for name, at in zip("abcd", (400, 100, 300, 200), strict=True)
    }

    def named(metrics):
        tell(metrics, listing=listing)
        family = "mgit_repo_last_success_timestamp_seconds"
        return {key[1][0]: value for key, value in samples(metrics).items() if key[0] == family}

    assert named(Metrics(fresh, clock=clock)) == {}
    metrics = Metrics(fresh, per_repository=2, clock=clock)
    assert named(metrics) == {"acme/b": 100, "acme/d": 200}
    metrics(Ended("r", Outcome(clone("b"), Result.FETCHED), "work"))
    assert named(metrics) == {"acme/d": 200, "acme/c": 300}


def test_nobody_gets_more_series_than_can_be_borne(clock):
    listing = Listing(
        "work", tuple(repo(f"r{number}") for number in range(MOST_PER_REPOSITORY + 9))
    )
    metrics = Metrics(per_repository=10**6, clock=clock)
    tell(metrics, listing=listing)
    family = "mgit_repo_last_success_timestamp_seconds"
    assert sum(key[0] == family for key in samples(metrics)) == MOST_PER_REPOSITORY


def test_where_the_time_went_is_added_up(clock):
    metrics = Metrics(clock=clock)
    spent = Measures(
        asking=1.5, git=2.0, paused=0.5, queued=0.25, sources={"work": 0.75, "b": 0.25}
    )
    for _ in range(2):
        metrics(RunEnded("r", ExitCode.OK, 2.0, 3, measures=spent))
    found = samples(metrics)
    told = {
        key[1][0]: value for key, value in found.items() if key[0] == "mgit_spent_seconds_total"
    }
    assert told == {"listing": 2, "asking": 3, "git": 4, "paused": 1, "queued": 0.5}


def test_a_repository_cannot_forge_a_line(clock):
    evil = replace(repo("a"), path=RepoPath("acme", 'x"} 1\nmgit_forged 1\u202e'))
    metrics = Metrics(per_repository=5, clock=clock)
    tell(metrics, listing=Listing("work", (evil,)))
    assert "mgit_forged 1" not in metrics.render().decode().splitlines()
    assert "\u202e" not in metrics.render().decode()
