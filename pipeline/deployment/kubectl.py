"""kubectl for one namespace: what it prints, read into checked types.

Format: the objects of `kubectl get -o json`, apps/v1, core/v1 and batch/v1; only what is used is
read.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from pipeline.deployment.logs import last_line
from pipeline.shell import Ran, Shell
from pipeline.step import Exit, PipelineError

T = TypeVar("T")

CONTAINER = "mgit"
_SECONDS = 60.0
_FORWARD_SECONDS = 15.0
_FORWARDED = re.compile(r"^Forwarding from 127\.0\.0\.1:(\d+) ->")


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """What every object has."""

    name: str = ""
    generation: int = 0
    annotations: dict[str, str] = {}


class _Waiting(msgspec.Struct, frozen=True):
    reason: str = ""
    message: str = ""


class _State(msgspec.Struct, frozen=True):
    waiting: _Waiting | None = None


class _ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    ready: bool = False
    restart_count: int = 0
    state: _State = _State()


class _Condition(msgspec.Struct, frozen=True):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class _PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    phase: str = ""
    start_time: str = ""
    conditions: list[_Condition] = []
    container_statuses: list[_ContainerStatus] = []


class Pod(msgspec.Struct, frozen=True):
    """A pod, as far as it is looked at."""

    metadata: Metadata
    status: _PodStatus = _PodStatus()

    @property
    def restarts(self) -> int:
        """How often its containers were started again."""
        return sum(one.restart_count for one in self.status.container_statuses)

    @property
    def ready(self) -> bool:
        """Whether all of its containers are."""
        statuses = self.status.container_statuses
        return bool(statuses) and all(one.ready for one in statuses)

    @property
    def waits_for(self) -> str:
        """Why a container is not started, or the pod is on no node; empty where neither is so."""
        for one in self.status.container_statuses:
            if one.state.waiting is not None and one.state.waiting.reason:
                return _joined(one.state.waiting.reason, one.state.waiting.message)
        for condition in self.status.conditions:
            if condition.type == "PodScheduled" and condition.status == "False":
                return _joined(condition.reason, condition.message)
        return ""


class _Container(msgspec.Struct, frozen=True):
    name: str
    image: str


class _PodSpec(msgspec.Struct, frozen=True):
    containers: list[_Container]


class _Template(msgspec.Struct, frozen=True):
    spec: _PodSpec


class _SetSpec(msgspec.Struct, frozen=True):
    template: _Template
    replicas: int = 1


class _SetStatus(msgspec.Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""


class StatefulSet(msgspec.Struct, frozen=True):
    """The service, as far as it is looked at."""

    metadata: Metadata
    spec: _SetSpec
    status: _SetStatus = _SetStatus()

    @property
    def image(self) -> str:
        """The image of mgit's own container."""
        named = (one.image for one in self.spec.template.spec.containers if one.name == CONTAINER)
        return next(named, "")

    @property
    def rolled_out(self) -> bool:
        """Whether every pod is of the latest revision and ready."""
        status, wanted = self.status, self.spec.replicas
        seen = status.observed_generation >= self.metadata.generation
        latest = status.current_revision == status.update_revision
        return seen and latest and wanted == status.ready_replicas == status.updated_replicas


class _JobStatus(msgspec.Struct, frozen=True):
    conditions: list[_Condition] = []


class Job(msgspec.Struct, frozen=True):
    """A Job, as far as it is looked at."""

    metadata: Metadata
    status: _JobStatus = _JobStatus()

    def has(self, state: str) -> bool:
        """Whether it is `Complete` or `Failed`."""
        return any(one.type == state and one.status == "True" for one in self.status.conditions)


class Pods(msgspec.Struct, frozen=True):
    """A list of them."""

    items: list[Pod] = []


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl, told which cluster and namespace it is about.

    Args:
        shell: starts it.
        namespace: where all objects live.
        context: of its configuration; empty is the current one.
    """

    shell: Shell
    namespace: str
    context: str = ""

    def argv(self, *words: str) -> tuple[str, ...]:
        """The whole command."""
        context = ("--context", self.context) if self.context else ()
        return ("kubectl", *context, "--namespace", self.namespace, *words)

    def ask(self, *words: str, stdin: str | None = None, seconds: float = _SECONDS) -> Ran:
        """Run it to its end, however it ends."""
        return self.shell.run(self.argv(*words), stdin=stdin, check=False, timeout=seconds)

    def tell(
        self, what: str, *words: str, stdin: str | None = None, seconds: float = _SECONDS
    ) -> str:
        """Run it and give back what it printed.

        Args:
            what: begins the message of the error, for example `it cannot be looked at`.
            words: its arguments.
            stdin: text for its standard input.
            seconds: how long it may take.

        Raises:
            PipelineError: ENVIRONMENT, it ended badly.
        """
        ran = self.ask(*words, stdin=stdin, seconds=seconds)
        if not ran.ok:
            raise PipelineError(
                f"{what}: {reason(ran)}",
                exit_code=Exit.ENVIRONMENT,
                advice="try `kubectl auth can-i --list` there; docs/operations/kubernetes.md "
                "names the rights that it takes",
            )
        return ran.stdout

    def get(self, kind: type[T], *words: str) -> T | None:
        """Look at something; None where it is not there.

        Raises:
            PipelineError: ENVIRONMENT; the cluster does not answer, or with something else.
        """
        argv = ("get", *words, "--ignore-not-found", "--output", "json")
        said = self.tell(f"{self.namespace} cannot be looked at", *argv)
        if not said.strip():
            return None
        try:
            return msgspec.json.decode(said, type=kind)
        except msgspec.MsgspecError as error:
            raise PipelineError(
                f"kubectl's answer about {words[0]} cannot be read: {error}",
                exit_code=Exit.ENVIRONMENT,
            ) from None

    def pods(self, selector: str) -> tuple[Pod, ...]:
        """The pods with some labels, by name.

        Raises:
            PipelineError: see `get`.
        """
        found = self.get(Pods, "pods", "--selector", selector)
        return tuple(sorted(found.items, key=lambda pod: pod.metadata.name)) if found else ()

    @contextlib.contextmanager
    def forward(self, pod: str, port: int) -> Iterator[int | None]:
        """A port of loopback that leads to one of a pod; None when there is no way there.

        By way of the kubelet, so no network policy has to let a stranger in.
        """
        words = ("port-forward", f"pod/{pod}", f":{port}", "--address", "127.0.0.1")
        with self.shell.beside(self.argv(*words), seconds=_FORWARD_SECONDS) as line:
            match = _FORWARDED.match(line)
            yield int(match[1]) if match else None


def reason(ran: Ran) -> str:
    """Why kubectl ended badly, in one line that is fit for a terminal."""
    return last_line(ran.stderr) or last_line(ran.stdout) or f"kubectl ended with {ran.returncode}"


def _joined(reason: str, message: str) -> str:
    return last_line(f"{reason}: {message.splitlines()[0]}" if message.strip() else reason)
