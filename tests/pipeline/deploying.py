"""An environment on a platform that is one file, for deployments that can be killed anywhere."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NoReturn

from pipeline.deployment import commands
from pipeline.deployment.commands import Asked, Hands
from pipeline.deployment.environments import Environment, Gates
from pipeline.deployment.gates import Clock
from pipeline.deployment.ledger import Record, ledger_path, read_ledger
from pipeline.deployment.places import ComposePlace
from pipeline.deployment.target import Answer, Effects, Running
from pipeline.faults import effect
from pipeline.project import Project, child_environment
from pipeline.shell import Shell
from pipeline.step import PipelineError
from tests.places import only_a_registry

REGISTRY = "127.0.0.1:1/mgit"


def image(letter: str) -> str:
    """The image of that letter, by digest."""
    return f"{REGISTRY}@sha256:{letter * 64}"


A, B, C = image("a"), image("b"), image("c")
BROKEN, CRASHES, SLOW, ABSENT = image("0"), image("1"), image("2"), image("3")
OTHER, SICK = image("4"), image("5")
VERSIONS = {A: "1.0.0", B: "1.1.0", C: "1.2.0", OTHER: "9.9.9"}


@dataclass
class World:
    """A platform: what it runs is in one file, and so is how often it was changed.

    Effects carry the letter of the image, so that one can be told from that of the way back.

    Args:
        folder: where that file is.
        effect: entered around each change.
        clock: what sleeps moves it on.
    """

    folder: Path
    effect: Effects
    clock: Time

    def state(self) -> dict[str, Any]:
        file = self.folder / "platform.json"
        empty: dict[str, Any] = {"pulled": [], "changes": []}
        return dict(json.loads(file.read_text())) if file.exists() else empty

    def save(self, **values: Any) -> None:
        fresh = self.folder / "platform.new"
        fresh.write_text(json.dumps({**self.state(), **values}))
        fresh.replace(self.folder / "platform.json")

    def note(self, change: str) -> list[str]:
        return [*self.state()["changes"], change]

    def observe(self) -> Running | None:
        now = self.state()
        if now.get("down"):
            raise PipelineError("the engine does not answer")
        reference = now.get("reference", "")
        if not reference:
            return None
        well = reference != BROKEN and not now.get("sick")
        crashes = int((self.clock.seconds - now["at"]) // 5) if reference == CRASHES else 0
        return Running(
            reference,
            now["previous"],
            healthy=well,
            restarts=crashes,
            version=VERSIONS.get(reference, ""),
            since="2026-11-28T10:00:00+00:00",
        )

    def pull(self, reference: str) -> None:
        if reference in self.state()["pulled"]:
            return
        if reference == ABSENT or self.state().get("registry down"):
            raise PipelineError(f"{reference} cannot be pulled: connection refused")
        with self.effect("deploy:pull", reference[-1]):
            self.save(pulled=[*self.state()["pulled"], reference])

    def put(self, reference: str, previous: str) -> str:
        with self.effect("deploy:stop", reference[-1]):
            self.save(reference="", changes=self.note("stop"))
        with self.effect("deploy:up", reference[-1]):
            at = self.clock.seconds
            self.save(
                reference=reference, previous=previous, at=at, sick=False, changes=self.note("up")
            )
        return "it did not become healthy" if reference == BROKEN else ""

    def ask(self, path: str) -> Answer | None:
        now = self.state()
        reference = now.get("reference", "")
        if not reference or reference == BROKEN or now.get("sick"):
            return None
        if path == "/metrics":
            told = "1.1.0" if reference == OTHER else VERSIONS.get(reference, "")
            return Answer(200, f'mgit_build_info{{python="3.13.1",version="{told}"}} 1\n', 0.01)
        return Answer(200, "ready\n", 3.0 if reference == SLOW else 0.01)

    def canary(self, reference: str, selector: str) -> str:
        with self.effect("deploy:canary", "test"):
            self.save(changes=self.note(f"canary {selector}"))
        return "no such host" if reference == SICK else ""

    def remove(self) -> None:
        with self.effect("deploy:down", "test"):
            self.save(reference="", changes=self.note("down"))

    def last_words(self) -> str:
        return ""


@dataclass
class Time:
    """A clock that goes on only when somebody sleeps."""

    seconds: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)


@dataclass
class Stage:
    """An environment called `test`, and commands that deploy to it.

    Args:
        root: a folder of its own.
        environment: changed by tests with `replace`.
        fault: where to die.
        ask: the person at the terminal.
    """

    root: Path
    environment: Environment
    fault: str = ""
    ask: Callable[[str], str] | None = None
    time: Time = field(default_factory=Time)
    said: list[str] = field(default_factory=list)

    @property
    def project(self) -> Project:
        shell = Shell(env=child_environment())
        return Project(self.root, self.root / "out", ENDPOINTS, shell, fault=self.fault)

    @property
    def world(self) -> World:
        return World(self.root, partial(effect, self.project), self.time)

    @property
    def ledger(self) -> tuple[Record, ...]:
        return read_ledger(ledger_path(self.project, self.environment))

    @property
    def runs(self) -> str:
        return str(self.world.state().get("reference", ""))

    @property
    def hands(self) -> Hands:
        return Hands(
            open=lambda _project, _place: self.world,
            clock=self.time.clock,
            ask=self.ask,
            say=self.said.append,
        )

    def gated(self, **gates: Any) -> None:
        """Other gates."""
        self.environment = replace(self.environment, gates=Gates(**gates))

    def deploy(self, reference: str, approve: str = "") -> None:
        asked = Asked(reference=reference, approve=approve)
        commands.deploy_to(self.project, self.environment, asked, self.hands)

    def rollback(self) -> None:
        commands.roll_back(self.project, self.environment, self.hands)


ENDPOINTS = only_a_registry(REGISTRY, "deploy/environments.toml")


def make_stage(root: Path) -> Stage:
    """A stage on which nothing runs yet."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "config.toml").touch()
    (root / "compose.yaml").touch()
    place = ComposePlace(config=root, secrets=root, port=1, files=(root / "compose.yaml",))
    return Stage(root, Environment("test", place))


def killed(stage: Stage, fault: str, action: str, reference: str = "") -> int:
    """Run a command as a process that dies at a fault; its exit code as a shell has it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_child, args=(str(stage.root), fault, action, reference))
    process.start()
    wait([process.sentinel], 60)
    code = process.exitcode
    assert code is not None, "it hangs"
    return code if code >= 0 else 128 - code


def _child(root: str, fault: str, action: str, reference: str) -> NoReturn:
    stage = make_stage(Path(root))
    stage.fault = fault
    try:
        stage.deploy(reference) if action == "deploy" else stage.rollback()
    except PipelineError as error:
        os._exit(int(error.exit_code))
    os._exit(0)
