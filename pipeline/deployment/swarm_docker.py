"""The `docker` of a swarm: questions, changes, and what it says of a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from pipeline.artifacts.engine import telling_line
from pipeline.deployment.swarm_view import View, read_service, read_tasks
from pipeline.deployment.target import VERSION
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

_SECONDS = 120.0
_ABSENT = ("no such service", "not found")
_NO_SWARM = "not a swarm manager"
_LOOPBACK = "127.0.0.1"


class _Swarm(msgspec.Struct, frozen=True):
    node: str = msgspec.field(name="NodeID", default="")
    manager: bool = msgspec.field(name="ControlAvailable", default=False)


@dataclass(frozen=True, slots=True)
class Docker:
    """The client of one engine that is a manager of a swarm.

    Args:
        shell: starts it.
        context: docker context; empty is the machine's own.
    """

    shell: Shell
    context: str = ""

    def asks(self, *words: str) -> str:
        """What it prints; empty where it says no."""
        ran = self.shell.run(self._argv(*words), check=False, timeout=_SECONDS)
        return (ran.stdout.strip() or ran.stderr.strip()) if ran.ok else ""

    def does(self, what: str, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Have something done.

        Args:
            what: for the message, when it cannot be done.
            words: arguments; no secrets.
            env: for a stack file.

        Raises:
            PipelineError: it was not.
        """
        ran = self.shell.run(self._argv(*words), check=False, timeout=_SECONDS, env=env)
        if not ran.ok:
            raise PipelineError(f"{what}: {telling_line(ran.stderr)}")
        return ran.stdout

    def expect_manager(self, place: str) -> None:
        """See to it that there is a swarm which can be changed.

        Raises:
            PipelineError: ENVIRONMENT, the engine is not a manager of one.
        """
        if not self._swarm(place).manager:
            raise _no_swarm(place)

    def view(self, service: str) -> View | None:
        """A service and its tasks; None where there is no such service.

        Raises:
            PipelineError: ENVIRONMENT, the engine does not answer or has no swarm.
        """
        ran = self.shell.run(
            self._argv("service", "inspect", service), check=False, timeout=_SECONDS
        )
        if not ran.ok:
            said = ran.stderr.lower()
            if _NO_SWARM in said:
                raise _no_swarm(service)
            if any(word in said for word in _ABSENT):
                return None
            raise PipelineError(
                f"{service} cannot be looked at: {telling_line(ran.stderr)}",
                exit_code=Exit.ENVIRONMENT,
            )
        listed = self.asks("service", "ps", "--quiet", "--no-trunc", service).split()
        # One that is forgotten in between makes the client fail, and print the others all the same.
        tasks = self.shell.run(
            self._argv("inspect", "--type", "task", *listed), check=False, timeout=_SECONDS
        )
        return View(read_service(ran.stdout), read_tasks(tasks.stdout if listed else ""))

    def version_of(self, reference: str) -> str:
        """The label of an image that this engine has; empty for none."""
        said = self.asks(
            "image", "inspect", "--format", f'{{{{index .Config.Labels "{VERSION}"}}}}', reference
        )
        return "" if said == "<no value>" else said

    def address_of(self, node: str) -> str:
        """Where a node publishes the ports of its tasks."""
        if not self.context and self._swarm(node).node == node:
            return _LOOPBACK
        return self.asks("node", "inspect", "--format", "{{.Status.Addr}}", node) or _LOOPBACK

    def _swarm(self, what: str) -> _Swarm:
        said = self.does(
            f"{what}: the engine cannot be asked", "info", "--format", "{{json .Swarm}}"
        )
        try:
            return msgspec.json.decode(said, type=_Swarm)
        except msgspec.MsgspecError as error:
            raise PipelineError(f"the engine describes itself in an unknown way: {error}") from None

    def _argv(self, *words: str) -> tuple[str, ...]:
        return ("docker", *(("--context", self.context) if self.context else ()), *words)


def _no_swarm(what: str) -> PipelineError:
    return PipelineError(
        f"{what}: the engine is no manager of a swarm",
        exit_code=Exit.ENVIRONMENT,
        advice="docker swarm init --advertise-addr ADDRESS, or name a context of a manager",
    )
