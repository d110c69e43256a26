"""Whatever goes wrong in a deployment, it ends by itself healthy on the right version."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.registry import RegistryMissing
from tests.image.stacks import NoSwarm
from tests.soak import report
from tests.soak.scenes import UNREADY_MOST, Outcome, Scene, play
from tests.soak.soak import begin, can_play, in_turn
from tests.soak.world import KINDS, REAL, ROOT, SHORT, Kind, Pace, World, open_world

pytestmark = pytest.mark.engine

_SEED = 6
_SHORT_FORM = (
    *(Scene.GOOD, Scene.CRASHES, Scene.ROLLBACK),
    *(Scene.REGISTRY_DOWN, Scene.LEDGER_FULL),
)


@contextmanager
def opened(folder: Path, image: str, kind: Kind, pace: Pace) -> Iterator[World]:
    """A world with something good in it; a skip, or a failure in CI, where it cannot be had."""
    refuse = pytest.fail if os.environ.get("CI") else pytest.skip
    try:
        with open_world(folder, image, kind, pace, folder.parents[1]) as world:
            assert begin(world).problems == []
            yield world
    except (RegistryMissing, NoSwarm) as error:
        refuse(str(error))


@pytest.fixture(scope="module", params=KINDS)
def world(
    request: pytest.FixtureRequest, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with opened(tmp_path_factory.mktemp("soak"), image, request.param, SHORT) as world:
        yield world


def record(name: str, kind: Kind, outcomes: list[Outcome], pace: Pace, seconds: float) -> None:
    """Keep and print how long the service was away."""
    told = {kind: outcomes}
    out = ROOT / "dist" / "deploy-soak"
    report.write(out, f"{name}-{kind}", told, pace=pace, seed=_SEED, seconds=seconds)
    print(*(report.line(one) for one in outcomes), report.figures(outcomes), sep="\n")


@pytest.mark.slow
def test_a_short_soak_on_compose(image: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with opened(tmp_path, image, "compose", SHORT) as world:
        scenes = [scene for scene in _SHORT_FORM if can_play(world, scene)]
        outcomes = list(in_turn(world, scenes, _SEED))
    record("short", "compose", outcomes, SHORT, time.monotonic() - began)
    assert [one.problems for one in outcomes] == [[]] * len(scenes)


@pytest.mark.long
@pytest.mark.parametrize("scene", Scene)
def test_every_scene_ends_as_intended(world: World, scene: Scene) -> None:
    if not can_play(world, scene):
        pytest.skip("no small file system can be mounted here")
    # A good one first, so that there is something to go back to.
    outcomes = list(in_turn(world, (Scene.GOOD, scene), _SEED))
    record(scene.name.lower(), world.kind, outcomes, SHORT, 0)
    assert [one.problems for one in outcomes] == [[], []]


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_one_that_crashes_after_a_real_minute_does_not_stay(
    image: str, tmp_path: Path, kind: Kind
) -> None:
    began = time.monotonic()
    with opened(tmp_path, image, kind, REAL) as world:
        outcome = play(world, Scene.CRASHES)
    record("minute", kind, [outcome], REAL, time.monotonic() - began)
    assert outcome.problems == []
    assert "it ended and was started again" in outcome.said or kind == "swarm", outcome.said
    assert outcome.seconds > REAL.crash_after


@pytest.mark.long
def test_a_good_update_is_short(world: World) -> None:
    outcomes = list(in_turn(world, (Scene.GOOD, Scene.ROLLBACK) * 3, _SEED))
    record("updates", world.kind, outcomes, SHORT, 0)
    assert statistics.median(one.unready for one in outcomes) < UNREADY_MOST
