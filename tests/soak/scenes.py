"""One deployment or rollback, and what it must come to whatever goes wrong in it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pipeline.deployment import commands
from pipeline.deployment.commands import Asked, Hands
from pipeline.journal import Event
from pipeline.step import Exit, PipelineError
from tests.image.box import eventually
from tests.soak.images import forget
from tests.soak.world import Refs, World

UNREADY_MOST = 5.0
"""Seconds that a good update may leave the service unready."""
CROWDED = 1.5
"""Processes that want to run, for each processor: with more no time is held against mgit."""
_COMES_BACK_WITHIN = 30.0  # seconds


class Scene(StrEnum):
    """What happens."""

    GOOD = "a good version"
    ROLLBACK = "a rollback"
    AGAIN = "the version that runs"
    UNREADY = "a version that never gets ready"
    CRASHES = "a version that crashes later"
    SLOW = "a version that answers slowly"
    ENDS = "a version that ends at once"
    REGISTRY_DOWN = "a registry that is down"
    DATA_FULL = "a full data volume"
    LEDGER_FULL = "a full disk where the ledger is"


UPDATES = frozenset({Scene.GOOD, Scene.ROLLBACK})
"""Those that put something else live, and so may leave the service unready for a moment."""


@dataclass(frozen=True)
class Intended:
    """How a scene has to end.

    Args:
        code: exit code of the command.
        events: what the ledger may say of it last; none: it has no new line.
        live: by digest.
    """

    code: frozenset[Exit]
    events: frozenset[Event]
    live: str


@dataclass
class Outcome:
    """How a scene ended.

    Args:
        scene: what happened.
        problems: what is not as intended; empty when all is.
        code: exit code.
        said: last message of the command.
        event: last line of the ledger.
        live: digest of what runs.
        seconds: of the command.
        unready: the longest time without an answer that says ready, until all was well again.
        load: of the machine in the last minute, for each of its processors.
    """

    scene: Scene
    problems: list[str] = field(default_factory=list)
    code: int = 0
    said: str = ""
    event: str = ""
    live: str = ""
    seconds: float = 0.0
    unready: float = 0.0
    load: float = 0.0

    @property
    def is_late(self) -> bool:
        """Whether an update left the service unready for longer than is promised."""
        return self.scene in UPDATES and self.unready >= UNREADY_MOST

    @property
    def is_crowded(self) -> bool:
        """Whether the machine had more to do than a measurement of time bears."""
        return self.load > CROWDED


def play(world: World, scene: Scene, asked: str = "") -> Outcome:
    """Play one scene, and look whether it ended as intended.

    Args:
        world: where something good runs, unless the scene is a good version.
        scene: which.
        asked: the good version to deploy, in the scenes that deploy one.
    """
    outcome = Outcome(scene)
    before = world.running()
    lines = len(world.ledger())
    held = _held(world.volume.refs())
    world.push(lines)
    asked = _asked(world, scene, asked)
    intended = _intended(scene, asked, before.reference if before else "", _previous(world))
    since = time.monotonic()
    with _trouble(world, scene):
        outcome.code, outcome.said = _command(world, scene, asked)
        outcome.seconds = time.monotonic() - since
    ready = eventually(world.is_ready, _COMES_BACK_WITHIN)
    outcome.unready = world.watcher.unready(since, time.monotonic())
    problems = outcome.problems
    if not ready:
        problems.append("it is not ready")
    problems += _live(world, intended, outcome)
    problems += _told(world, intended, outcome, lines)
    problems += _mirrors(world, held)
    outcome.load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if outcome.is_late and not outcome.is_crowded:
        problems.append(f"it was unready for {outcome.unready:.1f} s")
    return outcome


def _asked(world: World, scene: Scene, asked: str) -> str:
    images = world.images
    sick = {
        Scene.UNREADY: images.unready,
        Scene.CRASHES: images.crashes,
        Scene.SLOW: images.slow,
        Scene.ENDS: images.ends,
        Scene.REGISTRY_DOWN: images.spare,
    }
    return sick.get(scene, asked)


def _previous(world: World) -> str:
    running = world.running()
    return running.previous if running else ""


def _intended(scene: Scene, asked: str, before: str, previous: str) -> Intended:
    done, refused = frozenset({Exit.DONE}), frozenset({Exit.GATE})
    match scene:
        case Scene.GOOD:
            return Intended(done, frozenset({Event.DONE}), asked)
        case Scene.ROLLBACK:
            return Intended(done, frozenset({Event.DONE}), previous)
        case Scene.AGAIN:
            return Intended(done, frozenset(), before)
        case Scene.UNREADY | Scene.CRASHES | Scene.SLOW | Scene.ENDS:
            return Intended(refused, frozenset({Event.UNDONE}), before)
        case Scene.DATA_FULL:
            # What comes back may have the full disk to complain of as well, until there is room.
            return Intended(refused, frozenset({Event.UNDONE, Event.FAILED}), before)
        case Scene.REGISTRY_DOWN:
            return Intended(frozenset({Exit.INCOMPLETE}), frozenset({Event.FAILED}), before)
        case Scene.LEDGER_FULL:
            # There is no room for a line; the command must not touch what it cannot write down.
            return Intended(frozenset({Exit.ENVIRONMENT}), frozenset(), before)


@contextmanager
def _trouble(world: World, scene: Scene) -> Iterator[None]:
    match scene:
        case Scene.REGISTRY_DOWN:
            forget(world.images.spare)
            world.switch.off()
            try:
                yield
            finally:
                world.switch.on()
        case Scene.DATA_FULL:
            world.volume.fill()
            try:
                yield
            finally:
                world.volume.make_room()
        case Scene.LEDGER_FULL:
            with _filled(world.project.out):
                yield
        case _:
            yield


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """A small file system without one free byte."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as out:
            for size in (1 << 16, 1):
                try:
                    while True:
                        out.write(bytes(size))
                except OSError:
                    continue
        yield
    finally:
        filler.unlink()


