"""Staging, publishing, promoting: each looks at the world, does what is missing, and no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.publishing.followed import image_tags
from pipeline.publishing.forge_release import ForgeReleases
from pipeline.publishing.places import registry_of, releases_of
from pipeline.publishing.push import missing
from pipeline.step import Blocked, Done, Effect, Exit, Facts, PipelineError, Step, Todo
from pipeline.steps import promote, publish, stage
from pipeline.versioning.versions import parse

from .conftest import COMMIT, World, make_layout, make_wheel

STEPS = (stage.STEP, publish.STEP, promote.STEP)


def releases(world: World) -> ForgeReleases:
    return releases_of(world.project.endpoints)


def do(step: Step, world: World) -> None:
    """As the runner does: look, act where there is something to do, look again."""
    if isinstance(step.check(world.project, world.facts), Todo):
        step.run(world.project, world.facts)
    assert step.check(world.project, world.facts) == Done(world.facts)


def snapshot(world: World) -> object:
    """What the world can see."""
    registry = registry_of(world.project.endpoints)
    release = releases(world).find("v0.1.0")
    assert release is not None
    return (
        {tag: registry.digest(tag) for tag in registry.tags()},
        {asset.name: asset.digest for asset in release.assets},
        release.draft,
        {file.name: file.read_bytes() for file in world.packages.iterdir()},
    )


@pytest.mark.needs("docker-registry")
def test_a_release_goes_out_and_a_second_run_finds_nothing_to_do(world: World) -> None:
    for step in STEPS:
        assert isinstance(step.check(world.project, world.facts), Todo)
        do(step, world)

    registry = registry_of(world.project.endpoints)
    assert {tag: registry.digest(tag) for tag in registry.tags()} == dict.fromkeys(
        ("0.1.0", "0.1", "latest"), world.facts.image_digest
    )
    assert releases(world).latest() == "v0.1.0"
    assert world.published() == {artifact.name for artifact in world.facts.artifacts}
    before, requests = snapshot(world), len(world.index.uploads)
    for step in STEPS:
        do(step, world)
    assert snapshot(world) == before
    assert len(world.index.uploads) == requests, "nothing was uploaded twice"


@pytest.mark.needs("docker-registry")
def test_nothing_is_visible_before_the_point_of_no_return(world: World) -> None:
    do(stage.STEP, world)
    registry = registry_of(world.project.endpoints)
    assert missing(registry, world.facts.image_digest) == ()
    assert registry.tags() == ()
    assert releases(world).latest() == ""
    assert world.published() == set()


@pytest.mark.needs("docker-registry")
def test_what_is_staged_can_be_taken_back(world: World) -> None:
    do(stage.STEP, world)
    for _ in range(2):
        stage.undo(world.project, world.facts)
    registry = registry_of(world.project.endpoints)
    assert releases(world).find("v0.1.0") is None
    assert missing(registry, world.facts.image_digest) == (world.facts.image_digest,)


@pytest.mark.needs("docker-registry")
def test_what_is_published_cannot_be_taken_back(world: World) -> None:
    for step in STEPS:
        do(step, world)
    before = snapshot(world)
    with pytest.raises(PipelineError) as refused:
        stage.undo(world.project, world.facts)
    assert refused.value.exit_code is Exit.CONFLICT
    assert snapshot(world) == before


@pytest.mark.needs("docker-registry")
def test_a_draft_with_a_broken_asset_is_mended(world: World) -> None:
    client = releases(world)
    draft = client.create_draft("v0.1.0", COMMIT, "First.", prerelease=False)
    wheel = world.facts.artifacts[0]
    broken = world.project.root / wheel.name
    broken.write_bytes(b"half of it")
    client.upload(draft, broken)
    verdict = stage.STEP.check(world.project, world.facts)
    assert isinstance(verdict, Todo)
    assert f"upload {wheel.name}" in verdict.effects

    do(stage.STEP, world)

    mended = client.find("v0.1.0")
    assert mended is not None
    asset = mended.asset(wheel.name)
    assert asset is not None
    assert client.digest(asset) == wheel.digest


@pytest.mark.needs("docker-registry")
def test_another_file_under_our_name_is_a_conflict(world: World) -> None:
    other = make_wheel(world.packages, extra="not ours")
    before = other.read_bytes()
    verdict = publish.STEP.check(world.project, world.facts)
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT
    assert other.name in verdict.reason
    assert other.read_bytes() == before


@pytest.mark.needs("docker-registry")
def test_a_version_tag_never_moves(world: World) -> None:
    do(stage.STEP, world)
    do(publish.STEP, world)
    layout = world.project.out / "artifacts" / "other"
    other = replace(world, facts=replace(world.facts, image_digest=make_layout(layout, "other")))
    do(promote.STEP, world)
    verdict = promote.STEP.check(other.project, other.facts)
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT


@pytest.mark.needs("docker-registry")
def test_a_published_release_with_other_assets_is_a_conflict(world: World) -> None:
    client = releases(world)
    draft = client.create_draft("v0.1.0", COMMIT, "First.", prerelease=False)
    client.publish(draft, latest=True)
    verdict = stage.STEP.check(world.project, world.facts)
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT


@pytest.mark.needs("docker-registry")
def test_a_changed_artefact_is_not_published(world: World) -> None:
    path = world.project.out / "artifacts" / world.facts.artifacts[0].name
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(PipelineError) as refused:
        publish.STEP.run(world.project, world.facts)
    assert refused.value.exit_code is Exit.CONFLICT
    assert world.published() == set()


@pytest.mark.needs("docker-registry")
def test_without_facts_every_check_says_what_it_would_do(world: World) -> None:
    for step in STEPS:
        verdict = step.check(world.project, Facts())
        assert isinstance(verdict, Todo)
        assert verdict.effects


def test_irreversible_steps_come_last() -> None:
    assert [step.irreversible for step in STEPS] == [False, True, True]
    assert all(step.effect is Effect.PUBLIC for step in STEPS)


POINTS = (
    "after:stage:push",
    "before:stage:draft",
    "after:stage:draft",
    "after:stage:asset",
    "after:publish_index:upload",
    "after:promote:tag@0.1.0",
    "after:promote:release",
)

KILLED = """
    import os, sys
    from dataclasses import replace
    from pathlib import Path
    import msgspec
    from pipeline.project import Endpoints, Project
    from pipeline.shell import Shell
    from pipeline.step import Facts, Todo
    from pipeline.steps import promote, publish, stage

    root, out, fault, endpoints, facts = sys.argv[1:]
    project = Project(
        Path(root), Path(out), msgspec.json.decode(endpoints, type=Endpoints),
        Shell(dict(os.environ)), ci=True, tag="v0.1.0", fault=fault,
    )
    known = msgspec.json.decode(facts, type=Facts)
    for step in (stage.STEP, publish.STEP, promote.STEP):
        if isinstance(step.check(project, known), Todo):
            step.run(project, known)
