"""Back to an older version: what it makes of the state and the clones that a newer one left."""

from __future__ import annotations

import sqlite3

import pytest

from sandbox.forge import SandboxForge
from tests.handbook.test_backup import refs_of
from tests.story.laptop import Laptop

NEWER = 9999  # migrations that nobody has written yet


@pytest.mark.fault("an older mgit finds the state of a newer one")
def test_an_older_version_goes_on_with_the_clones_of_a_newer_one(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 2)
    assert work.mgit("sync", "--kind", "mirror").code == 0
    before = refs_of(work.root)
    state = work.home / ".local/state/mgit"
    with sqlite3.connect(state / "state.db") as database:
        database.execute(f"PRAGMA user_version = {NEWER}")
    database.close()

    ran = work.mgit("sync")
    assert ran.code == 0, ran.err
    assert "cloned" not in ran.out + ran.err
    assert "2 current" in ran.out + ran.err
    assert refs_of(work.root) == before
    assert (state / "state.db.damaged").is_file(), "set aside, not deleted"
    assert work.mgit("audit", "verify").code == 0


def test_a_key_of_a_newer_version_is_named(work: Laptop) -> None:
    text = work.config_file.read_text("utf-8")
    work.config_file.write_text(f"{text}\n[serve]\ntelepathy = true\n", encoding="utf-8")
    ran = work.mgit("config", "check")
    assert ran.code == 2
    assert "telepathy" in ran.err
