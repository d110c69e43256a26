"""`mgit changes` and `mgit status` from a person's seat."""

from __future__ import annotations

from pathlib import Path

from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop


def _told(lines: list[dict[str, object]]) -> set[tuple[object, ...]]:
    return {(line["where"], line["what"], line["name"], line["ref"]) for line in lines}


def test_changes_since_last_time_on_the_forge_and_in_the_clones(
    work: Laptop, forge: SandboxForge
) -> None:
    for name in ("api", "web"):
        forge.add_repo("acme", name)
    assert work.mgit("sync").code == 0
    first = work.mgit("changes", "--format", "jsonl")
    assert (first.code, first.out) == (0, ""), first.err
    assert "nothing to compare with" in first.err
    again = work.mgit("changes")
    assert (again.code, again.out, again.last_line) == (0, "", "nothing changed")

    forge.add_repo("acme", "new")
    work.git("acme/api", "commit", "--quiet", "--allow-empty", "-m", "Mine")
    peeked = work.mgit("changes", "--peek", "--format", "jsonl")
    told = work.mgit("changes", "--format", "jsonl")
    assert told.code == 0, told.err
    assert told.out == peeked.out
    assert ("remote", "new", "acme/new", None) in _told(told.lines)
    assert ("local", "ref-moved", "acme/api", "HEAD") in _told(told.lines)
    assert work.mgit("changes", "--format", "jsonl").out == ""


def test_only_one_side_is_asked(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    assert work.mgit("sync").code == 0
    work.mgit("changes")
    forge.add_repo("acme", "new")
    work.git("acme/api", "commit", "--quiet", "--allow-empty", "-m", "Mine")
    remote = work.mgit("changes", "--remote", "--peek", "--format", "json")
    changes = remote.json["changes"]
    assert isinstance(changes, list)
    assert {change["where"] for change in changes} == {"remote"}
    forge.close()
    local = work.mgit("changes", "--local")
    assert local.code == 0, local.err
    assert "ref-moved" in local.out
    gone = work.mgit("changes", "--remote")
    assert gone.code == 4
    assert "source work" in gone.err


def test_status_of_some_and_after_asking_the_forge(work: Laptop, forge: SandboxForge) -> None:
    for name in ("api", "web"):
        forge.add_repo("acme", name)
    assert work.mgit("sync").code == 0
    forge.push("acme", "api")
    assert work.mgit("status").out == ""
    fetched = work.mgit("status", "--fetch")
    assert fetched.code == 0, fetched.err
    assert "behind" in fetched.out
    assert work.mgit("status", "acme/w*").out == ""
    assert work.mgit("status", "acme/a*", "--fail-on", "behind").code == 1
    below = work.mgit("status", str(work.root / "acme"), "--all")
    assert "2 clones" in below.err
    nothing = work.mgit("status", "acme/nobody")
    assert nothing.code == 2
    assert "no clone in" in nothing.err
    forge.close()
    failed = work.mgit("status", "--fetch", "--all")
    assert failed.code == 4
    assert "acme/api" in failed.out
    assert len(failed.err.splitlines()) < 8


def test_a_lock_that_another_git_left_is_told(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    assert work.mgit("sync").code == 0
    (work.root / "acme/api/.git/index.lock").touch()
    ran = work.mgit("status", "--fail-on", "locked")
    assert ran.code == 1
    assert "index.lock" in ran.out


def test_a_bare_word_is_a_folder_where_there_is_one(
    work: Laptop, forge: SandboxForge, tmp_path: Path
) -> None:
    forge.add_repo("acme", "api")
    assert work.mgit("sync").code == 0
    here = work.mgit("status", "acme", "--all", cwd=work.root)
    assert "1 clone in" in here.err
    elsewhere = work.mgit("status", "api", "--all", cwd=tmp_path)
    assert "acme/api" in elsewhere.out
