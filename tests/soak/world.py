"""Everything that a deployment needs, on this machine: registry, forge, volume, environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.deployment.environments import Environment, find_environment
from pipeline.deployment.ledger import Record, ledger_path, read_ledger
from pipeline.deployment.target import Running
from pipeline.deployment.targets import open_target
from pipeline.project import Endpoints, Project, child_environment
from pipeline.shell import Shell
from sandbox.forge import SandboxForge
from sandbox.registry import Registry, open_registry
from tests.image.box import docker, free_port
from tests.soak.images import Images, forget, push_images
from tests.soak.volume import DataVolume, open_volume
from tests.soak.watcher import Watcher, is_ready

ROOT = Path(__file__).parents[2]
Kind = Literal["compose", "swarm"]
KINDS: tuple[Kind, ...] = ("compose", "swarm")
OWNER = "acme"
_TOKEN = "soak-5d1f0c7e-token"
_REPOS = 3
_MIRRORED_WITHIN = 60.0  # seconds
Refs = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Pace:
    """How patient the environment is, and how sick its versions are, in seconds.

    Args:
        timeout: until the platform has to call a version healthy.
        settle: that it has to stay so.
        crash_after: when the one that crashes does, counted from when it is ready.
    """

    timeout: int
    settle: int
    crash_after: float


SHORT = Pace(timeout=15, settle=4, crash_after=1.0)
REAL = Pace(timeout=90, settle=75, crash_after=60.0)


@dataclass
class Switch:
    """A registry that can be down, and is at the same address again afterwards."""

    root: Path
    registry: Registry = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)
    _port: int = 0

    def on(self) -> None:
        self.registry = self._stack.enter_context(open_registry(self.root, port=self._port))
        self._port = int(self.registry.host.rpartition(":")[2])

    def off(self) -> None:
        self._stack.close()


@dataclass(frozen=True)
class World:
    """One environment with all that is around it.

    Args:
        kind: of its platform.
        pace: its gates.
        project: what `invoke deploy` works on.
        place: the environment.
        images: versions to deploy.
        switch: of the registry.
        forge: what is mirrored.
        volume: where it is mirrored to.
        watcher: looks at the service all the time.
        port: of the service.
    """

    kind: Kind
    pace: Pace
    project: Project
    place: Environment
    images: Images
    switch: Switch
    forge: SandboxForge
    volume: DataVolume
    watcher: Watcher
    port: int

    def running(self) -> Running | None:
        return open_target(self.project, self.place).observe()

    def is_ready(self) -> bool:
        return is_ready(self.port)

    def ledger(self) -> tuple[Record, ...]:
        return read_ledger(ledger_path(self.project, self.place))

    def wanted(self) -> Refs:
        """Branches and tags of the forge's repositories, by the real git."""
        return {
            repo.name: _refs(self.forge.store.path(repo)) for repo in self.forge.store.all(OWNER)
        }

    def mirrored(self) -> bool:
        """Whether every mirror comes to hold exactly what the forge has, within some time."""
        wanted = self.wanted()
        deadline = time.monotonic() + _MIRRORED_WITHIN
        while self.volume.refs() != wanted:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def push(self, number: int) -> None:
        """Somebody works: a commit on one of the repositories."""
        self.forge.push(OWNER, f"tool-{number % _REPOS}", message=f"Change number {number}")


