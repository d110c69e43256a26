"""One compose project on one engine: what runs there, and putting something else there.

What runs is read from the engine each time. The container carries the reference that ran before it
as a label, so a rollback needs no memory of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from python_on_whales import Container, DockerClient

from pipeline.artifacts.engine import client_call, one_line
from pipeline.deployment.asking import ask_service
from pipeline.deployment.environments import Environment
from pipeline.deployment.files import write_whole
from pipeline.deployment.logs import last_line
from pipeline.deployment.places import ComposePlace
from pipeline.deployment.target import PREVIOUS, VERSION, Answer, Effects, Running
from pipeline.project import Project
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

_SERVICE = "mgit"
_CANARY_SECONDS = 900.0
_ONE_OFF = "com.docker.compose.oneoff"


@dataclass(frozen=True, slots=True)
class ComposeTarget:
    """One environment of the kind `compose`.

    Args:
        environment: its name and gates are used here.
        place: project, files and mounts.
        client: knows its compose project.
        shell: starts a canary, whose words are wanted.
        values: file with the values for the compose files; written before each change.
        effect: entered with a name and this place for each change.
    """

    environment: Environment
    place: ComposePlace
    client: DockerClient
    shell: Shell
    values: Path
    effect: Effects

    def observe(self) -> Running | None:
        """See `Target.observe`."""
        mine = f"com.docker.compose.project={self.place.project}"
        service = f"com.docker.compose.service={_SERVICE}"
        with one_line(f"{self.environment.name} cannot be looked at"):
            found = self.client.container.list(
                all=True, filters=[("label", mine), ("label", service)]
            )
            # While one is replaced there are two: the one that runs counts, or the newest.
            seen = [_running(each) for each in found if not _is_one_off(each)]
        return next((each for each in seen if each.healthy), seen[0] if seen else None)

    def ask(self, path: str) -> Answer | None:
        """See `Target.ask`."""
        return ask_service(self.place.url(path))

    def put(self, reference: str, previous: str) -> str:
        """See `Target.put`."""
        with self.effect("deploy:values", self.environment.name):
            self._write(self.values, reference, previous)
        try:
            with (
                self.effect("deploy:up", self.environment.name),
                one_line("it did not become healthy"),
            ):
                self.client.compose.up(
                    wait=True,
                    wait_timeout=self.environment.gates.timeout,
                    remove_orphans=True,
                    quiet=True,
                )
        except PipelineError as error:
            words = self.last_words()
            return f"{error.message}{f'; its last words: {words}' if words else ''}"
        running = self.observe()
        if running is None or running.reference != reference:
            return f"the engine runs {running.reference if running else 'nothing'} instead"
        return ""

    def remove(self) -> None:
        """See `Target.remove`."""
        name = self.environment.name
        with self.effect("deploy:down", name), one_line(f"{name} cannot be taken down"):
            self.client.compose.down(remove_orphans=True, quiet=True)

    def pull(self, reference: str) -> None:
        """See `Target.pull`."""
        with one_line(f"{reference} cannot be pulled"):
            if self.client.image.exists(reference):
                return
            with self.effect("deploy:pull", self.environment.name):
                self.client.image.pull(reference, quiet=True)

    def canary(self, reference: str, selector: str) -> str:
        """See `Target.canary`; a compose project beside this one, with a volume of its own."""
        with self.effect("deploy:canary", self.environment.name):
            values = self.values.with_suffix(".canary.env")
            self._write(values, reference, "")
            try:
                self._beside(values, "down", "--volumes", "--remove-orphans")
                self._beside(
                    values, "run", "--rm", "--no-TTY", "--no-deps", _SERVICE, "sync", selector
                )
            except PipelineError as error:
                return error.message
            finally:
                self._beside(values, "down", "--volumes", "--remove-orphans", check=False)
        return ""

    def last_words(self) -> str:
        """See `Target.last_words`: mgit says there what to do."""
        try:
            with one_line("no log"):
                said = self.client.compose.logs(services=[_SERVICE], tail="5", no_log_prefix=True)
        except PipelineError:
            return ""
        return last_line(str(said))

    def _beside(self, values: Path, *words: str, check: bool = True) -> None:
        """Run compose for the project of the canary."""
        context = ("--context", self.environment.context) if self.environment.context else ()
        files = (word for file in self.place.files for word in ("--file", file))
        named = ("--project-name", f"{self.place.project}-canary", "--env-file", values)
        argv = ("docker", *context, "compose", *files, *named, *words)
        ran = self.shell.run(argv, check=False, timeout=_CANARY_SECONDS)
        if check and not ran.ok:
            why = (
                last_line(ran.stderr, 2)
                or last_line(ran.stdout, 2)
                or f"it ended with {ran.returncode}"
            )
            raise PipelineError(f"the canary sync failed: {why}")

    def _write(self, values: Path, reference: str, previous: str) -> None:
        """The values for the compose files; there as a whole or not at all."""
        written = {
            "MGIT_IMAGE": reference,
            "MGIT_PREVIOUS": previous,
            "MGIT_PORT": str(self.place.port),
            "MGIT_MEMORY": self.place.memory,
            "MGIT_CONFIG_FOLDER": str(self.place.config.resolve()),
            "MGIT_SECRETS_FOLDER": str(self.place.secrets.resolve()),
        }
        if any("'" in value or "\n" in value for value in written.values()):
            raise PipelineError(
                f"the paths of {self.environment.name} hold a quote or a line break",
                exit_code=Exit.ENVIRONMENT,
                advice="move the checkout to a plainer path",
            )
        text = "".join(f"{name}='{value}'\n" for name, value in written.items())
        write_whole(values, text)


def open_compose(
    project: Project, environment: Environment, place: ComposePlace, effect: Effects
) -> ComposeTarget:
    """Set up the client; nothing is asked yet."""
    values = project.out / "deploy" / f"{environment.name}.env"
    client = DockerClient(
        client_call=client_call(project.shell.env),
        context=environment.context or None,
        compose_files=list(place.files),
        compose_project_name=place.project,
        compose_env_files=[values],
    )
    return ComposeTarget(environment, place, client, project.shell, values, effect)


def _is_one_off(container: Container) -> bool:
    return (container.config.labels or {}).get(_ONE_OFF, "").lower() == "true"


def _running(container: Container) -> Running:
    labels = container.config.labels or {}
    state = container.state
    started = state.started_at if state.running else None
    return Running(
        reference=container.config.image or "",
        previous=labels.get(PREVIOUS, ""),
        healthy=state.health is not None and state.health.status == "healthy",
        restarts=container.restart_count or 0,
        version=labels.get(VERSION, ""),
        since=started.isoformat(timespec="seconds") if started else "",
    )
