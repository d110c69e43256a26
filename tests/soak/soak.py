"""Many scenes in a row, drawn at random; and one of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from tests.soak.scenes import Outcome, Scene, play
from tests.soak.world import World

_WEIGHTS = {
    Scene.GOOD: 34,
    Scene.ROLLBACK: 24,
    Scene.AGAIN: 4,
    Scene.UNREADY: 8,
    Scene.CRASHES: 8,
    Scene.SLOW: 8,
    Scene.ENDS: 5,
    Scene.REGISTRY_DOWN: 4,
    Scene.DATA_FULL: 3,
    Scene.LEDGER_FULL: 2,
}


def begin(world: World) -> None:
    """Deploy the first version, and let it mirror everything."""
    outcome = play(world, Scene.GOOD, world.images.good[0])
    assert not outcome.problems, outcome


def draw(world: World, cycles: int, seed: int) -> Iterator[Outcome]:
    """Play scenes at random; the same seed draws the same ones.

    Args:
        world: where something good runs.
        cycles: how many.
        seed: of what is drawn.
    """
    random = Random(seed)
    scenes = [scene for scene in _WEIGHTS if can_play(world, scene)]
    for _ in range(cycles):
        (scene,) = random.choices(scenes, [_WEIGHTS[scene] for scene in scenes])
        yield play_next(world, scene, random)


def in_turn(world: World, scenes: Sequence[Scene], seed: int) -> Iterator[Outcome]:
    """Play these scenes."""
    random = Random(seed)
    for scene in scenes:
        yield play_next(world, scene, random)


def can_play(world: World, scene: Scene) -> bool:
    """Whether this machine can do it."""
    return scene is not Scene.LEDGER_FULL or world.small_disk


def play_next(world: World, scene: Scene, random: Random) -> Outcome:
    """Play one, with a version that does not run; a rollback to nothing is a good version."""
    running = world.running()
    now = running.reference if running else ""
    if scene is Scene.ROLLBACK and not (running and running.previous):
        scene = Scene.GOOD
    other = random.choice([image for image in world.images.good if image != now])
    return play(world, scene, now if scene is Scene.AGAIN else other)
