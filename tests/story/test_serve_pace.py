"""Busy repositories are asked more often than their source is listed, in the real service."""

from __future__ import annotations

import sqlite3

from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop
from tests.story.serving import audited, serving


def test_a_busy_repository_is_asked_between_the_turns_of_its_source(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 2)
    with serving(work, MGIT_MIN_INTERVAL="1s") as service:
        service.wait_for("run.ended", exit_code=0)
        commit = forge.push("acme", "repo-001")
        told = service.wait_for("repo.fast-forwarded", repo="acme/repo-001")
        assert "cause" not in told
        service.wait_for("run.ended", exit_code=0)
        assert service.end() == 0
        listed = [one for one in service.said if one["event"] == "source.listed"]
        assert len(listed) == 1  # for an hour
    assert work.git("acme/repo-001", "rev-parse", "HEAD") == commit
    # A look that found nothing is no record and no run.
    assert len(audited(work, "run-started")) == 1
    state = work.home / ".local/state/mgit/state.db"
    with sqlite3.connect(state) as connection:
        visits = connection.execute("SELECT folder, asked_at, changed_at FROM visits").fetchall()
        ((runs,),) = connection.execute("SELECT count(*) FROM runs").fetchall()
    connection.close()
    assert {folder for folder, _, _ in visits} == {"acme/repo-001", "acme/repo-002"}
    assert runs == 2
