"""The status document follows the loop: what it holds after each event, how often it is sent."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.daemon.schedule import KeptTurn
from mgit.daemon.web.standing import Standing
from mgit.daemon.web.status import Status
from mgit.errors import ExitCode
from mgit.model import Listing, Outcome, Plan, RepoKey
from mgit.telemetry.events import (
    CredentialRejected,
    Ended,
    Listed,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)
from tests.story.scenes import failed, fetched, remote

CONFIG = """\
version = 1
[sources.work]
forge = "gitea"
url = "https://git.example.com"
"""


class Watched:
    """A `Standing`, its two clocks, and what it sent."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        file = folder / "config.toml"
        file.write_text(CONFIG)
        variables = {"HOME": str(folder), "MGIT_CONFIG": str(file), "MGIT_ROOT": str(self.root)}
        self.clock, self.wall = 100.0, 1_800_000_000.0
        self.sent: list[Status] = []
        self.standing = Standing(
            load_settings(environment=Environment(variables)),
            lambda text: self.sent.append(msgspec.json.decode(text, type=Status)),
            clock=lambda: self.clock,
            wall=lambda: self.wall,
        )

    @property
    def last(self) -> Status:
        return self.sent[-1]

    def after(self, seconds: float) -> Status:
        self.clock += seconds
        self.wall += seconds
        self.standing.tick()
        return self.last

    def listed(self, **more: object) -> Listed:
        given: dict[str, object] = {"source": "work", "repos": (remote(1, "work"),), **more}
        left = given.pop("left", None)
        return Listed("r" * 16, Listing(**given), 0.2, left)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def ended(outcome: Outcome) -> Ended:
    return Ended("r" * 16, outcome, "work")


def test_it_begins_with_what_is_configured(watched):
    [source] = watched.last.sources
    assert (source.name, source.forge, source.up) == ("work", "gitea", None)
    assert watched.last.running is None
    assert watched.last.storage_free_bytes > 0


def test_a_run_is_followed_from_its_start_to_its_end(watched):
    see = watched.standing.observe
    see(RunStarted("r" * 16, watched.root, ("work",)))
    assert watched.last.running.planned is None
    see(watched.listed(left=40))
    see(Planned("r" * 16, Plan((fetched(1, "work").action,)), 0.1))
    see(ended(fetched(1, "work")))
    see(ended(failed(2, "work", "broken")))
    assert len(watched.sent) == 2, "not at each event"
    running = watched.after(1.0).running
    assert (running.planned, running.done, running.failed) == (1, 2, 1)
    [source] = watched.last.sources
    assert (source.up, source.repos, source.requests_left) == (True, 1, 40)
    see(RunEnded("r" * 16, ExitCode.OK, 3.0, 2))
    assert watched.last.running is None


def test_what_is_told_outside_of_a_run_changes_no_run(watched):
    see = watched.standing.observe
    see(ended(fetched(1, "work")))
    see(Planned("r" * 16, Plan(()), 0.1))
    see(CredentialRejected("r" * 16, "work", "git.example.com", "file", "no", "log in"))
    see(Scrubbed("", "acme/app", "acme/app", "work", RepoKey("git.example.com", "1"), 9, "", 1.0))
    assert watched.after(1.0).running is None


def test_a_source_that_fails_says_why_and_a_quick_pass_proves_nothing_else(watched):
    see = watched.standing.observe
    see(watched.listed())
    at = watched.wall
    see(watched.listed(repos=(), complete=False))
    [source] = watched.after(1.0).sources
    assert (source.up, source.listed_at, source.repos) == (True, at, 1)
    see(watched.listed(repos=(), complete=False, problem="it is down", advice="wait"))
    [source] = watched.after(1.0).sources
    assert (source.up, source.problem, source.advice, source.repos) == (
        *(False, "it is down", "wait"),
        1,
    )
    see(watched.listed(source="another"))
    assert len(watched.after(1.0).sources) == 1


def test_turns_tell_when_a_source_is_due(watched):
    watched.standing.turns({"work": KeptTurn(1_800_000_060.0, 2), "gone": KeptTurn(0.0)})
    [source] = watched.last.sources
    assert (source.due_at, source.failures) == (1_800_000_060.0, 2)


def test_nothing_new_is_not_sent_and_the_room_is_looked_at_now_and_then(watched):
    count = len(watched.sent)
    watched.after(5.0)
    assert len(watched.sent) == count
    watched.after(30.0)
    assert len(watched.sent) == count + 1
    shutil.rmtree(watched.root)
    assert watched.after(30.0).storage_free_bytes is None
    watched.standing.onlooker()