def _refs(path: Path) -> dict[str, str]:
    words = ["git", f"--git-dir={path}", "for-each-ref", "refs/heads", "refs/tags"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return {line.split()[2]: line.split()[0] for line in told.splitlines()}


@contextmanager
def open_world(folder: Path, base: str, kind: Kind, pace: Pace) -> Iterator[World]:
    """Set it all up; nothing is deployed yet. Everything is taken away at the end.

    Args:
        folder: an empty one.
        base: mgit's image.
        kind: of the platform.
        pace: see there.

    Raises:
        RegistryMissing: there is nothing here that can be a registry.
    """
    name = f"mgit-scn-{uuid.uuid4().hex[:8]}"
    port = free_port()
    with ExitStack() as stack:
        switch = Switch(folder / "registry")
        switch.on()
        stack.callback(switch.off)
        repository = f"{switch.registry.host}/mgit"
        images = push_images(folder / "contexts", base, repository, pace.crash_after)
        stack.callback(forget, *images.all())
        forge = stack.enter_context(SandboxForge(folder / "forge", "gitea", token=_TOKEN))
        for number in range(_REPOS):
            forge.add_repo(OWNER, f"tool-{number}")
        volume = stack.enter_context(open_volume(f"{name}-data", base))
        _configure(folder, forge)
        _describe(folder, name, kind, pace, port, volume)
        project = Project(
            folder,
            folder / "out",
            _endpoints(repository),
            Shell(env=child_environment(), log=folder / "log.txt"),
        )
        stack.callback(_take_down, kind, name)
        place = find_environment(project, "soak")
        watcher = stack.enter_context(Watcher(port))
        yield World(
            kind, pace, project, place, images, switch, forge, volume, watcher, port
        )


def _configure(folder: Path, forge: SandboxForge) -> None:
    config, secrets = folder / "config", folder / "secrets"
    config.mkdir()
    secrets.mkdir()
    (config / "config.toml").write_text(
        f"""
        version = 1
        [serve]
        interval = "1s"
        [defaults]
        kind = "mirror"
        [sources.forge]
        forge = "gitea"
        url = "{forge.api_url}"
        owners = ["{OWNER}"]
        token_file = "/run/secrets/forge"
        """
    )
    token = secrets / "forge"
    token.write_text(f"{_TOKEN}\n")
    token.chmod(0o444)


def _describe(
    folder: Path, name: str, kind: Kind, pace: Pace, port: int, volume: DataVolume
) -> None:
    """Write the file of environments, and what the compose files lack for a test."""
    changes = folder / "soak.yaml"
    changes.write_text(f"volumes:\n  data: !override\n    external: true\n    name: {volume.name}\n")
    files, table = {
        "compose": (("docker/compose.yaml", "docker/compose.host.yaml"), "project"),
        "swarm": (("deploy/swarm/stack.yaml",), "stack"),
    }[kind]
    listed = ", ".join(f'"{path}"' for path in (*(ROOT / file for file in files), changes))
    (folder / "environments.toml").write_text(
        f"""
        [soak]
        kind = "{kind}"
        release = true
        gates = {{ timeout = {pace.timeout}, settle = {pace.settle} }}
        [soak.{kind}]
        {table} = "{name}"
        files = [{listed}]
        config = "{folder / "config"}"
        secrets = "{folder / "secrets"}"
        port = {port}
        """
    )


def _endpoints(repository: str) -> Endpoints:
    return Endpoints(
        rehearsal=True,
        git_remote="",
        index_upload="",
        index_simple="",
        registry=repository,
        registry_insecure=True,
        forge_api="",
        forge_repo="acme/mgit",
        environments="environments.toml",
    )


def _take_down(kind: Kind, name: str) -> None:
    match kind:
        case "compose":
            label = f"label=com.docker.compose.project={name}"
        case "swarm":
            docker("stack", "rm", name, check=False)
            label = f"label=com.docker.stack.namespace={name}"
    for _ in range(20):
        found = docker("container", "ls", "--all", "--quiet", "--filter", label).stdout.split()
        if not found:
            return
        docker("container", "rm", "--force", *found, check=False)
        time.sleep(0.5)


def provided_image() -> str:
    """A tag for an image of one's own; see `tests.image.conftest` for the shared one."""
    return f"mgit:scn-{uuid.uuid4().hex[:8]}"


def can_mount() -> str:
    """Why no small file system can be mounted on this machine; empty if it can."""
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    return "" if shutil.which("mount") else "no mount here"
