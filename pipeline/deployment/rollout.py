"""One compose project on one engine: what runs there, and putting something else there.

What runs is read from the engine each time. The container carries the reference that ran before it
as a label, so a rollback needs no memory of ours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from python_on_whales import Container, DockerClient

from pipeline.artifacts.engine import client_call, one_line
from pipeline.deployment.environments import Environment
from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing import http
from pipeline.step import Exit, PipelineError

PREVIOUS = "mgit.previous"
_SERVICE = "mgit"
_PINNED = re.compile(r"^[a-z0-9][a-zA-Z0-9.:/_-]*@sha256:[0-9a-f]{64}$")
_ANSWER_SECONDS = 10.0
_CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Running:
    """What the engine runs.

    Args:
        reference: the image, as the container was told: `REGISTRY/NAME@sha256:…`.
        previous: what ran before it; empty if nothing did.
        healthy: whether its health check says so.
    """

    reference: str
    previous: str
    healthy: bool

    @property
    def digest(self) -> str:
        """The digest of the image."""
        return self.reference.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One environment, ready to be looked at and changed.

    Args:
        environment: the place.
        client: knows its compose project.
        values: file with the values for the compose files; written before each change.
        effect: entered with a name and this place for each change.
    """

    environment: Environment
    client: DockerClient
    values: Path
    effect: Callable[[str, str], AbstractContextManager[None]]

    def observe(self) -> Running | None:
        """What runs now; None where no container does.

        Raises:
            PipelineError: the engine cannot be asked.
        """
        mine = f"com.docker.compose.project={self.environment.project}"
        service = f"com.docker.compose.service={_SERVICE}"
        with one_line(f"{self.environment.name} cannot be looked at"):
            found = self.client.container.list(filters=[("label", mine), ("label", service)])
            return next((_running(container) for container in found), None)

    def answers(self) -> bool:
        """Whether the service says over HTTP that it is ready, within some seconds."""
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                ready = http.request("GET", self.environment.url("/readyz"), timeout=3)
                if ready.ok:
                    return True
            except PipelineError:
                pass
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)

    def put(self, reference: str, previous: str) -> str:
        """Replace what runs, and wait until it is healthy and answers.

        Args:
            reference: the image by digest.
            previous: label for a later rollback.

        Returns:
            Why it is not healthy; empty when it is.
        """
        with self.effect("deploy:values", self.environment.name):
            self._write(reference, previous)
        try:
            with (
                self.effect("deploy:up", self.environment.name),
                one_line("it did not become healthy"),
            ):
                self.client.compose.up(
                    wait=True,
                    wait_timeout=self.environment.timeout,
                    remove_orphans=True,
                    quiet=True,
                )
        except PipelineError as error:
            return f"{error.message}{self._last_words()}"
        running = self.observe()
        if running is None or running.reference != reference:
            return f"the engine runs {running.reference if running else 'nothing'} instead"
        return "" if self.answers() else f"{self.environment.url('/readyz')} does not say ready"

    def remove(self) -> None:
        """Take the containers down; the data volume stays."""
        name = self.environment.name
        with self.effect("deploy:down", name), one_line(f"{name} cannot be taken down"):
            self.client.compose.down(remove_orphans=True, quiet=True)

    def pull(self, reference: str) -> None:
        """Bring the image to the engine, if it lacks it, before anything is stopped.

        Raises:
            PipelineError: it is not to be had.
        """
        with one_line(f"{reference} cannot be pulled"):
            if self.client.image.exists(reference):
                return
            with self.effect("deploy:pull", self.environment.name):
                self.client.image.pull(reference, quiet=True)

    def _write(self, reference: str, previous: str) -> None:
        values = {
            "MGIT_IMAGE": reference,
            "MGIT_PREVIOUS": previous,
            "MGIT_PORT": str(self.environment.port),
            "MGIT_MEMORY": self.environment.memory,
            "MGIT_CONFIG_FOLDER": str(self.environment.config.resolve()),
            "MGIT_SECRETS_FOLDER": str(self.environment.secrets.resolve()),
        }
        if any("'" in value or "\n" in value for value in values.values()):
            raise PipelineError(
                f"the paths of {self.environment.name} hold a quote or a line break",
                exit_code=Exit.ENVIRONMENT,
                advice="move the checkout to a plainer path",
            )
        self.values.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{name}='{value}'\n" for name, value in values.items())
        self.values.write_text(text, encoding="utf-8")

    def _last_words(self) -> str:
        """The last line of the service's log: mgit says there what to do."""
        try:
            with one_line("no log"):
                said = self.client.compose.logs(services=[_SERVICE], tail="5", no_log_prefix=True)
        except PipelineError:
            return ""
        lines = [plain for line in str(said).splitlines() if (plain := _plain(line))]
        return f"; its last words: {lines[-1]}" if lines else ""


def _plain(line: str) -> str:
    """A line of a log for a terminal: without cursor movements and control characters, bounded."""
    text = _CURSOR.sub("", line)
    return "".join(character for character in text if character.isprintable()).strip()[:200]


def open_rollout(project: Project, environment: Environment) -> Rollout:
    """Set up the client for an environment; nothing is asked yet."""
    values = project.out / "deploy" / f"{environment.name}.env"
    client = DockerClient(
        client_call=client_call(project.shell.env),
        context=environment.context or None,
        compose_files=list(environment.compose),
        compose_project_name=environment.project,
        compose_env_files=[values],
    )
    return Rollout(environment, client, values, partial(effect, project))


def check_reference(reference: str) -> None:
    """A deployment is pinned: `REGISTRY/NAME@sha256:…`.

    Raises:
        PipelineError: USAGE, it is not.
    """
    if not _PINNED.fullmatch(reference):
        raise PipelineError(
            f"{reference!a} is not an image by digest",
            exit_code=Exit.USAGE,
            advice="write REGISTRY/NAME@sha256:…, as the release's report has it",
        )


def _running(container: Container) -> Running:
    labels = container.config.labels or {}
    state = container.state
    return Running(
        reference=container.config.image or "",
        previous=labels.get(PREVIOUS, ""),
        healthy=state.health is not None and state.health.status == "healthy",
    )
