"""What Prometheus is told, read with its own parser."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mgit.address import parse_clone_url
from mgit.errors import ExitCode
from mgit.model import (
    Archive,
    Clone,
    CopyKind,
    Fetch,
    Listing,
    LocalRepo,
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
from mgit.telemetry.metrics import CONTENT_TYPE, Metrics


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
    metrics.storage(12345)
    metrics.next_run(1900.0)
    metrics(CredentialFound("r", "work", "https://git.example.com", "file"))
    found = samples(metrics)
    assert found["mgit_storage_free_bytes", ()] == 12345
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
        allowed = {"source", "outcome", "reason", "kind", "state", "code", "le"}
        assert labels <= allowed | {"version", "python"}
