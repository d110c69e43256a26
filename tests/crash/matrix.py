"""Every effect, both sides, with and without what the killed run knew: is the end the same?"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from queue import SimpleQueue

from pipeline.faults import TRACE, TRACE_FILE
from pipeline.publishing.forge_release import ForgeReleases
from pipeline.publishing.push import missing
from pipeline.publishing.registry import Registry
from pipeline.step import Exit
from tests.crash.halves import HALVES, play, said
from tests.crash.world import (
    VERSION,
    Services,
    World,
    check_out,
    digest_of,
    make_project,
    open_world,
    running_image,
)

KILLED = 137
SIDES = ("before", "after")
MEMORIES = ("kept", "journal lost", "all lost")
"""What the second run finds in the folder of the release: all, all but the journal, nothing."""

_FOLDERS = {
    "laptop": f"dist/release/{VERSION}",
    "abort": f"dist/release/{VERSION}",
    "ci": f"dist/publish/{VERSION}",
    "sign": f"dist/publish/{VERSION}",
    "deploy": "dist/deploy",
}
_SIGNED = ("abort", "sign")
_OF_SIGNING = ("sign:", "log:")
_NUMBER = re.compile(r"/\d+")


@dataclass(frozen=True)
class Case:
    """One kill.

    Args:
        half: see `HALVES`.
        effect: its name, as `pipeline.faults` has it.
        side: `before` or `after`.
        memory: one of `MEMORIES`.
    """

    half: str
    effect: str
    side: str
    memory: str


@dataclass(frozen=True)
class Outcome:
    """What came of a kill.

    Args:
        killed: exit code of the killed run.
        resumed: exit code of the run after it.
        wanted: what that should be.
        difference: what the world has otherwise than after a run that nobody killed.
        twice: which effects others would have seen more than once.
        words: what both runs printed.
    """

    killed: int
    resumed: int
    wanted: int
    difference: str = ""
    twice: str = ""
    words: str = ""

    @property
    def good(self) -> bool:
        codes = (self.killed, self.resumed) == (KILLED, self.wanted)
        return codes and not self.difference and not self.twice


@dataclass(frozen=True)
class Seen:
    """What there is after a run, and how often it was put there.

    Args:
        state: refs, packages, image tags, release, running image.
        counts: successful uploads and changes, by what they did.
    """

    state: dict[str, object]
    counts: dict[str, int]


@dataclass(frozen=True)
class Start:
    """How a half begins, and how it ends when nobody kills it.

    Args:
        remote: repository.
        folder: what is in the person's clone already, None for a fresh one.
        images: name in the registry whose images are there.
        effects: in order.
        end: what is there afterwards.
    """

    remote: Path
    folder: Path | None
    images: str
    effects: tuple[str, ...]
    end: Seen


def rehearse_whole(services: Services) -> dict[str, Start]:
    """One release that nobody kills, with all effects written down."""
    first = services.folder / "first"
    make_project(first, services.ready)
    starts: dict[str, Start] = {}
    laptop = open_world(services, "whole-laptop", first / "remote.git")
    starts["laptop"] = _whole(laptop, "laptop", first / "remote.git", None)
    after = services.folder / "tagged"
    shutil.copytree(laptop.root, after)
    abort = open_world(services, "whole-abort", after / "remote.git", signed=True)
    starts["abort"] = _whole(abort, "abort", after / "remote.git", after / "here")
    ci = open_world(services, "whole-ci", after / "remote.git")
    starts["ci"] = _whole(ci, "ci", after / "remote.git", None)
    sign = open_world(services, "whole-sign", after / "remote.git", signed=True)
    starts["sign"] = _whole(sign, "sign", after / "remote.git", None)
    deploy = open_world(services, "whole-deploy", after / "remote.git", images=ci.name)
    starts["deploy"] = _whole(deploy, "deploy", after / "remote.git", None, images=ci.name)
    return starts


def cases_of(starts: dict[str, Start]) -> list[Case]:
    """The whole matrix."""
    return [
        Case(half, effect, side, memory)
        for half in HALVES
        for effect, side, memory in product(starts[half].effects, SIDES, _memories(half))
    ]


def sample_of(cases: Sequence[Case], wanted: int) -> list[Case]:
    """Some of them: evenly spread, so that every half, side and memory is among them."""
    return [cases[number * len(cases) // wanted] for number in range(wanted)]


def play_case(services: Services, starts: dict[str, Start], case: Case, name: str) -> Outcome:
    """Kill a command at one place, run it again, and compare."""
    start = starts[case.half]
    signed = case.half in _SIGNED
    world = open_world(services, name, start.remote, images=start.images, signed=signed)
    _begin(world, case.half, start.folder)
    killed = play(world, case.half, f"{case.side}:{case.effect}")
    folder = world.here / _FOLDERS[case.half]
    if case.memory == "journal lost":
        (folder / "journal.jsonl").unlink(missing_ok=True)
    if case.memory == "all lost":
        shutil.rmtree(folder, ignore_errors=True)
    resumed = play(world, case.half, resume=case.half == "laptop")
    end = look(world, start.images)
    outcome = Outcome(
        killed,
        resumed,
        designed(case, start.effects),
        _difference(start.end, end),
        _twice(start.end, end),
        said(world),
    )
    shutil.rmtree(world.root)
    return outcome


def play_all(
    all_services: Sequence[Services],
    starts: dict[str, Start],
    cases: Sequence[Case],
    tell: Callable[[Case, Outcome], None],
) -> Iterator[tuple[Case, Outcome]]:
    """Play cases side by side, as many as there are sets of services; results in order."""
    free: SimpleQueue[Services] = SimpleQueue()
    for services in all_services:
        free.put(services)

    def one(numbered: tuple[int, Case]) -> tuple[Case, Outcome]:
        number, case = numbered
        services = free.get()
        try:
            outcome = play_case(services, starts, case, f"case-{number}")
        finally:
            free.put(services)
        tell(case, outcome)
        return case, outcome

    with ThreadPoolExecutor(len(all_services)) as pool:
        yield from pool.map(one, enumerate(cases))


def look(world: World, images: str = "") -> Seen:
    """What anybody can see of a world, and what was sent to it."""
    services = world.services
    registry = Registry(f"{services.registry}/crash/{images or world.name}", insecure=True)
    tags = {tag: _same_each_time(tag, registry.digest(tag)) for tag in registry.tags()}
    token = services.token.read_text().strip()
    release = ForgeReleases(services.releases.url, world.repo, token).find(f"v{VERSION}")
    state = {
        "refs": world.refs(),
        "packages": {path.name: digest_of(path) for path in services.packages.iterdir()},
        "image tags": tags,
        "lacks of images": [
            lack for tag in tags for lack in missing(registry, registry.digest(tag))
        ],
        "release": release
        and (
            release.draft,
            release.body,
            sorted((a.name, _same_each_time(a.name, a.digest)) for a in release.assets),
        ),
        "runs": running_image(world),
    }
    changes = world.engine / "changes"
    did = ["upload 200" for status in services.index.uploads if status == 200]
    did += changes.read_text().split() if changes.exists() else []
    for request in services.releases.requests:
        method, path, status = request.split()
        if method != "GET" and status[0] == "2" and f"/{world.repo}/" in path:
            did.append(f"{method} {_NUMBER.sub('/N', path.partition(world.repo)[2])} {status}")
    did += ["log entry"] * len(services.log.entries.get(world.name, ()))
    return Seen(state, {what: did.count(what) for what in did})


def _same_each_time(name: str, digest: str | None) -> str:
    """A digest, but for signatures: no two are equal. That they are good `verify` has looked at."""
    return "a signature" if name.endswith((".sig", ".att", ".dsse.json")) else digest or ""


def _whole(world: World, half: str, remote: Path, folder: Path | None, images: str = "") -> Start:
    _begin(world, half, folder)
    code = play(world, half, TRACE)
    if code != 0:
        raise RuntimeError(f"{half} ended with {code}, and nobody killed it:\n{said(world)}")
    trace = world.here / _FOLDERS[half] / TRACE_FILE
    effects = tuple(trace.read_text(encoding="utf-8").splitlines())
    if half == "sign":  # the others are those of `ci`
        effects = tuple(effect for effect in effects if effect.startswith(_OF_SIGNING))
    trace.unlink()
    return Start(remote, folder, images, effects, look(world, images))


def _begin(world: World, half: str, folder: Path | None) -> None:
    """What a half finds: a clone, with all that an earlier one left in it and in the world."""
    if half == "abort":
        runner = replace(world, clone="runner")
        check_out(runner)
        if play(runner, "sign", "before:publish_index") != KILLED:
            raise RuntimeError(f"nothing was staged that could be taken back:\n{said(world)}")
    if folder is None:
        check_out(world)
    else:
        shutil.copytree(folder, world.here, symlinks=True)


def _memories(half: str) -> tuple[str, ...]:
    """A deployment has a ledger in place of it; where cosign takes its time the extremes do."""
    return MEMORIES if half in {"laptop", "ci"} else ("kept", "all lost")


def designed(case: Case, effects: Sequence[str]) -> int:
    """The exit code of the second run: 0, and 2 where there is nothing left to take back.

    Nothing in the world says then that there was a release, and the journal is lost.
    """
    last = (case.effect, case.side) == (effects[-1], "after")
    gone = case.half == "abort" and case.memory != "kept" and last
    return int(Exit.USAGE if gone else Exit.DONE)


def _difference(wanted: Seen, found: Seen) -> str:
    differing = [what for what in wanted.state if wanted.state[what] != found.state[what]]
    return ", ".join(differing)


def _twice(wanted: Seen, found: Seen) -> str:
    return ", ".join(w for w, count in found.counts.items() if count > wanted.counts.get(w, 0))
