"""What rests is not asked, what wakes is, and neither is mistaken for gone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest

from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.fleet import SyncRequest, open_fleet
from mgit.model import Outcome, RepoKey, Result
from mgit.plan.select import Selection
from mgit.telemetry.events import Ended, Event, Planned, RunStarted
from mgit.telemetry.metrics import Metrics
from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop

Observe = Callable[[Event], None]


def sync(
    laptop: Laptop, request: SyncRequest | None = None, *observers: Observe
) -> dict[str, Outcome]:
    settings = load_settings(environment=Environment(laptop.environment))
    with open_fleet(settings, observers=observers) as fleet:
        plan = fleet.plan(Selection.parse(()), request=request or SyncRequest())
        return {one.action.folder: one for one in fleet.apply(plan)}


def key(forge: SandboxForge, name: str) -> RepoKey:
    return RepoKey(forge.url.removeprefix("http://"), str(forge.store.get("acme", name).id))


def asked(forge: SandboxForge) -> Counter[str]:
    return Counter(
        one.path.split("/")[2].partition(".")[0] for one in forge.requests if not one.is_api
    )


@pytest.fixture
def three(work: Laptop, forge: SandboxForge) -> Laptop:
    forge.add_repos("acme", 3)
    sync(work)
    forge.forget_requests()
    return work


def all_asleep(forge: SandboxForge, seconds: float) -> SyncRequest:
    names = [f"repo-00{n}" for n in (1, 2, 3)]
    return SyncRequest(asleep={key(forge, name): time.time() + seconds for name in names})


def test_what_rests_is_neither_asked_nor_told_of_nor_taken_for_gone(
    three: Laptop, forge: SandboxForge
) -> None:
    events: list[Event] = []
    assert sync(three, all_asleep(forge, 3600.0), events.append) == {}
    assert asked(forge) == {}
    (planned,) = [one for one in events if isinstance(one, Planned)]
    assert planned.asleep == 3


def test_a_push_that_the_listing_tells_of_wakes_one(three: Laptop, forge: SandboxForge) -> None:
    commit = forge.push("acme", "repo-002")
    done = sync(three, all_asleep(forge, 0.0))  # asked just now, within what clocks may differ by
    assert done["acme/repo-002"].result is Result.FAST_FORWARDED
    assert three.git("acme/repo-002", "rev-parse", "HEAD") == commit


def test_so_do_a_rename_and_a_clone_that_is_not_there(three: Laptop, forge: SandboxForge) -> None:
    request = all_asleep(forge, 3600.0)
    forge.rename("acme", "repo-001", "renamed")
    (three.root / "acme/repo-003").rename(three.home / "elsewhere")
    done = sync(three, request)
    assert (three.root / "acme/renamed").is_dir()
    assert done["acme/repo-003"].result is Result.CLONED
    assert "acme/repo-002" not in done


def test_after_a_run_in_which_some_rested_a_quick_pass_does_not_begin_there(
    three: Laptop, forge: SandboxForge
) -> None:
    forge.push("acme", "repo-002")
    sync(three, all_asleep(forge, 3600.0))
    done = sync(three, SyncRequest(recent=True))
    assert done["acme/repo-002"].result is Result.FAST_FORWARDED


def test_a_narrow_run_asks_what_it_is_about_and_lists_nothing(
    three: Laptop, forge: SandboxForge
) -> None:
    forge.push("acme", "repo-001")
    forge.push("acme", "repo-002")
    one = key(forge, "repo-002")
    events: list[Event] = []
    request = SyncRequest(only={"work": {one: "acme/repo-002"}}, causes={one: "request-7"})
    done = sync(three, request, events.append)
    assert {folder: outcome.result for folder, outcome in done.items()} == {
        "acme/repo-002": Result.FAST_FORWARDED
    }
    assert set(asked(forge)) == {"repo-002"}
    assert not any(one.is_api for one in forge.requests)
    (began,) = [one for one in events if isinstance(one, RunStarted)]
    assert (began.partly, began.causes) == ({"work"}, ("request-7",))
    (ended,) = [one for one in events if isinstance(one, Ended)]
    assert ended.cause == "request-7"


def test_a_narrow_run_makes_moves_and_removes_nothing(three: Laptop, forge: SandboxForge) -> None:
    forge.rename("acme", "repo-001", "renamed")
    forge.delete("acme", "repo-002")
    keys = {key(forge, "renamed"): "acme/repo-001"}
    done = sync(three, SyncRequest(only={"work": keys}))
    assert {outcome.result for outcome in done.values()} <= {Result.CURRENT, Result.FAILED}
    assert sorted(one.name for one in (three.root / "acme").iterdir()) == [
        "repo-001",
        "repo-002",
        "repo-003",
    ]


def test_metrics_stay_right_for_what_rests(three: Laptop, forge: SandboxForge) -> None:
    clock = [1000.0]
    metrics = Metrics(clock=lambda: clock[0])

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    sync(three, None, metrics)
    clock[0] = 5000.0
    sync(three, all_asleep(forge, 3600.0), metrics)
    assert value("mgit_repos", state="current") == 3
    assert value("mgit_repos_resting") == 3
    assert value("mgit_source_repos_discovered", source="work") == 3
    # Nobody has looked since, and the figure says so.
    stalest = "mgit_source_oldest_success_timestamp_seconds"
    assert value(stalest, source="work") == 1000.0
    one = key(forge, "repo-001")
    sync(three, SyncRequest(only={"work": {one: "acme/repo-001"}}), metrics)
    assert value("mgit_repos", state="current") == 3
    assert value(stalest, source="work") == 1000.0
    forge.delete("acme", "repo-003")
    clock[0] = 6000.0
    sync(three, None, metrics)
    assert value(stalest, source="work") == 6000.0


def test_other_clones_are_not_even_read_for_a_narrow_run(
    three: Laptop, forge: SandboxForge
) -> None:
    """Ten thousand of them cost nothing: one that is damaged is not met."""
    (three.root / "acme/repo-003/.git/HEAD").write_text("rubbish")
    one = key(forge, "repo-001")
    done = sync(three, SyncRequest(only={"work": {one: "acme/repo-001"}}))
    assert set(done) == {"acme/repo-001"}
