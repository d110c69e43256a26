"""`status` that asks upstream first: refs arrive, work trees stay."""

from __future__ import annotations

import pytest

from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.errors import Busy, ExitCode
from mgit.fleet import open_fleet
from mgit.git.lock import RootLock
from mgit.plan.select import Selection
from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop


def opened(laptop: Laptop):
    return open_fleet(load_settings(environment=Environment(laptop.environment)))


@pytest.fixture
def three(work: Laptop, forge: SandboxForge) -> Laptop:
    forge.add_repos("acme", 3)
    with opened(work) as fleet:
        list(fleet.apply(fleet.plan()))
    return work


def test_what_is_behind_shows_and_the_work_tree_stays(three: Laptop, forge: SandboxForge) -> None:
    before = three.git("acme/repo-001", "rev-parse", "HEAD")
    forge.push("acme", "repo-001")
    with opened(three) as fleet:
        stale = {one.folder: one.worktree for one in fleet.status()}
    with opened(three) as fleet:
        found = {one.folder: one.worktree for one in fleet.status(fetch=True)}
        assert fleet.code is ExitCode.OK
    assert stale["acme/repo-001"] is not None
    assert stale["acme/repo-001"].behind == 0
    assert found["acme/repo-001"] is not None
    assert found["acme/repo-001"].behind == 1
    assert three.git("acme/repo-001", "rev-parse", "HEAD") == before


def test_a_forge_that_is_down_is_told_for_each_clone_and_ends_nothing(
    three: Laptop, forge: SandboxForge
) -> None:
    forge.close()
    with opened(three) as fleet:
        found = list(fleet.status(fetch=True))
        assert len(found) == 3
        assert set(fleet.unfetched) == {one.folder for one in found}
        assert fleet.code is ExitCode.UNREACHABLE


def test_one_that_is_gone_upstream_does_not_hide_the_others(
    three: Laptop, forge: SandboxForge
) -> None:
    forge.delete("acme", "repo-002")
    forge.push("acme", "repo-003")
    with opened(three) as fleet:
        found = {one.folder: one.worktree for one in fleet.status(fetch=True)}
        assert set(fleet.unfetched) == {"acme/repo-002"}
    assert found["acme/repo-003"] is not None
    assert found["acme/repo-003"].behind == 1


def test_a_selection_narrows_what_is_asked(three: Laptop, forge: SandboxForge) -> None:
    forge.forget_requests()
    with opened(three) as fleet:
        found = list(fleet.status(fetch=True, selection=Selection.parse(["repo-001"])))
    assert [one.folder for one in found] == ["acme/repo-001"]
    assert {entry.path for entry in forge.requests} == {"/acme/repo-001.git/git-upload-pack"}


def test_another_mgit_that_works_there_is_not_disturbed(three: Laptop) -> None:
    with RootLock(three.root), opened(three) as fleet:
        assert len(list(fleet.status())) == 3
        with pytest.raises(Busy):
            list(fleet.status(fetch=True))