def _command(world: World, scene: Scene, asked: str) -> tuple[int, str]:
    """Run the command; its exit code and its last message."""
    said: list[str] = [""]
    hands = Hands(say=said.append)
    act: Callable[[], object]
    if scene is Scene.ROLLBACK:
        act = lambda: commands.roll_back(world.project, world.place, hands)  # noqa: E731
    else:
        wanted = Asked(reference=asked)
        act = lambda: commands.deploy_to(world.project, world.place, wanted, hands)  # noqa: E731
    try:
        act()
    except PipelineError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None  # of whoever plays: that is no end of a scene
        return int(error.exit_code), error.message
    return int(Exit.DONE), said[-1]


def _live(world: World, intended: Intended, outcome: Outcome) -> list[str]:
    """Whether the right one runs, in the platform's eyes too."""

    def settled() -> bool:
        running = world.running()
        return running is not None and running.reference == intended.live and running.healthy

    problems = []
    if outcome.code not in intended.code:
        problems.append(f"it ended with {outcome.code}: {outcome.said}")
    if not eventually(settled, _COMES_BACK_WITHIN):
        problems.append(f"not healthy on {intended.live[-12:]}: {world.running()}")
    running = world.running()
    outcome.live = running.digest if running else ""
    return problems


def _told(world: World, intended: Intended, outcome: Outcome, lines: int) -> list[str]:
    """Whether the ledger tells it."""
    records = world.ledger()
    if not intended.events:
        return [] if len(records) == lines else ["the ledger has a line of what was not done"]
    if len(records) == lines:
        return ["the ledger says nothing"]
    last = records[-1]
    outcome.event = last.event
    problems = []
    if last.event not in intended.events:
        problems.append(f"the ledger says {last.event}")
    if last.deed.live != intended.live:
        problems.append(f"the ledger says that {last.deed.live[-12:] or 'nothing'} is live")
    if not last.deed.who:
        problems.append("the ledger does not say who it was")
    if bool(last.deed.why) == (last.event is Event.DONE):
        problems.append("the ledger does not say why it went wrong")
    return problems


def _held(refs: Refs) -> dict[str, set[str]]:
    return {name: set(tips.values()) for name, tips in refs.items()}


def _mirrors(world: World, held: dict[str, set[str]]) -> list[str]:
    """Whether nothing of the mirrors is lost, and what was pushed meanwhile has come."""
    problems = []
    if not world.mirrored():
        problems.append("the mirrors do not have what the forge has")
    if lost := world.volume.lost(held):
        problems.append(f"lost: {', '.join(lost)}")
    if sick := world.volume.sick():
        problems.append(f"git fsck: {'; '.join(sick)}")
    return problems
