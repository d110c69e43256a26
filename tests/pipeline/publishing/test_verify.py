"""confirm and verify: CI arrives at what the tag claims, strangers get what was built."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.step import Artifact, Blocked, Done, Effect, Exit, Facts, PipelineError, Todo
from pipeline.steps import confirm, promote, publish, stage, verify
from pipeline.versioning.claims import claims_of, write_claims

from .conftest import World


def tag_with(world: World, facts: Facts) -> str:
    """A repository whose tag carries these claims; returns the commit."""

    def git(*words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        argv = ["git", "-C", world.project.root, *identity, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "x")
    commit = git("rev-parse", "HEAD")
    message = write_claims(claims_of(replace(facts, commit=commit)))
    git("tag", "-a", "-m", message, "v0.1.0")
    return commit


@pytest.mark.needs("docker-registry")
def test_the_same_bytes_are_confirmed(world: World) -> None:
    facts = replace(world.facts, commit=tag_with(world, world.facts))
    assert confirm.STEP.check(world.project, facts) == Done(facts)
    assert confirm.STEP.effect is Effect.NONE


@pytest.mark.needs("docker-registry")
@pytest.mark.parametrize("what", ["image", "artifact", "missing", "extra", "version"])
def test_other_bytes_burn_the_version(world: World, what: str) -> None:
    facts = replace(world.facts, commit=tag_with(world, world.facts))
    first, *rest = facts.artifacts
    other = f"sha256:{'0' * 64}"
    changed = {
        "image": replace(facts, image_digest=other),
        "artifact": replace(facts, artifacts=(replace(first, digest=other), *rest)),
        "missing": replace(facts, artifacts=tuple(rest)),
        "extra": replace(facts, artifacts=(*facts.artifacts, Artifact("more.txt", other, 1))),
        "version": replace(facts, version="0.1.1"),
    }[what]
    verdict = confirm.STEP.check(world.project, changed)
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT
    assert "burnt" in verdict.advice


@pytest.mark.needs("docker-registry")
def test_nothing_built_is_nothing_confirmed(world: World) -> None:
    assert isinstance(confirm.STEP.check(world.project, Facts()), Todo)
    with pytest.raises(PipelineError):
        confirm.STEP.run(world.project, Facts())


def publish_all(world: World) -> None:
    for step in (stage.STEP, publish.STEP, promote.STEP):
        step.run(world.project, world.facts)


@pytest.mark.needs("docker-registry")
def test_assets_are_read_back_and_a_draft_is_not_enough(world: World) -> None:
    stage.STEP.run(world.project, world.facts)
    with pytest.raises(PipelineError) as unpublished:
        verify._assets(world.project, world.facts)
    assert unpublished.value.exit_code is Exit.CONFLICT

    publish.STEP.run(world.project, world.facts)
    promote.STEP.run(world.project, world.facts)
    verify._assets(world.project, world.facts)

    stored = next((world.project.root / "releases" / "assets").iterdir())
    stored.write_bytes(b"somebody was here")
    with pytest.raises(PipelineError) as changed:
        verify._assets(world.project, world.facts)
    assert changed.value.exit_code is Exit.CONFLICT
    assert "as it was built" in changed.value.message


@pytest.mark.needs("docker-registry")
def test_the_wheel_is_installed_from_the_index_by_hash_and_run(world: World) -> None:
    publish_all(world)
    locked = world.project.root / "requirements"
    locked.mkdir()
    (locked / "image.txt").write_text("")
    verify.install_and_run(world.project, world.facts)


@pytest.mark.needs("docker-registry")
def test_a_wheel_with_another_hash_is_not_installed(world: World) -> None:
    publish_all(world)
    locked = world.project.root / "requirements"
    locked.mkdir()
    (locked / "image.txt").write_text("")
    first, *rest = world.facts.artifacts
    wrong = replace(world.facts, artifacts=(replace(first, digest=f"sha256:{'0' * 64}"), *rest))
    with pytest.raises(PipelineError) as refused:
        verify.install_and_run(world.project, wrong)
    assert refused.value.exit_code is Exit.CONFLICT
    assert "does not install" in refused.value.message


@pytest.mark.needs("docker-registry")
def test_verify_looks_again_every_time(world: World) -> None:
    verdict = verify.STEP.check(world.project, world.facts)
    assert isinstance(verdict, Todo)
    assert len(verdict.effects) == 4
    assert verify.STEP.effect is Effect.NONE
    assert Path(world.project.root).is_dir()
