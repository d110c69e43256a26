"""A digest goes live when it is healthy; when it is not, the one before stays live."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.deployment import commands
from pipeline.deployment.commands import Asked, Hands
from pipeline.deployment.environments import load_environments
from pipeline.deployment.places import ComposePlace
from pipeline.deployment.targets import open_target
from pipeline.project import Project, child_environment
from pipeline.publishing.registry import Registry as ImageNames
from pipeline.shell import Shell
from pipeline.step import Done, Exit, Facts, PipelineError, Todo
from pipeline.steps import deploy
from sandbox.forge import SandboxForge
from sandbox.registry import Registry, RegistryMissing, open_registry
from tests.image.box import docker, empty_configuration, free_port
from tests.image.pushing import push_variant
from tests.places import only_a_registry

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
_TOKEN = "canary-8c1e44d2-deployment-token"


@dataclass(frozen=True)
class Place:
    """A registry with three images, and an environment to deploy to."""

    project: Project
    first: str
    second: str
    broken: str

    def deploy(self, reference: str) -> None:
        deploy.deploy_to(self.project, "", reference)

    def containers(self) -> str:
        (place,) = load_environments(self.project)
        assert isinstance(place.place, ComposePlace)
        mine = f"label=com.docker.compose.project={place.place.project}"
        return docker("container", "ls", "--all", "--quiet", "--filter", mine).stdout

    def running(self) -> str:
        (place,) = load_environments(self.project)
        running = open_target(self.project, place).observe()
        return running.reference if running else ""


@pytest.fixture
def place(image: str, tmp_path: Path) -> Iterator[Place]:
    config = empty_configuration(tmp_path / "config")
    (tmp_path / "secrets").mkdir()
    name = f"mgit-test-{uuid.uuid4().hex[:8]}"
    (tmp_path / "environments.toml").write_text(
        f"""
        [test]
        kind = "compose"
        release = true
        gates = {{ timeout = 60, settle = 1 }}
        [test.compose]
        project = "{name}"
        files = ["{ROOT}/docker/compose.yaml", "{ROOT}/docker/compose.host.yaml"]
        config = "{config}"
        secrets = "{tmp_path / "secrets"}"
        port = {free_port()}
        """
    )
    with _registry(tmp_path / "registry") as registry:
        repository = f"{registry.host}/mgit"
        endpoints = only_a_registry(repository)
        shell = Shell(env=child_environment(), log=tmp_path / "log.txt")
        project = Project(tmp_path, tmp_path / "out", endpoints, shell)
        made = [
            push_variant(tmp_path / f"variant-{number}", repository, f"FROM {image}\n{line}\n")
            for number, line in enumerate(
                ("LABEL number=1", "LABEL number=2", 'ENTRYPOINT ["/usr/local/bin/mgit", "status"]')
            )
        ]
        try:
            yield Place(project, *made)
        finally:
            for kind in ("container", "volume"):
                mine = f"label=com.docker.compose.project={name}"
                found = docker(kind, "ls", *_all(kind), "--quiet", "--filter", mine).stdout.split()
                if found:
                    docker(kind, "rm", "--force", *found)
            docker("image", "rm", "--force", *made, check=False)


@contextmanager
def _registry(root: Path) -> Iterator[Registry]:
    """A registry by its program or by the engine; without both a skip, or a failure in CI."""
    try:
        with open_registry(root) as registry:
            yield registry
    except RegistryMissing as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))


def _all(kind: str) -> tuple[str, ...]:
    return ("--all",) if kind == "container" else ()


def test_a_life_of_deployments(place: Place) -> None:
    # Nothing runs, and what comes first is broken: nothing runs afterwards either.
    with pytest.raises(PipelineError, match="nothing runs now") as refused:
        place.deploy(place.broken)
    assert refused.value.exit_code is Exit.GATE
    assert place.running() == ""

    place.deploy(place.first)
    assert place.running() == place.first
    place.deploy(place.second)
    assert place.running() == place.second

    # A broken one comes: the one before is live again, and the release has failed.
    with pytest.raises(PipelineError, match="rolled back to") as refused:
        place.deploy(place.broken)
    assert refused.value.exit_code is Exit.GATE
    assert place.running() == place.second

    # What the broken one did not change: the way back to the first.
    deploy.rollback(place.project, "test")
    assert place.running() == place.first
    with pytest.raises(PipelineError, match="nothing to go back to"):
        deploy.rollback(place.project, "test")


def test_the_step_sees_what_runs(place: Place) -> None:
    facts = Facts(version="0.1.0", image_digest=place.first.partition("@")[2])
    assert isinstance(deploy.check(place.project, facts), Todo)
    after = deploy.run(place.project, facts)
    assert after.deployed == facts.image_digest
    assert deploy.check(place.project, facts) == Done(after)
    # A second run changes nothing: the container is the same one.
    begun = place.containers()
    deploy.run(place.project, facts)
    assert place.containers() == begun


def test_a_tag_is_not_deployed(place: Place) -> None:
    with pytest.raises(PipelineError, match="not an image by digest") as refused:
        place.deploy("127.0.0.1:5000/mgit:latest")
    assert refused.value.exit_code is Exit.USAGE
    assert place.running() == ""


def test_a_canary_syncs_beside_what_runs(place: Place, tmp_path: Path) -> None:
    """With the real configuration and token, into a volume of its own that is gone afterwards."""
    with SandboxForge(tmp_path / "forge", "gitea", token=_TOKEN) as forge:
        forge.add_repo("acme", "tool", commits=3)
        (tmp_path / "config/config.toml").write_text(
            f"""
            version = 1
            [defaults]
            kind = "mirror"
            [sources.forge]
            forge = "gitea"
            url = "{forge.api_url}"
            owners = ["acme"]
            token_file = "/run/secrets/forge"
            """
        )
        token = tmp_path / "secrets/forge"
        token.write_text(f"{_TOKEN}\n")
        token.chmod(0o444)
        file = tmp_path / "environments.toml"
        file.write_text(file.read_text().replace("settle = 1", 'settle = 1, canary = "acme/tool"'))
        place.deploy(place.first)
        assert place.running() == place.first

        before = place.containers()
        with pytest.raises(PipelineError, match="did not pass its canary") as refused:
            place.deploy(place.broken)
        assert refused.value.exit_code is Exit.GATE
        assert place.containers() == before, "it was not even stopped"
    (found,) = load_environments(place.project)
    assert isinstance(found.place, ComposePlace)
    canary = f"label=com.docker.compose.project={found.place.project}-canary"
    for kind in ("container", "volume"):
        assert docker(kind, "ls", *_all(kind), "--quiet", "--filter", canary).stdout == ""
    assert _TOKEN not in (tmp_path / "log.txt").read_text()


def test_a_tag_that_lies_about_its_version(place: Place) -> None:
    """What the registry has under that name and what the image calls itself have to agree."""
    registry = ImageNames(place.project.endpoints.registry, insecure=True)
    found = registry.manifest(place.first.partition("@")[2])
    assert found is not None
    registry.put_manifest("9.9.9", found.media_type, found.body)
    (environment,) = load_environments(place.project)
    asked = Asked(version="9.9.9")
    with pytest.raises(PipelineError, match=r"9\.9\.9 was asked for; nothing ran before"):
        commands.deploy_to(place.project, environment, asked, Hands())
    assert place.running() == ""
