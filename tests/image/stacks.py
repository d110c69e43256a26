"""A swarm of this one machine, variants of the image in a registry, and a stack to deploy."""

from __future__ import annotations

import fcntl
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.deployment.commands import Asked, Hands, deploy_to, roll_back
from pipeline.deployment.environments import Environment, find_environment
from pipeline.deployment.ledger import Record, ledger_path, read_ledger
from pipeline.deployment.target import Target
from pipeline.deployment.targets import open_target
from pipeline.project import Project
from tests.image.box import Container, docker
from tests.image.pushing import push_variant

BROKEN = 'ENTRYPOINT ["/usr/local/bin/mgit", "status"]'  # ends at once, with an error
DEAF = 'ENTRYPOINT ["/usr/bin/python3", "-I", "-c", "import time; time.sleep(900)"]'
_MINE = "mgit-test-began-this-swarm"


class NoSwarm(Exception):
    """The engine is in somebody else's swarm and may not change it."""


@contextmanager
def single_node(shared: Path) -> Iterator[None]:
    """A swarm that this engine manages: begun if there is none, left if nobody else uses it.

    Args:
        shared: folder that all workers of a run share.

    Raises:
        NoSwarm: the engine is a worker of a swarm.
    """
    users = shared / "swarm-users"
    with (shared / "swarm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        info = json.loads(docker("info", "--format", "{{json .Swarm}}").stdout)
        if info["LocalNodeState"] == "inactive":
            loopback = ("--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
            docker("swarm", "init", *loopback)
            node = docker("info", "--format", "{{.Swarm.NodeID}}").stdout.strip()
            docker("node", "update", "--label-add", f"{_MINE}=yes", node)
        elif not info["ControlAvailable"]:
            raise NoSwarm("this engine is in a swarm that it does not manage")
        users.write_text(str(int(users.read_text() if users.exists() else "0") + 1))
    try:
        yield
    finally:
        with (shared / "swarm.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            left = int(users.read_text()) - 1
            users.write_text(str(left))
            labels = docker("node", "inspect", "--format", "{{json .Spec.Labels}}", "self").stdout
            used = docker("service", "ls", "--quiet").stdout.strip()
            if left == 0 and _MINE in json.loads(labels) and not used:
                docker("swarm", "leave", "--force")


def variant(folder: Path, repository: str, line: str) -> str:
    """Build a variant of an image and push it.

    Args:
        folder: gets its context.
        repository: `HOST/NAME`.
        line: of its Dockerfile, after `FROM`.

    Returns:
        The reference by digest.
    """
    number = len(list(folder.glob("variant-*")))
    return push_variant(folder / f"variant-{number}", repository, line)


@dataclass(frozen=True)
class Stack:
    """A stack that is deployed to as a person would, and looked at from outside."""

    project: Project
    name: str
    secrets: Path

    @property
    def environment(self) -> Environment:
        return find_environment(self.project, "")

    @property
    def target(self) -> Target:
        return open_target(self.project, self.environment)

    def deploy(self, reference: str) -> None:
        deploy_to(self.project, self.environment, Asked(reference=reference), Hands(say=print))

    def roll_back(self) -> None:
        roll_back(self.project, self.environment, Hands(say=print))

    def running(self) -> str:
        running = self.target.observe()
        return running.reference if running and running.healthy else ""

    def ledger(self) -> list[Record]:
        return list(read_ledger(ledger_path(self.project, self.environment)))

    def service(self) -> dict[str, Any]:
        return dict(json.loads(docker("service", "inspect", f"{self.name}_mgit").stdout)[0])

    def update(self) -> str:
        """What the swarm says of its last update."""
        return str((self.service().get("UpdateStatus") or {}).get("State", ""))

    def containers(self) -> dict[int, Container]:
        """What runs, by slot."""
        mine = f"label=com.docker.swarm.service.name={self.name}_mgit"
        said = docker("ps", "--filter", mine, "--format", "{{.Names}} {{.Ports}}").stdout
        found = {}
        for name, _, ports in (line.partition(" ") for line in said.splitlines()):
            port = re.search(r":(\d+)->8080/tcp", ports)
            found[int(name.split(".")[1])] = Container(name, int(port[1]) if port else 0)
        return found

    def objects(self, kind: str) -> set[str]:
        """Names of its configs, secrets, volumes."""
        said = docker(kind, "ls", "--format", "{{.Name}}").stdout.split()
        return {name for name in said if name.startswith(self.name)}

    def clear(self) -> None:
        """Take everything away, whatever became of it."""
        self.target.remove()
        for volume in self.objects("volume"):
            docker("volume", "rm", "--force", volume)


@dataclass
class Watch:
    """Asks each shard again and again whether it is ready, and remembers for how long it was not.

    Args:
        stack: is asked for the ports when a shard does not answer any more.
        slots: of the shards.
    """

    stack: Stack
    slots: tuple[int, ...]
    longest: dict[int, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _look(self) -> None:
        there = self.stack.containers()
        lost: dict[int, float] = {}
        while not self._stop.is_set():
            for slot in self.slots:
                begun = time.monotonic()
                if slot in there and there[slot].get("/readyz") == 200:
                    gone = lost.pop(slot, begun)
                    self.longest[slot] = max(self.longest.get(slot, 0.0), begun - gone)
                else:
                    lost.setdefault(slot, begun)
            if lost:
                there = self.stack.containers()
            time.sleep(0.2)  # seldom enough to take nothing from what is to get ready
