"""What a swarm says of a service and its tasks. Pure.

Formats: `docker service inspect`, `docker inspect --type task`, which are those of the engine's API
1.44 (Service, Task).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct, field

from pipeline.deployment.logs import plain
from pipeline.deployment.swarm_files import CONTENT
from pipeline.deployment.target import PREVIOUS
from pipeline.step import Exit, PipelineError

_ENOUGH = 3  # tasks that died, where there is nothing that the swarm could go back to
_DEAD = frozenset({"failed", "rejected", "complete", "orphaned"})


class _File(Struct, frozen=True):
    secret: str = field(name="SecretName", default="")
    config: str = field(name="ConfigName", default="")


class _Container(Struct, frozen=True, rename="pascal"):
    image: str = ""
    labels: dict[str, str] = {}
    secrets: list[_File] = []
    configs: list[_File] = []

    @property
    def key(self) -> tuple[str, str]:
        """Which deployment it is of."""
        return self.image, self.labels.get(CONTENT, "")

    @property
    def files(self) -> set[str]:
        return {each.secret or each.config for each in (*self.secrets, *self.configs)}


class _Spec(Struct, frozen=True, rename="pascal"):
    container_spec: _Container = _Container()


class _Replicated(Struct, frozen=True, rename="pascal"):
    replicas: int = 1


class _Mode(Struct, frozen=True, rename="pascal"):
    replicated: _Replicated = _Replicated()


class _ServiceSpec(Struct, frozen=True, rename="pascal"):
    labels: dict[str, str] = {}
    task_template: _Spec = _Spec()
    mode: _Mode = _Mode()


class _Update(Struct, frozen=True, rename="pascal"):
    state: str = ""
    message: str = ""


class Service(Struct, frozen=True, rename="pascal"):
    """A service as the swarm wants it."""

    spec: _ServiceSpec
    previous_spec: _ServiceSpec | None = None
    update_status: _Update | None = None

    @property
    def reference(self) -> str:
        return self.spec.task_template.container_spec.image

    @property
    def previous(self) -> str:
        """What ran before, as the deployment said."""
        return self.spec.labels.get(PREVIOUS, "")

    @property
    def content(self) -> str:
        """What it was set up with; see `swarm_files.digest_of`."""
        return self.spec.task_template.container_spec.key[1]

    @property
    def replicas(self) -> int:
        return self.spec.mode.replicated.replicas

    @property
    def update(self) -> str:
        """State of the last update: empty, `updating`, `paused`, `completed`, `rollback_…`."""
        return self.update_status.state if self.update_status else ""

    @property
    def message(self) -> str:
        return self.update_status.message if self.update_status else ""

    @property
    def files(self) -> set[str]:
        """Names of configs and secrets that it uses, or would use when it is taken back."""
        before = self.previous_spec.task_template.container_spec.files if self.previous_spec else ()
        return self.spec.task_template.container_spec.files | set(before)


class _Port(Struct, frozen=True, rename="pascal"):
    target_port: int = 0
    published_port: int = 0


class _Ports(Struct, frozen=True, rename="pascal"):
    ports: list[_Port] = []


class _Status(Struct, frozen=True, rename="pascal"):
    state: str = ""
    err: str = ""
    port_status: _Ports = _Ports()


class Task(Struct, frozen=True):
    """One attempt of a swarm to run one replica."""

    id: str = field(name="ID")
    created: str = field(name="CreatedAt", default="")
    slot: int = field(name="Slot", default=0)
    node: str = field(name="NodeID", default="")
    wanted: str = field(name="DesiredState", default="")
    spec: _Spec = field(name="Spec", default=_Spec())
    status: _Status = field(name="Status", default=_Status())

    @property
    def runs(self) -> bool:
        """Whether it is up and its health check says so: a swarm calls it running only then."""
        return (self.wanted, self.status.state) == ("running", "running")

    @property
    def died(self) -> bool:
        """Whether it ended by itself, or could not begin."""
        return self.status.state in _DEAD

    @property
    def since(self) -> str:
        """When it was made, to the second: fractions vary in length and would not sort."""
        return f"{self.created[:19]}Z" if self.created else ""

    def port(self, target: int) -> int:
        """Where its node publishes a port of the container; 0 for nowhere."""
        ports = self.status.port_status.ports
        return next((each.published_port for each in ports if each.target_port == target), 0)


class View(Struct, frozen=True):
    """A service and its tasks, newest first.

    Args:
        service: as wanted.
        tasks: of now and some of before.
    """

    service: Service
    tasks: tuple[Task, ...] = ()

    def of(self, reference: str, content: str) -> list[Task]:
        """The tasks of one deployment."""
        key = (reference, content)
        return [task for task in self.tasks if task.spec.container_spec.key == key]

    @property
    def live(self) -> list[Task]:
        """What runs and is as it should be."""
        service = self.service
        return [task for task in self.of(service.reference, service.content) if task.runs]

    @property
    def whole(self) -> bool:
        """Whether each replica runs as it should."""
        return len({task.slot for task in self.live}) >= max(1, self.service.replicas)

    @property
    def moving(self) -> bool:
        """Whether the swarm is about to change it."""
        return self.service.update in {"updating", "rollback_started"}


def outcome(view: View, reference: str, content: str, begun: int) -> str | None:
    """How a deployment ended.

    Args:
        view: as it is now.
        reference: what was handed over.
        content: with what; see `swarm_files.digest_of`.
        begun: how many tasks of just that there were before.

    Returns:
        Why it failed; empty when it is there; None while nobody knows.
    """
    service = view.service
    match service.update:
        case "rollback_completed":  # which it says before each task runs again
            return "the swarm took it back" if view.whole else None
        case "rollback_paused" | "paused":
            return f"the swarm gave up: {plain(service.message)}"
        case "updating" | "rollback_started":
            return None
        case _:
            pass
    if (service.reference, service.content) != (reference, content):
        return f"the swarm runs {service.reference} instead"
    if view.whole:
        return ""
    tasks = view.of(reference, content)
    dead = sum(task.died for task in tasks[: max(0, len(tasks) - begun)])
    return "it does not stay alive" if dead >= _ENOUGH else None


def read_service(text: str) -> Service:
    """Read what `docker service inspect NAME` printed.

    Raises:
        PipelineError: ENVIRONMENT, it is something else.
    """
    try:
        return msgspec.json.decode(text, type=list[Service])[0]
    except (msgspec.MsgspecError, IndexError) as error:
        raise _unknown(error) from None


def read_tasks(text: str) -> tuple[Task, ...]:
    """Read what `docker inspect --type task …` printed; the newest comes first.

    Raises:
        PipelineError: ENVIRONMENT, it is something else.
    """
    try:
        found: Sequence[Task] = msgspec.json.decode(text or "[]", type=list[Task])
    except msgspec.MsgspecError as error:
        raise _unknown(error) from None
    return tuple(sorted(found, key=lambda task: task.created, reverse=True))


def _unknown(error: Exception) -> PipelineError:
    return PipelineError(
        f"the engine describes its swarm in an unknown way: {error}", exit_code=Exit.ENVIRONMENT
    )
