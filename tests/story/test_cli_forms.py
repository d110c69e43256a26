"""Each command in each of its forms: table, json and jsonl say the same."""

from __future__ import annotations

import stat

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_the_configuration_is_shown_found_and_checked(work: Laptop, form: str) -> None:
    odd = {"MGIT_ROOTT": "/x"}  # means nothing to mgit
    shown = work.mgit("config", "show", "--format", form, env=odd)
    assert shown.code == 0, shown.err
    assert "audit.max_size" in shown.out
    assert "64m" in shown.out
    assert "did you mean MGIT_ROOT" in shown.err
    places = work.mgit("config", "path", "--format", form)
    assert str(work.config_file) in places.out
    named = work.mgit("--config", "/elsewhere.toml", "config", "path", "--format", form)
    assert "/elsewhere.toml" in named.out
    checked = work.mgit("config", "check", "--format", form, env=odd)
    assert checked.code == 0, checked.err
    assert "did you mean MGIT_ROOT" in checked.err
    assert ("is sound: 1 source" in checked.out) is (form == "table")
    if form == "json":
        assert checked.json["sources"] == ["work"]


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_a_sync_and_its_plan(work: Laptop, forge: SandboxForge, form: str) -> None:
    forge.add_repo("acme", "api")
    forge.add_repo("acme", "web")
    planned = work.mgit("sync", "--dry-run", "--format", form)
    assert planned.code == 0, planned.err
    assert "acme/api" in planned.out
    done = work.mgit("sync", "--format", form)
    assert done.code == 0, done.err
    assert "acme/web" in done.out
    again = work.mgit("sync", "--verbose", "--format", form)
    assert again.code == 0
    forge.fail_next("/api/*", 500, {}, b"", times=100)
    broken = work.mgit("sync", "--dry-run", "--format", form)
    assert broken.code == 4
    if form == "jsonl":
        assert broken.lines[-1]["schema"] == "mgit.problem/1"


def test_a_folder_stands_for_the_clones_in_it(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    assert work.mgit("sync").code == 0
    inside = work.mgit("sync", str(work.root / "acme"))
    assert inside.code == 0, inside.err
    two = work.mgit("sync", str(work.root / "acme"), "--root", str(work.root))
    assert two.code == 2
    assert "one is possible" in two.err
    empty = work.home / "empty"
    empty.mkdir()
    none = work.mgit("sync", str(empty))
    assert none.code == 2
    assert "there is no clone in" in none.err
    assert work.mgit("status", str(work.root / "acme")).code == 0
    assert work.mgit("run", str(work.root), "--root", "/x", "--", "true").code == 2


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_what_is_seen_of_each_clone(work: Laptop, forge: SandboxForge, form: str) -> None:
    for name in ("dirty", "locked", "broken", "merging", "stashed"):
        forge.add_repo("acme", name)
    assert work.mgit("sync").code == 0
    at = work.root / "acme"
    (at / "dirty" / "README.md").write_text("mine\n")
    (at / "dirty" / "new.txt").write_text("mine\n")
    (at / "locked" / ".git" / "index.lock").touch()
    (at / "broken" / ".git" / "HEAD").write_text("nonsense")
    (at / "merging" / ".git" / "MERGE_HEAD").write_text("0" * 40 + "\n")
    (at / "stashed" / "README.md").write_text("mine\n")
    work.git("acme/stashed", "-c", "user.name=m", "-c", "user.email=m@m", "stash", "--quiet")
    seen = work.mgit("status", "--format", form)
    assert seen.code == 0, seen.err
    for word in ("dirty", "locked", "broken", "stashed", "merge"):
        assert word in seen.out
    if form == "table":
        assert "merge begun" in seen.out
        assert "stashed 1" in seen.out
    failing = work.mgit("status", "--fail-on", "dirty", "--format", form)
    assert failing.code == 1
    assert "1 clone in a state named by --fail-on" in failing.err


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_a_command_in_each_clone_and_where_it_stops(
    work: Laptop, forge: SandboxForge, form: str
) -> None:
    for name in ("a", "b", "c"):
        forge.add_repo("acme", name)
    assert work.mgit("sync").code == 0
    ran = work.mgit("run", "--format", form, "--", "git", "rev-parse", "HEAD")
    assert ran.code == 0, ran.err
    stopped = work.mgit("run", "--fail-fast", "--format", form, "--shell", "exit 3")
    assert stopped.code == 1
    assert stopped.out.count("acme/") <= 3
    nobody = work.mgit("run", "labs/*", "--format", form, "--", "true")
    assert nobody.code == 2


def test_doctor_tells_what_is_wrong_and_who_is_signed_in(work: Laptop, forge: SandboxForge) -> None:
    well = work.mgit("doctor", "--format", "jsonl")
    assert well.code == 0, well.err
    assert any("mona" in line["message"] for line in well.lines)
    forge.token = "another"
    ill = work.mgit("doctor")
    assert ill.code == 3
    work.configure('[sources.work]\nforge = "github"\ntoken_file = "nowhere"\nowners = ["acme"]\n')
    missing = work.mgit("doctor", "--format", "json")
    assert missing.code == 2
    assert "is missing" in missing.out


def test_a_configuration_that_cannot_be_written_changes_nothing(
    laptop: Laptop, forge: SandboxForge
) -> None:
    forge.add_owner("acme")
    login = ("login", "work", "--forge", "github", "--url", forge.api_url, "--owner", "acme")
    laptop.config_file.parent.parent.mkdir(parents=True)
    laptop.config_file.parent.write_text("in the way")
    ran = laptop.mgit(*login, "--stdin", stdin=f"{CANARY}\n")
    assert ran.code == 2
    assert "mgit:" in ran.err
    assert "Traceback" not in ran.err
    laptop.config_file.parent.unlink()
    laptop.config_file.parent.mkdir(mode=0o700)
    laptop.config_file.write_bytes(b"version = 1 # \xff")
    ran = laptop.mgit(*login, "--stdin", stdin=f"{CANARY}\n")
    assert ran.code == 2
    assert "UTF-8" in ran.err
    laptop.config_file.write_text("version = 1\n")
    laptop.config_file.chmod(0o640)
    assert laptop.mgit(*login, "--stdin", stdin=f"{CANARY}\n").code == 0
    assert stat.S_IMODE(laptop.config_file.stat().st_mode) == 0o640


def test_what_completion_offers_knows_the_estate(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    work.configure(
        work.config_file.read_text().replace("version = 1\n", "", 1)
        + '\n[selections.core]\ninclude = ["acme/*"]\n'
    )
    assert work.mgit("list").code == 0
    for words, some in (
        (("sync", "ac"), "acme/api"),
        (("sync", "!@"), "!@core"),
        (("sync", "work:"), "work:acme/api"),
        (("list", "--source", ""), "work"),
        (("login", ""), "work"),
        (("list", "--filter", "to"), "topic="),
    ):
        offered = work.mgit("complete", "words", *words)
        assert some in offered.out, (words, offered.out, offered.err)
    broken = work.mgit("complete", "words", "--config", "/nowhere/x.toml", "sync", "")
    assert broken.code == 0
    for shell in ("bash", "zsh", "fish"):
        assert "mgit" in work.mgit("completion", shell).out
