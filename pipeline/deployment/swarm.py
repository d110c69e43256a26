"""One stack in one swarm: what runs there, and putting something else there.

The swarm itself replaces one task after the other and takes all of them back when one does not
get healthy. What it did is read from the state of its update (`UpdateStatus.State` of the engine's
API): the client may end with 0 after a rollback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.deployment.asking import ask_service
from pipeline.deployment.environments import Environment
from pipeline.deployment.files import write_whole
from pipeline.deployment.gates import Clock
from pipeline.deployment.logs import last_line, plain
from pipeline.deployment.places import SwarmPlace
from pipeline.deployment.swarm_docker import Docker
from pipeline.deployment.swarm_files import File, as_words, digest_of, files_of, overlay
from pipeline.deployment.swarm_view import Task, View, outcome
from pipeline.deployment.target import Answer, Effects, Running
from pipeline.project import Project
from pipeline.step import PipelineError

_SERVICE = "mgit"
_PORT = 8080  # inside of the container
_STACK = "mgit.stack"  # label on configs and secrets
_GONE_SECONDS = 60.0
_CANARY_SECONDS = 900.0
_POLL_SECONDS = 1.0  # each look starts three clients, beside what is to get ready quickly
_CANARY = (
    *("--mode", "replicated-job", "--restart-condition", "none", "--read-only"),
    *("--user", "65532:65532", "--cap-drop", "ALL", "--limit-pids", "512", "--no-healthcheck"),
    *("--mount", "type=tmpfs,destination=/tmp,tmpfs-size=64m"),
    *("--detach", "--quiet", "--with-registry-auth", "--no-resolve-image"),
)


@dataclass(frozen=True, slots=True)
class SwarmTarget:
    """One environment of the kind `swarm`.

    Args:
        environment: its name and gates are used here.
        place: stack, files, folders, shards.
        docker: asks and changes the swarm.
        overlay: stack file with configs, secrets and labels; written before each change.
        effect: entered with a name and this place for each change.
        clock: time.
    """

    environment: Environment
    place: SwarmPlace
    docker: Docker
    overlay: Path
    effect: Effects
    clock: Clock

    @property
    def service(self) -> str:
        """Its name in the swarm."""
        return f"{self.place.stack}_{_SERVICE}"

    def observe(self) -> Running | None:
        """See `Target.observe`.

        A swarm that stopped trying is not healthy, nor is one that is about to change something.
        """
        view = self.docker.view(self.service)
        if view is None:
            return None
        service = view.service
        return Running(
            reference=service.reference,
            previous=service.previous,
            healthy=view.whole and not view.moving,
            restarts=-1,  # it keeps few of the tasks that ended; a new one shows in `since`
            version=self.docker.version_of(service.reference),
            since=max((task.since for task in view.live), default=""),
            stale=service.content != digest_of(self.place, files_of(self.place)),
        )

    def ask(self, path: str) -> Answer | None:
        """See `Target.ask`; of several shards the one that fares worst answers."""
        view = self.docker.view(self.service)
        if view is None or not view.whole:
            return None
        worst: Answer | None = None
        for task in view.live:
            answer = self._ask(task, path)
            if answer is None or not answer.ok:
                return answer
            worst = max(worst or answer, answer, key=lambda each: each.seconds)
        return worst

    def pull(self, reference: str) -> None:
        """See `Target.pull`; each other node of a swarm pulls for itself when its turn comes."""
        if self.docker.asks("image", "inspect", reference):
            return
        with self.effect("deploy:pull", self.environment.name):
            self.docker.does(f"{reference} cannot be pulled", "pull", "--quiet", reference)

    def put(self, reference: str, previous: str) -> str:
        """See `Target.put`."""
        name = self.environment.name
        self.docker.expect_manager(name)
        files = files_of(self.place)
        content = digest_of(self.place, files)
        with self.effect("deploy:files", name):
            self._bring(files)
            write_whole(self.overlay, overlay(_SERVICE, files, content))
        begun = len(view.of(reference, content)) if (view := self._look()) else 0
        with self.effect("deploy:up", name):
            self._up(reference, previous)
        why = self._settled(reference, content, begun)
        with self.effect("deploy:prune", name):
            self._prune()
        return why

    def remove(self) -> None:
        """See `Target.remove`: the volumes stay, configs and secrets go."""
        name = self.environment.name
        with self.effect("deploy:down", name):
            self.docker.does(f"{name} cannot be taken down", "stack", "rm", self.place.stack)
            mine = ("--filter", f"label=com.docker.stack.namespace={self.place.stack}")
            deadline = self.clock.now() + _GONE_SECONDS
            # `stack rm` returns before anything has ended.
            while any(
                self.docker.asks(*words, "--quiet", *mine)
                for words in (("ps", "--all"), ("service", "ls"), ("network", "ls"))
            ):
                if self.clock.now() > deadline:
                    raise PipelineError(f"{name} is not gone after {_GONE_SECONDS:.0f} s")
                self.clock.sleep(_POLL_SECONDS)
            self._prune()

    def canary(self, reference: str, selector: str) -> str:
        """See `Target.canary`: a job of the swarm with the same files and a volume that goes."""
        name = f"{self.place.stack}-canary"
        files = files_of(self.place)
        self.docker.expect_manager(self.environment.name)
        with self.effect("deploy:canary", self.environment.name):
            self._bring(files)
            self.docker.asks("service", "rm", name)
            limits = ("--limit-memory", self.place.memory)
            given = (*_CANARY, *limits, *as_words(files), reference, "sync", selector)
            try:
                what = "the canary cannot be started"
                self.docker.does(what, "service", "create", "--name", name, *given)
                return self._ended(name)
            except PipelineError as error:
                return error.message
            finally:
                self.docker.asks("service", "rm", name)

    def last_words(self) -> str:
        """See `Target.last_words`: mgit says there what to do."""
        return self._words(self.service)

    def _ask(self, task: Task, path: str) -> Answer | None:
        port = task.port(_PORT)
        if not port:
            return None
        return ask_service(f"http://{self.docker.address_of(task.node)}:{port}{path}")

    def _look(self) -> View | None:
        return self.docker.view(self.service)

    def _bring(self, files: Sequence[File]) -> None:
        """Make the configs and secrets that the swarm lacks."""
        label = f"{_STACK}={self.place.stack}"
        for kind in ("config", "secret"):
            there = set(self.docker.asks(kind, "ls", "--format", "{{.Name}}").split())
            # Two files may be one object: same name, same content.
            lacks = {file.name: file.path for file in files if file.kind == kind}
            for name in sorted(lacks.keys() - there):
                what = f"{lacks[name]} cannot be handed to the swarm"
                self.docker.does(what, kind, "create", "--label", label, name, str(lacks[name]))

    def _prune(self) -> None:
        """Drop configs and secrets that neither what runs nor what ran before it uses."""
        view = self._look()
        used = view.service.files if view else set()
        for kind in ("config", "secret"):
            mine = ("--filter", f"label={_STACK}={self.place.stack}", "--format", "{{.Name}}")
            for name in self.docker.asks(kind, "ls", *mine).split():
                if name not in used:
                    self.docker.asks(kind, "rm", name)  # refused while something else uses it

    def _up(self, reference: str, previous: str) -> None:
        """Hand the stack over; returns before anything has happened."""
        values = {
            "MGIT_IMAGE": reference,
            "MGIT_PREVIOUS": previous,
            "MGIT_PORT": str(self.place.port),
            "MGIT_SHARDS": str(self.place.shards),
            "MGIT_MEMORY": self.place.memory,
        }
        files = (word for file in (*self.place.files, self.overlay) for word in ("-c", str(file)))
        how = ("--with-registry-auth", "--resolve-image", "never", "--prune", "--detach=true")
        what = f"{self.environment.name} cannot be changed"
        self.docker.does(what, "stack", "deploy", *how, *files, self.place.stack, env=values)

    def _settled(self, reference: str, content: str, begun: int) -> str:
        """Wait until the swarm has made up its mind.

        Args:
            reference: what was handed over.
            content: with what.
            begun: how many tasks of just that there were before.

        Returns:
            Why it does not run; empty when it does.
        """
        patience = self.environment.gates.timeout * self.place.shards
        deadline = self.clock.now() + patience
        back = deadline + self.environment.gates.timeout
        while True:
            view = self._look()
            taken_back = view is not None and view.service.update.startswith("rollback")
            if view and (ended := outcome(view, reference, content, begun)) is not None:
                return f"{ended}{self._because(view, reference, content)}" if ended else ""
            if self.clock.now() > (back if taken_back else deadline):
                why = f"it did not become healthy within {patience} s"
                return f"{why}{self._because(view, reference, content)}" if view else why
            self.clock.sleep(_POLL_SECONDS)

    def _because(self, view: View, reference: str, content: str) -> str:
        """What the swarm says of the last task of a deployment, and what that one said."""
        tasks = view.of(reference, content)
        task = next((each for each in tasks if each.status.err), tasks[0] if tasks else None)
        if task is None:
            return ""
        words = self._words(task.id)
        said = f"; {plain(task.status.err)}" if task.status.err else ""
        return f"{said}; its last words: {words}" if words else said

    def _words(self, whom: str) -> str:
        return last_line(self.docker.asks("service", "logs", "--raw", "--tail", "5", whom))

    def _ended(self, name: str) -> str:
        """Wait for a job; why it failed, empty when it did not."""
        deadline = self.clock.now() + _CANARY_SECONDS
        while self.clock.now() < deadline:
            view = self.docker.view(name)
            task = view.tasks[0] if view and view.tasks else None
            if task and task.status.state == "complete":
                return ""
            if task and task.died:
                why = self._words(name) or plain(task.status.err)
                return f"the canary sync failed: {why}"
            self.clock.sleep(_POLL_SECONDS)
        return f"the canary sync did not end within {_CANARY_SECONDS:.0f} s"


def open_swarm(
    project: Project, environment: Environment, place: SwarmPlace, effect: Effects
) -> SwarmTarget:
    """Set it up; nothing is asked yet."""
    docker = Docker(project.shell, environment.context)
    written = project.out / "deploy" / f"{environment.name}.stack.json"
    return SwarmTarget(environment, place, docker, written, effect, Clock())
