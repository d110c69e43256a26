"""`mgit sync` from a person's seat."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop


def _results(ran_json: dict[str, object]) -> Counter[str]:
    outcomes = ran_json["outcomes"]
    assert isinstance(outcomes, list)
    return Counter(outcome["result"] for outcome in outcomes)


def _named(ran_json: dict[str, object], result: str) -> set[str]:
    outcomes = ran_json["outcomes"]
    assert isinstance(outcomes, list)
    return {outcome["name"] for outcome in outcomes if outcome["result"] == result}


def _snapshot(root: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time of change."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in root.rglob("*")
        if path.is_file() and ".mgit" not in path.relative_to(root).parts
    }


def test_fifty_are_cloned_then_nothing_then_exactly_the_five_that_moved(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 50)

    first = work.mgit("sync", "acme/*", "--format", "json")
    assert first.code == 0, first.err
    assert _results(first.json) == {"cloned": 50}
    for number in (1, 50):
        name = f"repo-{number:03}"
        assert (
            work.git(f"acme/{name}", "rev-parse", "HEAD")
            == forge.refs("acme", name)["refs/heads/main"]
        )
        assert work.git(f"acme/{name}", "status", "--porcelain") == ""

    work.forget_gits()
    before = _snapshot(work.root)
    second = work.mgit("sync", "acme/*", "--format", "json")
    assert second.code == 0, second.err
    assert second.json["summary"] == {"repositories": 50, "current": 50}
    assert work.gits() == []
    assert _snapshot(work.root) == before

    moved = {f"acme/repo-{number:03}" for number in (3, 14, 15, 26, 50)}
    for path in moved:
        forge.push(*path.split("/"))
    third = work.mgit("sync", "acme/*", "--format", "json")
    assert third.code == 0, third.err
    assert third.json["summary"] == {"repositories": 50, "fast-forwarded": 5, "current": 45}
    assert _named(third.json, "fast-forwarded") == moved
    for path in moved:
        head = work.git(path, "rev-parse", "HEAD")
        assert head == forge.refs(*path.split("/"))["refs/heads/main"]


def test_what_a_person_made_is_left_alone_with_the_reason(
    work: Laptop, forge: SandboxForge
) -> None:
    for name in ("dirty", "diverged", "detached", "plain"):
        forge.add_repo("acme", name)
    assert work.mgit("sync").code == 0
    (work.root / "acme/dirty/README.md").write_text("mine\n")
    (work.root / "acme/dirty/new.txt").write_text("mine too\n")
    work.git("acme/diverged", "commit", "--allow-empty", "-m", "Mine")
    work.git("acme/detached", "checkout", "--quiet", "--detach", "HEAD~1")
    kept = {
        name: (
            work.git(f"acme/{name}", "rev-parse", "HEAD"),
            work.git(f"acme/{name}", "status", "--porcelain"),
        )
        for name in ("dirty", "diverged", "detached")
    }
    for name in ("dirty", "diverged", "detached", "plain"):
        forge.push("acme", name)

    ran = work.mgit("sync", "--format", "json")

    assert ran.code == 0, ran.err
    outcomes = ran.json["outcomes"]
    assert isinstance(outcomes, list)
    reasons = {outcome["name"]: outcome["reason"] for outcome in outcomes}
    assert reasons == {
        "acme/dirty": "dirty",
        "acme/diverged": "diverged",
        "acme/detached": "detached",
        "acme/plain": None,
    }
    for name, was in kept.items():
        head, status = was
        assert work.git(f"acme/{name}", "rev-parse", "HEAD") == head
        assert work.git(f"acme/{name}", "status", "--porcelain") == status
        # What the forge has is there all the same, beside the work tree.
        upstream = forge.refs("acme", name)["refs/heads/main"]
        assert work.git(f"acme/{name}", "rev-parse", "refs/remotes/origin/main") == upstream
    assert (work.root / "acme/dirty/new.txt").read_text() == "mine too\n"

    for name in ("dirty", "diverged", "detached"):
        forge.push("acme", name)
    spoken = work.mgit("sync")
    left = spoken.out.partition("left alone:")[2]
    assert all(f"acme/{name}" in left for name in kept)
    assert "4 repositories" in spoken.err


def test_a_dry_run_prints_the_plan_and_changes_nothing(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 3)
    ran = work.mgit("sync", "--dry-run", "--format", "json")
    assert ran.code == 0, ran.err
    assert ran.json["summary"] == {"clone": 3}
    assert work.gits() == []
    assert not work.root.exists()
    assert work.mgit("sync", "acme/repo-001").code == 0
    forge.push("acme", "repo-001")
    before = _snapshot(work.root)
    again = work.mgit("sync", "--dry-run", "--format", "json")
    assert again.json["summary"] == {"clone": 2, "fast-forward": 1}
    assert _snapshot(work.root) == before


def test_patterns_choose_and_exclude(work: Laptop, forge: SandboxForge) -> None:
    for name in ("api", "web", "legacy-api"):
        forge.add_repo("acme", name)
    ran = work.mgit("sync", "acme/*", "!acme/legacy-*", "--format", "json")
    assert _named(ran.json, "cloned") == {"acme/api", "acme/web"}
    assert sorted(path.name for path in (work.root / "acme").iterdir()) == ["api", "web"]


def test_mirrors_below_another_root(work: Laptop, forge: SandboxForge, tmp_path: Path) -> None:
    forge.add_repo("acme", "api")
    root = tmp_path / "mirrors"
    ran = work.mgit("sync", "--kind", "mirror", "--root", str(root), "--format", "json")
    assert ran.code == 0, ran.err
    (mirror,) = root.glob("acme/api*")
    assert (mirror / "HEAD").is_file()
    assert not work.root.exists()


def test_one_failing_repository_does_not_stop_the_others(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 3)
    forge.fail_next("/acme/repo-002.git/*", 500, times=20)
    ran = work.mgit("sync")
    assert ran.code == 4, ran.err  # the forge's fault: nothing else went wrong
    assert sorted(path.name for path in (work.root / "acme").iterdir()) == ["repo-001", "repo-003"]
    assert "acme/repo-002" in ran.out.partition("failed:")[2]
    assert ran.last_line.startswith("mgit: ")


def test_a_forge_that_is_gone_is_exit_4_and_names_the_host(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "api")
    assert work.mgit("sync").code == 0
    forge.close()
    before = _snapshot(work.root)
    ran = work.mgit("sync", "--format", "json")
    assert ran.code == 4
    assert "127.0.0.1" in ran.err
    assert _snapshot(work.root) == before


def test_a_refused_token_is_exit_3_and_says_how_to_sign_in(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "api")
    forge.token = "another"
    ran = work.mgit("sync")
    assert ran.code == 3
    assert "mgit login work" in ran.last_line


def test_lines_of_json_come_as_they_happen(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 2)
    ran = work.mgit("sync", "--format", "jsonl")
    assert [line["schema"] for line in ran.lines] == [
        "mgit.sync.outcome/1",
        "mgit.sync.outcome/1",
        "mgit.sync.end/1",
    ]
    assert ran.lines[-1]["summary"] == {"repositories": 2, "cloned": 2}


def test_hostile_names_reach_no_terminal(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "plain", branches=("evil\u202egpj",))
    assert work.mgit("sync").code == 0
    work.git("acme/plain", "checkout", "--quiet", "evil\u202egpj")
    for form in ("table", "json", "jsonl"):
        ran = work.mgit("status", "--all", "--format", form)
        assert ran.code == 0, ran.err
        assert "\u202e" not in ran.out + ran.err


def test_a_source_may_keep_mirrors_beside_the_work_trees_of_others(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "api")
    forge.add_repo("labs", "model")
    with work.config_file.open("a") as config:
        config.write(f'\n[sources.labs]\nforge = "github"\nurl = "{forge.api_url}"\n')
        config.write('owners = ["labs"]\nkind = "mirror"\n')
    assert work.mgit("sync").code == 0
    assert (work.root / "acme/api/.git").is_dir()
    assert [path.name for path in (work.root / "labs").rglob("HEAD")] == ["HEAD"]
    assert not list((work.root / "labs").rglob(".git"))


def test_an_interrupt_leaves_nothing_half_made_and_the_next_run_goes_on(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 3)
    for number in (signal.SIGINT, signal.SIGTERM):
        with forge.hold("/acme/*/git-upload-pack") as held, work.start("sync") as running:
            assert held.arrived.wait(30)
            running.send_signal(number)
            _, err = running.communicate(timeout=30)
        assert running.returncode == 130
        assert "nothing is half made" in err
        assert "run the same command again" in err.splitlines()[-1]
        assert not (work.root / "acme").exists()
    done = work.mgit("sync", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["summary"] == {"repositories": 3, "cloned": 3}
    assert not list((work.root / ".mgit/incoming").iterdir())


def test_a_second_run_on_the_same_root_says_so_at_once(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repos("acme", 1)
    with forge.hold("/acme/*/git-upload-pack") as held, work.start("sync") as first:
        assert held.arrived.wait(30)
        second = work.mgit("sync")
        assert second.code == 1
        assert str(first.pid) in second.err
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=30)
