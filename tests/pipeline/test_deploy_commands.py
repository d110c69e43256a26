"""What a person sees of deployments: the plan, the status, a version by name, mistakes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from pipeline.deployment import commands
from pipeline.deployment.commands import Asked
from pipeline.deployment.environments import Approval, Environment
from pipeline.deployment.images import find_image
from pipeline.deployment.ledger import Action
from pipeline.deployment.target import Target
from pipeline.project import Endpoints, Project
from pipeline.publishing.registry import Registry
from pipeline.step import Exit, PipelineError
from sandbox.registry import open_registry
from tests.pipeline.conftest import Tiny
from tests.pipeline.deploying import (
    BROKEN,
    ENDPOINTS,
    A,
    B,
    C,
    Stage,
    killed,
    make_stage,
)

ROOT = Path(__file__).parents[2]
FILE = """\
[test]
kind = "compose"
compose = { config = ".", secrets = ".", port = 1, files = ["compose.yaml"] }

[elsewhere]
kind = "compose"
context = "far-away"
compose = { config = ".", secrets = ".", port = 2, files = ["compose.yaml"] }
"""


GATES = "healthy within 90 s, ready, its version, an answer within 1000 ms, 10 s without a restart"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = make_stage(tmp_path)
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/environments.toml").write_text(FILE)
    return stage


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def planned(stage: Stage, action: Action = Action.DEPLOY, reference: str = B) -> str:
    asked = Asked(reference=reference)
    before = everything(stage.root)
    text = commands.plan(stage.project, stage.environment, asked, stage.hands, action)
    assert everything(stage.root) == before, "a plan changes nothing"
    return text


def test_the_plan_of_a_first_deployment(stage: Stage) -> None:
    stage.environment = replace(stage.environment, approval=Approval.ASK, context="far")
    stage.gated(canary="team/tool")
    assert planned(stage).splitlines() == [
        "test (compose, context far)",
        f"  asked for     deploy {B}",
        "  runs          nothing",
        "  would do      pull the image, then replace what runs, because nothing runs",
        f"  gates         {GATES}; first a canary syncs team/tool",
        "  or else       nothing runs, as before",
        "  has to agree  somebody: --approve NAME, or yes at the terminal",
        "  lock          free",
    ]


def test_the_plan_of_an_upgrade_of_nothing_and_of_a_rollback(stage: Stage) -> None:
    stage.deploy(A)
    assert f"or else    {A} comes back" in planned(stage)
    assert f"runs       1.0.0 {A}, healthy, since 2026-11-28T10:00:00+00:00" in planned(stage)
    assert "would do   nothing, because it runs and passed its gates" in planned(stage, reference=A)
    stage.deploy(B)
    back = planned(stage, Action.ROLLBACK)
    assert f"asked for  roll back to {A}" in back
    assert f"or else    {B} comes back" in back


def test_the_plan_after_a_kill_says_so(stage: Stage) -> None:
    stage.deploy(A)
    assert killed(stage, "after:deploy:up@b", "deploy", B) == 137
    text = planned(stage)
    assert "would do   ask its gates, without replacing it, because it runs, and whether" in text
    assert re.search(r"; a deploy by \S+@\S+ was cut off", text)
    assert "lock       left by " in text


def test_the_plan_says_what_would_stop_it(stage: Stage) -> None:
    with pytest.raises(PipelineError, match="takes images of"):
        planned(stage, reference=B.replace("/mgit@", "/other@"))
    with pytest.raises(PipelineError, match="nothing to go back to"):
        planned(stage, Action.ROLLBACK)


def shown(stage: Stage, capsys: pytest.CaptureFixture[str], **asked: object) -> tuple[Exit, str]:
    def open_(project: Project, place: Environment) -> Target:
        if place.name != "test":
            raise PipelineError("far-away does not answer", exit_code=Exit.ENVIRONMENT)
        return stage.hands.open(project, place)

    hands = replace(stage.hands, open=open_)
    asked_for = msgspec.convert({"status": True, **asked}, Asked)
    code = commands.status(stage.project, asked_for, hands)
    return code, capsys.readouterr().out


def test_the_status_is_a_table(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = shown(stage, capsys, env="test")
    assert code is Exit.DONE
    assert "nothing runs" in text

    stage.environment = replace(stage.environment, approval=Approval.ASK)
    stage.deploy(A, approve="Grace")
    stage.deploy(B, approve="Grace")
    code, text = shown(stage, capsys)
    head, here, there, empty, note = text.splitlines()
    assert code is Exit.ENVIRONMENT, "one could not be looked at"
    columns = "environment kind version digest healthy since by lock predecessor"
    assert head.split() == columns.split()
    assert re.fullmatch(
        r"test +compose +1\.1\.0 +b{12} +yes +\S+Z +\S+@\S+, agreed Grace +free +a{12}", here
    )
    assert here.index("compose") == head.index("kind") == there.index("compose")
    assert (empty, note) == ("", "elsewhere: far-away does not answer")


def test_the_status_for_programs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.deploy(A)
    with pytest.raises(PipelineError):
        stage.deploy(BROKEN)
    code, text = shown(stage, capsys, env="test", json=True)
    assert code is Exit.DONE
    (row,) = json.loads(text)
    assert (row["reference"], row["version"], row["healthy"]) == (A, "1.0.0", True)
    assert (row["predecessor"], row["lock"], row["error"]) == ("", "free", "")
    assert "@" in row["by"]
    assert row["since"].endswith("Z")
    assert "it did not become healthy; rolled back to" in row["notes"][0]


def test_the_status_of_what_is_sick_or_was_cut_off(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.deploy(A)
    assert killed(stage, "after:deploy:stop@b", "deploy", B) == 137
    code, text = shown(stage, capsys, env="test")
    assert code is Exit.DONE
    assert re.search(r"test: a deploy of b{12} by \S+, begun \S+Z, did not end: run it again", text)
    assert "left by " in text
    stage.deploy(C)
    stage.world.save(sick=True)
    code, text = shown(stage, capsys, env="test")
    assert code is Exit.GATE
    assert re.search(r"c{12} +no ", text)


def test_an_environment_that_is_not_there(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PipelineError, match="no environment 'none'") as refused:
        shown(stage, capsys, env="none")
    assert refused.value.exit_code is Exit.USAGE
    assert refused.value.advice == "name one of: test, elsewhere"


@pytest.fixture
def registry(tmp_path: Path) -> object:
    """A registry with the versions 0.9.0 (yanked), 1.0.0 and 1.1.0, which is the latest."""
    with open_registry(tmp_path / "registry") as running:
        name = f"{running.host}/mgit"
        there = Registry(name, insecure=True)
        kind = "application/vnd.oci.image.index.v1+json"
        for version, tags in (
            ("0.9.0", ("0.9.0-yanked",)),
            ("1.0.0", ()),
            ("1.1.0", ("1.1", "latest")),
        ):
            body = json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": kind,
                    "manifests": [],
                    "annotations": {"version": version},
                }
            ).encode()
            for tag in (version, *tags):
                there.put_manifest(tag, kind, body)
        yield msgspec.structs.replace(ENDPOINTS, registry=name)


@pytest.mark.needs("docker-registry")
def test_a_version_is_what_the_registry_says(registry: Endpoints) -> None:
    there = Registry(registry.registry, insecure=True)
    wanted = find_image(registry, "1.0.0", "")
    assert wanted.reference == f"{registry.registry}@{there.digest('1.0.0')}"
    assert wanted.version == "1.0.0"
    assert find_image(registry, "", "").reference == find_image(registry, "1.1.0", "").reference
    assert find_image(registry, "", A).reference == A

    for version, code, told, advice in (
        ("1.0.1", Exit.USAGE, "no image of version 1.0.1", "it has 0.9.0, 0.9.0-yanked, 1.0.0"),
        ("0.9.0", Exit.GATE, "0.9.0 was yanked", "deploy another version"),
        ("latest", Exit.USAGE, "'latest' is not a version", ""),
        ("../../x", Exit.USAGE, "is not a version", ""),
    ):
        with pytest.raises(PipelineError) as refused:
            find_image(registry, version, "")
        assert refused.value.exit_code is code
        assert told in refused.value.message
        assert advice in refused.value.advice
    with pytest.raises(PipelineError, match="a version and a reference were given"):
        find_image(registry, "1.0.0", A)


def test_a_registry_that_is_down_is_in_the_ledger_and_changes_nothing(stage: Stage) -> None:
    stage.deploy(A)
    with pytest.raises(PipelineError, match="no answer from") as refused:
        commands.deploy_to(stage.project, stage.environment, Asked(version="1.1.0"), stage.hands)
    assert refused.value.exit_code is Exit.ENVIRONMENT
    assert stage.runs == A
    last = stage.ledger[-1]
    assert (last.event, last.deed.live) == ("failed", A)
    assert "no answer from" in last.deed.why


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Asked(status=True, plan=True), "--status goes with --env and --json only"),
        (Asked(status=True, version="1.0.0"), "--status goes with --env and --json only"),
        (Asked(json=True), "--json goes with --status only"),
        (Asked(version="1.0.0", reference=A), "a version and a reference were given"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, asked: Asked, told: str) -> None:
    with pytest.raises(PipelineError, match=told) as refused:
        commands.deploy(tmp_path, asked)
    assert refused.value.exit_code is Exit.USAGE


def test_a_clone_without_origin_may_look_and_deploy(
    tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no place to release to; a container on this machine needs none."""
    tiny.write("deploy/environments.toml", "")
    tiny.write("deploy/endpoints.toml", (ROOT / "deploy/endpoints.toml").read_text())
    tiny.git("remote", "remove", "origin")
    assert commands.deploy(tiny.here, Asked(status=True)) is Exit.DONE
    assert commands.deploy(tiny.here, Asked()) is Exit.DONE
    with pytest.raises(PipelineError, match="no environment 'test'"):
        commands.deploy(tiny.here, Asked(env="test"))
    assert capsys.readouterr().out.startswith("environment")
