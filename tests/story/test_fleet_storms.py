"""A host that wants to be left alone is, and nobody else has to wait for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.config.settings import Settings
from mgit.errors import ExitCode
from mgit.fleet import Fleet, open_fleet
from mgit.model import Outcome, Reason, Result
from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop

OTHER = "canary-of-the-other-forge"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "other-forge", "gitea", token=OTHER, login="lisa") as running:
        running.add_owner("tools")
        yield running


@pytest.fixture
def both(work: Laptop, forge: SandboxForge, other: SandboxForge) -> Laptop:
    """Clones of 20 repositories at a GitHub and 5 at a Gitea, all current."""
    forge.add_repos("acme", 20)
    other.add_repos("tools", 5)
    token = work.home / "home-token"
    token.write_text(f"{OTHER}\n")
    token.chmod(0o600)
    with work.config_file.open("a") as file:
        file.write(
            f'\n[sources.home]\nforge = "gitea"\nurl = "{other.url}"\n'
            f'owners = ["tools"]\ntoken_file = "{token}"\n'
        )
    with open_fleet(settings_of(work)) as fleet:
        assert {outcome.result for outcome in sync(fleet)} == {Result.CLONED}
    forge.forget_requests()
    other.forget_requests()
    return work


def settings_of(laptop: Laptop) -> Settings:
    return load_settings(environment=Environment(dict(laptop.environment)))


def sync(fleet: Fleet) -> list[Outcome]:
    return list(fleet.apply(fleet.plan()))


def by_owner(outcomes: list[Outcome]) -> dict[str, Counter[Result]]:
    found: dict[str, Counter[Result]] = {"acme": Counter(), "tools": Counter()}
    for outcome in outcomes:
        found[outcome.action.folder.partition("/")[0]][outcome.result] += 1
    return found


def asked_by_git(forge: SandboxForge) -> int:
    return sum(1 for entry in forge.requests if not entry.is_api)


def test_a_short_storm_is_waited_out(both: Laptop, forge: SandboxForge) -> None:
    forge.fail_next("*/git-upload-pack", 429, {"Retry-After": "1"}, b"", times=4)
    with open_fleet(settings_of(both)) as fleet:
        outcomes = sync(fleet)
        assert fleet.code is ExitCode.OK
    assert by_owner(outcomes) == {"acme": {Result.CURRENT: 20}, "tools": {Result.CURRENT: 5}}
    # What was under way when it began; one for each pause; then each repository once.
    assert asked_by_git(forge) <= 16 + 4 + 20


@pytest.mark.fault("a storm of 429 or 500")
def test_a_long_storm_stops_its_host_and_not_the_run(
    both: Laptop, forge: SandboxForge, other: SandboxForge
) -> None:
    forge.fail_next("*/git-upload-pack", 429, {"Retry-After": "600"}, b"", times=1000)
    began = time.monotonic()
    with open_fleet(settings_of(both)) as fleet:
        outcomes = sync(fleet)
        assert fleet.code is ExitCode.UNREACHABLE
    assert time.monotonic() - began < 60  # it did not wait
    assert by_owner(outcomes) == {"acme": {Result.FAILED: 20}, "tools": {Result.CURRENT: 5}}
    failed = [outcome for outcome in outcomes if outcome.result is Result.FAILED]
    assert {outcome.reason for outcome in failed} == {Reason.UNREACHABLE}
    assert len({outcome.message for outcome in failed}) == 1
    assert "nothing more is asked of" in failed[0].message
    assert asked_by_git(forge) <= 16
    assert asked_by_git(other) == 5


@pytest.mark.fault("a storm of 429 or 500")
def test_the_next_run_knows_of_the_pause_and_does_not_ask(
    both: Laptop, forge: SandboxForge
) -> None:
    forge.fail_next("*/git-upload-pack", 429, {"Retry-After": "600"}, b"", times=1000)
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    forge.forget_requests()
    with open_fleet(settings_of(both)) as fleet:
        outcomes = sync(fleet)
        assert fleet.code is ExitCode.UNREACHABLE
    assert forge.requests == ()
    assert by_owner(outcomes)["tools"] == {Result.CURRENT: 5}
    reasons = {outcome.reason for outcome in outcomes}
    assert reasons == {Reason.CURRENT, Reason.LISTING_INCOMPLETE}


def test_a_storm_on_the_listing_is_a_problem_of_its_source_alone(
    both: Laptop, forge: SandboxForge
) -> None:
    forge.fail_next("/api/*", 403, {"Retry-After": "900"}, b"{}", times=100)
    with open_fleet(settings_of(both)) as fleet:
        plan = fleet.plan()
        outcomes = list(fleet.apply(plan))
    assert [problem.source for problem in plan.problems] == ["work"]
    assert len(forge.requests) == 1
    assert by_owner(outcomes)["tools"] == {Result.CURRENT: 5}


def test_git_that_is_told_to_wait_waits_with_the_others(both: Laptop, forge: SandboxForge) -> None:
    for number in range(1, 5):
        forge.push("acme", f"repo-{number:03}")
    with open_fleet(settings_of(both)) as fleet:
        plan = fleet.plan()
        forge.fail_next("*/info/refs*", 503, {}, b"", times=1)
        outcomes = list(fleet.apply(plan))
        assert fleet.code is ExitCode.OK
    assert by_owner(outcomes)["acme"] == {Result.FAST_FORWARDED: 4, Result.CURRENT: 16}


def test_no_token_is_kept_with_a_pause(both: Laptop, forge: SandboxForge) -> None:
    forge.fail_next("*/git-upload-pack", 429, {"Retry-After": "600"}, b"", times=1000)
    with open_fleet(settings_of(both)) as fleet:
        sync(fleet)
    folder = both.home / ".local" / "state" / "mgit"
    kept = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert forge.token.encode() not in kept
    assert OTHER.encode() not in kept
