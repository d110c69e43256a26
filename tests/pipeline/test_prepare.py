"""plan and prepare over a real repository: the same commit every time, nothing else touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.git import Git
from pipeline.project import Endpoints, Project
from pipeline.shell import Shell
from pipeline.step import Blocked, Done, Exit, Facts, PipelineError, Todo
from pipeline.steps import plan, prepare
from pipeline.workspace import checked_repository, open_workspace
from tests.pipeline.conftest import Tiny

Make = Callable[..., Project]


def clone(tiny: Tiny, endpoints: Endpoints, out: Path) -> Path:
    git = checked_repository(Shell(env=tiny.env), tiny.here)
    return open_workspace(git, out, endpoints, resume=False).root


def planned(project: Project) -> Facts:
    verdict = plan.check(project, Facts())
    assert isinstance(verdict, Done)
    return verdict.facts


def prepared(project: Project) -> Facts:
    facts = planned(project)
    assert isinstance(prepare.check(project, facts), Todo)
    learned = prepare.run(project, facts)
    verdict = prepare.check(project, learned)
    assert isinstance(verdict, Done)
    return verdict.facts


@pytest.fixture
def project(tiny: Tiny, endpoints: Endpoints, project_at: Make, tmp_path: Path) -> Project:
    return project_at(clone(tiny, endpoints, tmp_path / "out"))


def test_the_plan_reads_version_and_notes_from_the_fragments(project: Project) -> None:
    facts = planned(project)
    assert (facts.version, facts.previous) == ("0.1.0", "")
    assert facts.notes == "### Added\n\n- The first thing."
    assert facts.epoch == 1790000000


def test_the_plan_counts_from_the_last_tag_that_is_merged(
    tiny: Tiny, endpoints: Endpoints, project_at: Make, tmp_path: Path
) -> None:
    tiny.git("tag", "v0.1.0")
    tiny.git("tag", "v0.1.1-rc.1")
    tiny.write("changelog.d/second.fixed.md", "Mended.")
    tiny.commit("Mend")
    tiny.git("checkout", "--quiet", "-b", "aside")
    tiny.commit("Aside", push=False)
    tiny.git("tag", "v7.0.0")
    tiny.git("checkout", "--quiet", "main")
    facts = planned(project_at(clone(tiny, endpoints, tmp_path / "out")))
    assert (facts.version, facts.previous) == ("0.2.0", "0.1.1-rc.1")


def test_the_release_commit_holds_version_and_changelog_and_no_fragments(project: Project) -> None:
    facts = prepared(project)
    git = Git(project.shell, project.root)
    assert git.out("show", "HEAD:mgit/version.py").endswith('__version__ = "0.1.0"')
    assert "## [0.1.0] - 2026-09-21" in git.out("show", "HEAD:CHANGELOG.md")
    assert git.files("HEAD", "changelog.d") == {"README.md": "Fragments.\n"}
    assert git.out("log", "-1", "--format=%s|%an|%ct") == "Release 0.1.0|mgit release|1790000000"
    assert git.out("rev-parse", "HEAD", "HEAD^").split() == [facts.commit, git.base()]
    assert not git.out("status", "--porcelain")


def test_the_same_plan_gives_the_same_commit_in_another_folder(
    tiny: Tiny, endpoints: Endpoints, project_at: Make, tmp_path: Path
) -> None:
    one = prepared(project_at(clone(tiny, endpoints, tmp_path / "one")))
    env = {
        **tiny.env,
        "TZ": "Asia/Tokyo",
        "GIT_AUTHOR_NAME": "Bob",
        "GIT_COMMITTER_DATE": "2000000000 +0900",
    }
    other = project_at(clone(tiny, endpoints, tmp_path / "two"), shell=Shell(env=env))
    assert prepared(other).commit == one.commit


def test_the_persons_clone_is_not_touched(tiny: Tiny, project: Project) -> None:
    head = tiny.git("rev-parse", "HEAD")
    prepared(project)
    assert tiny.git("rev-parse", "HEAD") == head
    assert not tiny.git("status", "--porcelain")
    assert not tiny.git("for-each-ref", "refs/release")


def test_the_plan_stays_the_same_after_the_commit_was_made(project: Project) -> None:
    before = planned(project)
    prepared(project)
    assert planned(project) == before


def test_taking_prepare_back_leaves_the_base(project: Project) -> None:
    facts = prepared(project)
    prepare.undo(project, facts)
    assert isinstance(prepare.check(project, planned(project)), Todo)


def test_a_dirty_clean_clone_stops_the_release(project: Project) -> None:
    (project.root / "stray.txt").write_text("x", encoding="utf-8")
    verdict = prepare.check(project, planned(project))
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT
    assert "stray.txt" in verdict.reason


def test_nothing_to_release_is_said(tiny: Tiny, project_at: Make) -> None:
    tiny.git("rm", "--quiet", "changelog.d/first.added.md")
    tiny.commit("Empty")
    with pytest.raises(PipelineError, match="nothing to release since the beginning") as caught:
        plan.check(project_at(), Facts())
    assert caught.value.exit_code is Exit.GATE


def test_a_shallow_clone_is_refused(
    tiny: Tiny, endpoints: Endpoints, project_at: Make, tmp_path: Path
) -> None:
    tiny.commit("Second")
    shallow = tmp_path / "shallow"
    tiny.git("clone", "--quiet", "--depth", "1", f"file://{tiny.remote}", str(shallow))
    verdict = plan.check(project_at(shallow), Facts())
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.ENVIRONMENT
    assert "--unshallow" in verdict.advice
    with pytest.raises(PipelineError, match="shallow"):
        checked_repository(Shell(env=tiny.env), shallow)


def tagged(tiny: Tiny, project: Project) -> Facts:
    facts = prepared(project)
    tiny.git("tag", "v0.1.0", facts.commit, where=project.root)
    return facts


def test_ci_reads_the_plan_from_the_tag(tiny: Tiny, project: Project) -> None:
    facts = tagged(tiny, project)
    ci = replace(project, ci=True, tag="v0.1.0")
    seen = planned(ci)
    assert (seen.version, seen.commit, seen.epoch) == ("0.1.0", facts.commit, facts.epoch)
    assert seen.notes == facts.notes
    assert prepare.check(ci, seen) == Done(seen)


@pytest.mark.parametrize("tag", ["v0.2.0", "v0.1.0-rc.1"])
def test_a_tag_that_does_not_fit_its_commit_starts_nothing(
    tiny: Tiny, project: Project, tag: str
) -> None:
    tagged(tiny, project)
    tiny.git("tag", tag, where=project.root)
    verdict = plan.check(replace(project, ci=True, tag=tag), Facts())
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT


def test_a_checkout_of_something_else_than_the_tag_is_noticed(tiny: Tiny, project: Project) -> None:
    tagged(tiny, project)
    tiny.git("checkout", "--quiet", "HEAD^", where=project.root)
    verdict = plan.check(replace(project, ci=True, tag="v0.1.0"), Facts())
    assert isinstance(verdict, Blocked)
    assert "the checkout is at" in verdict.reason


def test_a_workspace_of_the_same_commit_is_kept_to_resume(
    tiny: Tiny, endpoints: Endpoints, project: Project, tmp_path: Path
) -> None:
    facts = prepared(project)
    git = checked_repository(Shell(env=tiny.env), tiny.here)
    kept = open_workspace(git, tmp_path / "out", endpoints, resume=True)
    assert kept.kept
    assert Git(git.shell, kept.root).resolve("HEAD") == facts.commit


def test_a_workspace_of_another_commit_is_made_anew(
    tiny: Tiny, endpoints: Endpoints, project: Project, tmp_path: Path
) -> None:
    prepared(project)
    (tmp_path / "out" / "journal.jsonl").write_text("", encoding="utf-8")
    head = tiny.commit("More")
    git = checked_repository(Shell(env=tiny.env), tiny.here)
    made = open_workspace(git, tmp_path / "out", endpoints, resume=True)
    assert not made.kept
    assert Git(git.shell, made.root).resolve("HEAD") == head
    assert (tmp_path / "out" / "journal.1.jsonl").exists()


def test_a_folder_that_is_no_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="not the top folder") as caught:
        checked_repository(Shell(env={"PATH": "/usr/bin:/bin"}), tmp_path)
    assert caught.value.exit_code is Exit.ENVIRONMENT
