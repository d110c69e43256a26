"""A person's own command in every clone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.fleet import Fleet, Ran, open_fleet
from mgit.plan.select import Selection
from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop


@pytest.fixture
def three(work: Laptop, forge: SandboxForge) -> Laptop:
    """Three clones at a forge, and a repository that mgit did not make."""
    forge.add_repos("acme", 3)
    with open_fleet(load_settings(environment=Environment(work.environment))) as fleet:
        list(fleet.apply(fleet.plan()))
    (work.root / "mine").mkdir()
    work.git("mine", "init", "-q")
    return work


@pytest.fixture
def fleet(three: Laptop) -> Iterator[Fleet]:
    variables = {
        **three.environment,
        "MGIT_TOKEN_WORK": CANARY,
        "GIT_DIR": "/elsewhere",
        "EDITOR": "ed",
    }
    with open_fleet(load_settings(environment=Environment(variables))) as running:
        yield running


def by_folder(results: Iterator[Ran]) -> dict[str, Ran]:
    return {one.local.folder: one for one in results}


def test_it_runs_in_every_clone_that_mgit_made_and_asks_no_forge(
    fleet: Fleet, forge: SandboxForge
) -> None:
    forge.forget_requests()
    ran = by_folder(fleet.run(["git", "rev-parse", "--show-toplevel"]))
    assert set(ran) == {f"acme/repo-{n:03}" for n in (1, 2, 3)}
    for folder, one in ran.items():
        assert one.returncode == 0
        assert one.output.decode().strip().endswith(folder)
    assert forge.requests == ()


def test_exit_codes_and_both_outputs_are_gathered(fleet: Fleet) -> None:
    line = "echo out; echo err >&2; test $(basename $PWD) != repo-002"
    ran = by_folder(fleet.run([line], shell=True))
    assert {folder: one.returncode for folder, one in ran.items()} == {
        "acme/repo-001": 0,
        "acme/repo-002": 1,
        "acme/repo-003": 0,
    }
    assert {one.output for one in ran.values()} == {b"out\nerr\n"}


def test_a_selection_narrows_it(fleet: Fleet) -> None:
    ran = by_folder(fleet.run(["true"], Selection.parse(["acme/*", "!*/repo-001"])))
    assert set(ran) == {"acme/repo-002", "acme/repo-003"}


def test_it_is_the_persons_environment_without_mgits_tokens_and_without_input(
    fleet: Fleet,
) -> None:
    (ran, *_) = fleet.run(["env; cat"], shell=True, timeout=60)
    assert CANARY.encode() not in ran.output
    assert b"\nEDITOR=ed\n" in b"\n" + ran.output
    assert b"GIT_DIR=" not in ran.output


def test_what_takes_too_long_is_ended_with_all_that_it_started(fleet: Fleet) -> None:
    began = time.monotonic()
    (ran,) = fleet.run(
        ["echo begun; sleep 300 & wait"],
        Selection.parse(["repo-001"]),
        shell=True,
        timeout=0.5,
    )
    assert (ran.returncode, ran.output) == (None, b"begun\n")
    assert "0.5 s" in ran.problem
    assert time.monotonic() - began < 60


def test_a_command_that_is_not_there_is_told_for_each_clone(fleet: Fleet) -> None:
    ran = list(fleet.run(["no-such-program-anywhere"]))
    assert {one.returncode for one in ran} == {None}
    assert all("no-such-program-anywhere" in one.problem for one in ran)


def test_endless_output_is_cut_and_said_so(fleet: Fleet) -> None:
    (ran,) = fleet.run(["head -c 9000000 /dev/zero"], Selection.parse(["repo-001"]), shell=True)
    assert (ran.returncode, len(ran.output)) == (0, 8 * 2**20)
    assert "8 MiB" in ran.problem


def test_leaving_early_ends_what_runs(fleet: Fleet) -> None:
    line = "test $(basename $PWD) = repo-001 || exec sleep 300"
    began = time.monotonic()
    results = fleet.run([line], shell=True)
    assert next(results).local.folder == "acme/repo-001"
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 60
