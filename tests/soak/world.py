"""Everything that a deployment needs, on this machine: registry, forge, volume, environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.deployment.environments import Environment, find_environment
from pipeline.deployment.ledger import Record, ledger_path, read_ledger
from pipeline.deployment.target import Running
from pipeline.deployment.targets import open_target
from pipeline.project import Project, child_environment
from pipeline.shell import Shell
from sandbox.certificates import Authority
from sandbox.forge import SandboxForge
from sandbox.registry import Registry, open_registry
from tests.image.box import docker, free_port
from tests.image.stacks import single_node
from tests.places import only_a_registry
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


def _loopback() -> str:
    return "127.0.0.1"


def _bridge() -> str:
    """The address of this machine on the engine's own bridge: tasks reach it, nobody else does."""
    words = ("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    return docker(*words).stdout.strip()


@dataclass(frozen=True)
class _Platform:
    """What differs between platforms, in a test.

    Args:
        files: compose or stack files.
        changes: one more of them, with the name of the data volume left open; empty for none.
        named: key of the environment that has the name of everything.
        volume: name of the data volume.
        label: of containers.
        forge_host: address where the service reaches the sandbox forge.
    """

    files: tuple[str, ...]
    changes: str
    named: str
    volume: str
    label: str
    forge_host: Callable[[], str]


_BY_KIND: dict[Kind, _Platform] = {
    "compose": _Platform(
        ("docker/compose.yaml", "docker/compose.host.yaml"),
        "volumes: {{data: {{external: true, name: {}}}}}\n",
        "project",
        "{}-data",
        "com.docker.compose.project",
        _loopback,
    ),
    "swarm": _Platform(
        ("deploy/swarm/stack.yaml",),
        "",
        "stack",
        "{}_mgit-1",  # as the stack file has it: the service's name and the slot
        "com.docker.stack.namespace",
        _bridge,
    ),
}


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


SHORT = Pace(timeout=90, settle=4, crash_after=1.0)
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
        small_disk: whether ledger and lock are on a small file system of their own, which can be
            filled.
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
    small_disk: bool

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
def open_world(
    folder: Path, base: str, kind: Kind, pace: Pace, shared: Path | None = None
) -> Iterator[World]:
    """Set it all up; nothing is deployed yet. Everything is taken away at the end.

    Args:
        folder: an empty one.
        base: mgit's image.
        kind: of the platform.
        pace: see there.
        shared: folder of all who may use the swarm with this one; None for nobody.

    Raises:
        RegistryMissing: there is nothing here that can be a registry.
        NoSwarm: the engine is in a swarm that it does not manage.
    """
    name = f"mgit-scn-{uuid.uuid4().hex[:8]}"
    port = free_port()
    with ExitStack() as stack:
        if kind == "swarm":
            stack.enter_context(single_node(shared or folder))
        switch = Switch(folder / "registry")
        switch.on()
        stack.callback(switch.off)
        repository = f"{switch.registry.host}/mgit"
        images = push_images(folder / "contexts", base, repository, pace.crash_after)
        stack.callback(forget, *images.all())
        host = _BY_KIND[kind].forge_host()
        authority = Authority(folder / "certificates")
        tls = authority.context(authority.server(host))
        forge = stack.enter_context(
            SandboxForge(folder / "forge", "gitea", token=_TOKEN, host=host, tls=tls)
        )
        for number in range(_REPOS):
            forge.add_repo(OWNER, f"tool-{number}")
        volume = stack.enter_context(open_volume(_BY_KIND[kind].volume.format(name), base))
        small = stack.enter_context(_small_disk(folder / "out"))
        _configure(folder, forge, authority)
        _describe(folder, name, kind, pace, port)
        project = Project(
            folder,
            folder / "out",
            only_a_registry(repository),
            Shell(env=child_environment(), log=folder / "log.txt"),
        )
        stack.callback(_take_down, kind, name)
        place = find_environment(project, "soak")
        watcher = stack.enter_context(Watcher(port))
        yield World(kind, pace, project, place, images, switch, forge, volume, watcher, port, small)


def _configure(folder: Path, forge: SandboxForge, authority: Authority) -> None:
    config, secrets = folder / "config", folder / "secrets"
    config.mkdir()
    secrets.mkdir()
    shutil.copy(authority.file, config / "authority.pem")
    (config / "config.toml").write_text(
        f"""
        version = 1
        [network]
        ca_file = "/etc/mgit/authority.pem"
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


def _describe(folder: Path, name: str, kind: Kind, pace: Pace, port: int) -> None:
    """Write the file of environments."""
    own = _BY_KIND[kind]
    files = [ROOT / file for file in own.files]
    if own.changes:
        files.append(folder / "soak.yaml")
        files[-1].write_text(own.changes.format(own.volume.format(name)))
    listed = ", ".join(f'"{file}"' for file in files)
    (folder / "environments.toml").write_text(
        f"""
        [soak]
        kind = "{kind}"
        release = true
        gates = {{ timeout = {pace.timeout}, settle = {pace.settle} }}
        [soak.{kind}]
        {own.named} = "{name}"
        files = [{listed}]
        config = "{folder / "config"}"
        secrets = "{folder / "secrets"}"
        port = {port}
        """
    )


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small file system there, where that can be done."""
    folder.mkdir()
    words = ("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder))
    there = os.geteuid() == 0 and _runs(*words)
    try:
        yield there
    finally:
        if there:
            _runs("umount", "--lazy", str(folder))


def _runs(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _take_down(kind: Kind, name: str) -> None:
    if kind == "swarm":
        docker("stack", "rm", name, check=False)
    mine = ("--filter", f"label={_BY_KIND[kind].label}={name}")
    for _ in range(60):
        found = docker("container", "ls", "--all", "--quiet", *mine).stdout.split()
        if not found:
            break
        if kind == "compose":
            docker("container", "rm", "--force", *found, check=False)
        time.sleep(0.5)
