"""`mgit perf` after real runs: what took long, where the time went, what limits."""

from __future__ import annotations

import json

import pytest

from mgit.state import State
from sandbox.forge import SandboxForge
from tests.story.laptop import REPOSITORY, Laptop


def test_it_tells_of_the_last_run(work: Laptop, forge: SandboxForge) -> None:
    from jsonschema import Draft202012Validator

    forge.add_repos("acme", 3)
    assert work.mgit("sync").code == 0
    told = work.mgit("perf", "--format", "json").json
    schema = json.loads((REPOSITORY / "docs" / "schemas" / "perf.json").read_text("utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(told)) == []
    assert {one["repo"] for one in told["slowest"]} == {f"acme/repo-00{n}" for n in (1, 2, 3)}
    seconds = [one["seconds"] for one in told["slowest"]]
    assert seconds == sorted(seconds, reverse=True)
    assert told["worked"] == 3
    assert told["git_processes"] >= 3
    assert told["spent"]["git"] > 0
    assert told["seconds"]["total"] >= told["seconds"]["applying"] > 0
    assert told["sources"].keys() == {"work"}
    text = work.mgit("perf", env={"PYTHONIOENCODING": "utf-8"}).out
    assert told["run_id"] in text
    assert "█" in text
    assert "what limits: " in text


def test_a_quiet_run_costs_no_row_and_an_earlier_one_can_be_named(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 3)
    work.mgit("sync")
    first = work.mgit("perf", "--format", "json").json
    work.mgit("sync")
    quiet = work.mgit("perf", "--format", "json").json
    assert quiet["run_id"] != first["run_id"]
    assert (quiet["asked"], quiet["git_processes"], quiet["slowest"]) == (3, 0, [])
    named = work.mgit("perf", "--run", str(first["run_id"])[:8], "--limit", "1", "--format", "json")
    assert named.json["run_id"] == first["run_id"]
    assert len(named.json["slowest"]) == 1
    told = work.mgit("complete", "words", "perf", "--run", "").out
    assert told.splitlines()[0].startswith(str(quiet["run_id"]))


def test_waiting_for_a_host_is_told_as_such(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 2)
    assert work.mgit("sync").code == 0
    # Now it is mgit that asks, and sees for how long; git, which clones, tells nobody.
    forge.fail_next("*/git-upload-pack", 429, {"Retry-After": "2"}, b"", times=1)
    assert work.mgit("sync").code == 0
    told = work.mgit("perf", "--format", "json").json
    assert told["spent"]["paused"] >= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no run is remembered here"),
        (("--run", "nonsense"), "--run must be the id of a run"),
        (("--limit", "0"), "--limit must be a whole number"),
    ],
)
def test_what_cannot_be_told_is_said_with_advice(
    work: Laptop, arguments: tuple[str, ...], words: str
) -> None:
    ran = work.mgit("perf", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err or "no run is remembered" in ran.err


def test_an_id_that_is_not_known_or_not_whole_is_refused(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "tool")
    work.mgit("sync")
    ran = work.mgit("perf", "--run", "0123456789abcdef")
    assert ran.code == 2
    assert "no run that ended and is remembered" in ran.err


def test_a_run_of_an_older_mgit_says_that_nothing_was_measured(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "tool")
    work.mgit("sync")
    path = work.home / ".local" / "state" / "mgit" / "state.db"
    state = State(path, warn=print)
    state.begin_run("0123456789abcdef", work.root)
    state.end_run("0123456789abcdef", 0)
    state.close()
    ran = work.mgit("perf")
    assert ran.code == 2
    assert "measured nothing" in ran.err
