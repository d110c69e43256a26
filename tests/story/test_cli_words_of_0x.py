"""What people typed at mgit 0.x, from their seat: it does what they mean, or says the new words."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop, Ran


@pytest.fixture
def filled(work: Laptop, forge: SandboxForge) -> Laptop:
    for name in ("api", "web"):
        forge.add_repo("acme", name)
    return work


def _folders(root: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(root)) for path in root.rglob(".git"))


def _answered(ran: Ran, words: str) -> None:
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert words in ran.last_line


def test_sync_pattern_and_path(filled: Laptop, tmp_path: Path) -> None:
    ran = filled.mgit("sync", "acme/*/*", str(tmp_path / "there"))
    assert ran.code == 0, ran.err
    assert _folders(tmp_path / "there") == ["acme/api", "acme/web"]
    assert not filled.root.exists()


def test_sync_pattern_and_a_bare_folder_is_asked_back(filled: Laptop) -> None:
    ran = filled.mgit("sync", "acme/*/*", "there")
    _answered(ran, "write --root before it")
    assert "nothing was done" in ran.err
    assert not filled.root.exists()


def test_sync_path_updates_the_clones_that_are_there(filled: Laptop, forge: SandboxForge) -> None:
    assert filled.mgit("sync", "acme/api").code == 0
    forge.push("acme", "api")
    for words, cwd in ((("sync", str(filled.root / "acme")), None), (("sync", "."), "acme/api")):
        forge.push("acme", "api")
        ran = filled.mgit(*words, cwd=filled.root / cwd if cwd else None)
        assert ran.code == 0, ran.err
        assert ran.last_line == "1 repository: 1 fast-forwarded"
    assert _folders(filled.root) == ["acme/api"]


def test_sync_path_without_clones_says_how_to_clone(filled: Laptop, tmp_path: Path) -> None:
    ran = filled.mgit("sync", str(tmp_path))
    _answered(ran, f"mgit sync 'OWNER/*' --root {tmp_path}")


def test_sync_with_their_flags(filled: Laptop) -> None:
    ran = filled.mgit(
        *("sync", "acme/*/*", "--provider", "work", "--hierarchy", "--concurrency", "2"),
        *("--no-progress", "--dry-run", "--format", "json"),
    )
    assert ran.code == 0, ran.err
    assert "`--provider` is now `--source`" in ran.err
    assert "`--hierarchy` is now `--layout forge`" in ran.err
    actions = ran.json["actions"]
    assert isinstance(actions, list)
    assert all(action["folder"].startswith("127.0.0.1") for action in actions)
    assert "listing" not in ran.err
    assert filled.mgit("sync", "acme/api", "--no-summary").err == ""


def test_list_with_their_flags(filled: Laptop) -> None:
    ran = filled.mgit("list", "ACME/*/*", "--provider", "work", "--limit", "1", "--format", "json")
    assert ran.code == 0, ran.err
    repositories = ran.json["repositories"]
    assert isinstance(repositories, list)
    assert len(repositories) == 1


def test_status_with_their_flags(filled: Laptop) -> None:
    assert filled.mgit("sync").code == 0
    root = str(filled.root)
    clean = filled.mgit("status", root, "--show-clean", "--output", "json", "--fetch")
    assert clean.code == 0, clean.err
    repositories = clean.json["repositories"]
    assert isinstance(repositories, list)
    assert len(repositories) == 2
    assert filled.mgit("status", root, "--fail-on-dirty").code == 0
    (filled.root / "acme/api/new.txt").touch()
    dirty = filled.mgit("status", root, "--fail-on-dirty", "--concurrency", "2")
    assert dirty.code == 1
    assert "acme/api" in dirty.out
    assert "acme/web" not in dirty.out


def test_login_with_their_flags(laptop: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    ran = laptop.mgit(
        *("login", "--provider", "github", "--name", "work", "--org", forge.api_url),
        *("--owner", "acme", "--stdin"),
        stdin=f"{CANARY}\n",
    )
    assert ran.code == 0, ran.err
    assert laptop.mgit("list").code == 0
    told = laptop.mgit("login", "--provider", "github", "--name", "work", "--token", CANARY)
    _answered(told, "mgit login NAME")
    assert CANARY not in told.err


def test_config_with_their_flags(filled: Laptop) -> None:
    listed = filled.mgit("config", "--list")
    assert listed.code == 0, listed.err
    assert "sources.work.forge" in listed.out
    assert filled.mgit("config", "--show", "work").out == listed.out
    _answered(filled.mgit("config", "--set-default", "work"), "--source NAME")
    _answered(filled.mgit("config", "--remove", "work"), "[sources.NAME]")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("clone-all", "shop", "dest"), "type: mgit sync '*/shop/*' --root dest"),
        (("pull-all", "shop", "dest"), "type: mgit sync '*/shop/*' --root dest"),
        (("diff",), "type: mgit changes --local --format jsonl"),
        (
            ("diff", "src", "--output", "all.jsonl"),
            "type: mgit changes --local --root src --format jsonl > all.jsonl",
        ),
        (("diff-remote", "acme/*/*"), "type: mgit changes --remote 'acme/*/*' --format jsonl"),
        (("sync", "acme/*/*", "--force"), "--heal all"),
        (("sync", "acme/*/*", "--update-mode", "pull"), "leave --update-mode out"),
        (("login", "--config", "work"), "mgit login work"),
    ],
)
def test_what_has_no_equal_is_answered(laptop: Laptop, typed: tuple[str, ...], words: str) -> None:
    _answered(laptop.mgit(*typed), words)


def test_what_the_answers_say_can_be_typed(filled: Laptop) -> None:
    assert filled.mgit("sync").code == 0
    for words in (("--local", "--root", "src"), ("--remote", "acme/*/*")):
        ran = filled.mgit("changes", *words, "--format", "jsonl")
        assert (ran.code, ran.out) == (0, ""), ran.err  # nothing to compare with yet
