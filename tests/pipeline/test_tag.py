"""The tag over a real remote: signed or not, pushed whole or not at all, never moved."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.project import Endpoints, Project
from pipeline.shell import Shell
from pipeline.step import Artifact, Blocked, Done, Exit, Facts, PipelineError, Todo
from pipeline.steps import plan, prepare, tag
from pipeline.versioning.claims import Claims, claims_of, read_claims, write_claims
from pipeline.workspace import checked_repository, fetch_annotated, open_workspace
from tests.pipeline.conftest import Tiny

Make = Callable[..., Project]
DIGEST = "sha256:" + "ab" * 32
ARTIFACTS = (
    Artifact("mgit_fleet-0.1.0.tar.gz", "sha256:" + "1" * 64, 10),
    Artifact("mgit_fleet-0.1.0-py3-none-any.whl", "sha256:" + "2" * 64, 20),
)

digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
commits = st.text("0123456789abcdef", min_size=40, max_size=40)
artifacts = st.builds(
    Artifact,
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True),
    digests,
    st.integers(0, 2**40),
)
claims = st.builds(
    Claims,
    st.just("1.2.3-rc.1"),
    commits,
    digests | st.just(""),
    st.lists(artifacts, max_size=4, unique_by=lambda a: a.name).map(
        lambda found: tuple(sorted(found, key=lambda a: a.name))
    ),
)


@given(claims)
def test_what_a_tag_claims_is_read_back(made: Claims) -> None:
    assert read_claims(write_claims(made)) == made


@given(claims)
def test_a_signature_below_does_not_matter(made: Claims) -> None:
    signature = "-----BEGIN SSH SIGNATURE-----\nVersion: 2\n-----END SSH SIGNATURE-----\n"
    assert read_claims(write_claims(made) + signature) == made


@pytest.mark.parametrize(
    "message",
    [
        "release 0.1.0\n",
        "mgit\n\nVersion: 0.1.0\nVersion: 0.2.0\nCommit: " + "a" * 40,
        "mgit\n\nVersion: 0.1.0\nCommit: HEAD\nImage: " + DIGEST,
        f"mgit\n\nVersion: 0.1.0\nCommit: {'a' * 40}\nImage: latest",
        f"mgit\n\nVersion: 0.1.0\nCommit: {'a' * 40}\nArtifact: {DIGEST} 10 ../etc/passwd",
    ],
)
def test_a_message_that_no_release_wrote_is_a_conflict(message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        read_claims(message)
    assert caught.value.exit_code is Exit.CONFLICT


@pytest.fixture
def project(tiny: Tiny, endpoints: Endpoints, project_at: Make, tmp_path: Path) -> Project:
    git = checked_repository(Shell(env=tiny.env), tiny.here)
    return project_at(open_workspace(git, tmp_path / "out", endpoints, resume=False).root)


@pytest.fixture
def facts(project: Project) -> Facts:
    planned = plan.check(project, Facts())
    assert isinstance(planned, Done)
    made = prepare.run(project, planned.facts)
    return replace(made, artifacts=ARTIFACTS, image_digest=DIGEST)


def key(folder: Path) -> str:
    path = folder / "key"
    command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
    subprocess.run(command, check=True)
    return str(path)


def test_tag_and_commit_arrive_together(tiny: Tiny, project: Project, facts: Facts) -> None:
    assert isinstance(tag.check(project, facts), Todo)
    made = tag.run(project, facts)
    assert tag.check(project, made) == Done(made)
    assert tiny.main() == facts.commit
    message = tiny.git("tag", "-l", "--format=%(contents)", "v0.1.0", where=tiny.remote)
    assert read_claims(message) == claims_of(facts)


def test_before_anything_is_built_the_tag_is_still_to_do(project: Project) -> None:
    assert isinstance(tag.check(project, Facts()), Todo)
    assert isinstance(tag.check(project, Facts(version="0.1.0")), Todo)


@pytest.mark.needs("ssh-keygen")
def test_a_second_run_makes_the_very_same_object(
    tiny: Tiny, project: Project, facts: Facts, tmp_path: Path
) -> None:
    signed = replace(
        project,
        endpoints=msgspec.structs.replace(project.endpoints, signing_key_file=key(tmp_path)),
    )
    first = tag.run(signed, facts)
    assert tag.run(signed, facts).tag_object == first.tag_object
    kind = tiny.git("cat-file", "-p", first.tag_object, where=tiny.remote)
    assert "-----BEGIN SSH SIGNATURE-----" in kind
    assert tag.check(signed, first) == Done(first)


def test_a_tag_for_other_bytes_is_a_conflict(project: Project, facts: Facts) -> None:
    tag.run(project, facts)
    verdict = tag.check(project, replace(facts, image_digest="sha256:" + "0" * 64))
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT
    assert "burnt" in verdict.advice


def test_a_tag_on_another_commit_is_a_conflict(tiny: Tiny, project: Project, facts: Facts) -> None:
    tiny.git("tag", "-a", "-m", "mine", "v0.1.0")
    tiny.git("push", "--quiet", "origin", "v0.1.0")
    verdict = tag.check(project, facts)
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT


def test_when_the_branch_has_moved_neither_arrives(
    tiny: Tiny, project: Project, facts: Facts
) -> None:
    theirs = tiny.commit("Meanwhile")
    with pytest.raises(PipelineError) as caught:
        tag.run(project, facts)
    assert caught.value.exit_code is Exit.CONFLICT
    assert "main has moved" in caught.value.advice
    assert tiny.tags() == []
    assert tiny.main() == theirs


def test_a_remote_that_refuses_the_tag_keeps_the_branch_too(
    tiny: Tiny, project: Project, facts: Facts
) -> None:
    hook = tiny.remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/tags/*) exit 1;; esac\n', encoding="utf-8")
    hook.chmod(0o755)
    before = tiny.main()
    with pytest.raises(PipelineError) as caught:
        tag.run(project, facts)
    assert caught.value.exit_code is Exit.INCOMPLETE
    assert (tiny.tags(), tiny.main()) == ([], before)


def test_the_tag_can_be_taken_back_while_nothing_is_published(
    tiny: Tiny, project: Project, facts: Facts
) -> None:
    before = tiny.main()
    tag.undo(project, tag.run(project, facts))
    assert (tiny.tags(), tiny.main()) == ([], before)


def test_the_tag_is_not_taken_back_from_under_others(
    tiny: Tiny, project: Project, facts: Facts
) -> None:
    made = tag.run(project, facts)
    tiny.git("pull", "--quiet", "--ff-only", "origin", "main")
    theirs = tiny.commit("On top")
    with pytest.raises(PipelineError, match="kept the tag"):
        tag.undo(project, made)
    assert (tiny.tags(), tiny.main()) == (["v0.1.0"], theirs)


def test_ci_gets_the_tag_object_that_its_checkout_left_behind(
    tiny: Tiny, project: Project, facts: Facts, tmp_path: Path
) -> None:
    made = tag.run(project, facts)
    there = tmp_path / "ci"
    tiny.git("clone", "--quiet", str(tiny.remote), str(there))
    tiny.git("tag", "--force", "v0.1.0", "v0.1.0^{commit}", where=there)
    git = checked_repository(Shell(env=tiny.env), there)
    fetch_annotated(git, project.endpoints.git_remote, "v0.1.0")
    assert git.resolve("refs/tags/v0.1.0") == made.tag_object