"""


@pytest.mark.needs("docker-registry")
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_and_run_again_it_ends_the_same(world: World, point: str) -> None:
    killed = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(KILLED)),
            *(str(world.project.root), str(world.project.out), point),
            msgspec.json.encode(world.project.endpoints).decode(),
            msgspec.json.encode(world.facts).decode(),
        ],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()

    for step in STEPS:
        do(step, world)

    registry = registry_of(world.project.endpoints)
    assert missing(registry, world.facts.image_digest) == ()
    assert set(registry.tags()) == {"0.1.0", "0.1", "latest"}
    assert world.published() == {artifact.name for artifact in world.facts.artifacts}
    assert world.index.uploads == [200, 200], "each file was sent once"
    release = releases(world).find("v0.1.0")
    assert release is not None
    assert not release.draft
    assert {asset.name: asset.digest for asset in release.assets} == {
        artifact.name: artifact.digest for artifact in world.facts.artifacts
    }


@pytest.mark.parametrize(
    ("version", "there", "tags"),
    [
        ("0.1.0", (), ("0.1.0", "0.1", "latest")),
        ("1.2.3", ("1.2.2", "1.2", "1", "latest"), ("1.2.3", "1.2", "1", "latest")),
        ("1.2.4", ("1.2.3", "1.3.0", "latest"), ("1.2.4", "1.2")),
        ("1.9.1", ("1.9.0", "2.0.0"), ("1.9.1", "1.9", "1")),
        ("2.0.0-rc.1", ("1.0.0",), ("2.0.0-rc.1",)),
        ("2.0.0", ("2.0.0-rc.1", "2.1.0-rc.1"), ("2.0.0", "2.0", "2", "latest")),
        ("1.10.0", ("1.9.0", "nightly"), ("1.10.0", "1.10", "1", "latest")),
    ],
)
def test_tags_that_people_follow_never_go_back(
    version: str, there: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    assert image_tags(version, there) == tags


versions = st.builds("{}.{}.{}".format, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))


@given(st.lists(versions, min_size=1, max_size=8, unique=True))
def test_in_whatever_order_versions_come_the_tags_end_at_the_highest(order: list[str]) -> None:
    pointing: dict[str, str] = {}
    for version in order:
        for tag in image_tags(version, tuple(pointing)):
            pointing[tag] = version
    assert parse(pointing["latest"]) == max(map(parse, order))
    for tag, version in pointing.items():
        if tag != "latest":
            same = [parse(each) for each in order if f"{each}.".startswith(f"{tag}.")]
            assert parse(version) == max(same)
