"""How each figure is taken. Two commands that are compared run in turn, pair after pair."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.health import health_figures
from bench.measuring import CommandFailed, Cost, measure
from bench.reach import GOALS, Figure, figure
from bench.templates import AFTER, BEFORE, git
from bench.world import Estate, World

_STARTS = 9

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured.

    Args:
        small: repositories of most figures.
        large: repositories of `rss_10k_mb` and `growth`.
        clones: repositories that are cloned.
        trees: work trees.
        pairs: how often each comparison is made.
        curve: sizes between, for the picture.
        asking: seconds of questions to a page.
    """

    small: int = 1000
    large: int = 10_000
    clones: int = 200
    trees: int = 1000
    pairs: int = 3
    curve: tuple[int, ...] = (100, 300, 3000)
    asking: float = 2.0

    @classmethod
    def of(cls, repos: int | None, *, quick: bool) -> Scale:
        """What was asked for on the command line."""
        if quick:
            small = repos or 100
            return cls(small, small * 3, max(small // 5, 1), small, 1, (max(small // 3, 1),), 0.5)
        if repos is None:
            return cls()
        between = (max(repos // 10, 1), max(repos * 3 // 10, 1), repos * 3)
        return cls(repos, repos * 10, max(repos // 5, 1), repos, 3, between)

    @property
    def estates(self) -> list[tuple[str, int, str]]:
        """Owner, size and kind of all that has to be built."""
        sizes = sorted({self.small, self.large, *self.curve})
        return [
            *((f"mirrors-{size}", size, "mirror") for size in sizes),
            ("clones", self.clones, "mirror"),
            ("trees", self.trees, "worktree"),
        ]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the growth curve: CPU of mgit in ms for each of so many repositories."""

    repos: int
    cpu_ms: float


@dataclass(slots=True)
class Bench:
    """Takes figures.

    Args:
        world: what is measured upon.
        scale: how much of it.
        say: told what is being done.
    """

    world: World
    scale: Scale
    say: Say
    points: tuple[Point, ...] = ()
    server_share: float = 0.0

    @property
    def groups(self) -> Mapping[Callable[[], Iterator[Figure]], tuple[str, ...]]:
        """What is taken together, and the figures that come of it."""
        return {
            self.starts: ("version_cpu_ms", "help_cpu_ms"),
            self.nothing_changed: (
                "noop_cpu_ms",
                "noop_requests",
                "noop_git_processes",
                "noop_vs_fetch",
            ),
            self.few_changed: ("changed5_vs_fetch",),
            self.clones: ("clone_vs_xargs",),
            self.states: ("status_vs_xargs",),
            self.growth: ("rss_10k_mb", "growth"),
            self.health: (
                "livez_p99_ms",
                "readyz_p99_ms",
                "livez_vs_inprocess",
                "metrics_10k_ms",
                "api_10k_ms",
                "page_10k_ms",
            ),
        }

    def take(self, only: set[str]) -> Iterator[Figure]:
        """The figures of these names, or all of them, in the order of the table."""
        found: dict[str, Figure] = {}
        for group, names in self.groups.items():
            if not only or only.intersection(names):
                found.update((one.goal.name, one) for one in group())
        for goal in GOALS:
            if goal.name in found and (not only or goal.name in only):
                yield found[goal.name]

    def starts(self) -> Iterator[Figure]:
        """What it costs to start at all."""
        self.say("starting mgit")
        estate = self.world.estates["clones"]
        for name, flag in (("version_cpu_ms", "--version"), ("help_cpu_ms", "--help")):
            self.world.mgit(estate, flag)
            bare = self._bare_start(estate)
            costs = [self.world.mgit(estate, flag).cpu * 1000 for _ in range(_STARTS)]
            yield figure(name, costs, f"the bare interpreter: {bare:.0f} ms")

    def nothing_changed(self) -> Iterator[Figure]:
        """All mirrors are current: mgit asks, `git fetch` asks."""
        estate = self._mirrors(self.scale.small)
        self.say(f"nothing changed in {estate.count} mirrors")
        self.world.mgit(estate, "sync")
        requests = self.world.running.shared.requests
        processes = self._git_processes(estate)
        requests = self.world.running.shared.requests - requests
        ours, theirs = self._pairs(
            lambda: self._sync(estate), lambda: self.world.plain(estate, _fetch(estate))
        )
        each = [cost.cpu * 1000 / estate.count for cost in ours]
        share = f"the server's CPU was {self.server_share:.0%} of the wall time"
        yield figure("noop_cpu_ms", each, share)
        yield figure("noop_requests", [requests / estate.count])
        yield figure("noop_git_processes", [processes])
        yield _ratio("noop_vs_fetch", theirs, ours, "git fetch", estate.count)

    def few_changed(self) -> Iterator[Figure]:
        """One of 20 mirrors is behind."""
        estate = self._mirrors(self.scale.small)
        changed = [at + at // 20 % 20 for at in range(0, estate.count, 20)]
        changed = [number for number in changed if number < estate.count]
        self.say(f"{len(changed)} of {estate.count} mirrors changed")

        def run(command: Callable[[], Cost]) -> Cost:
            self.world.push(estate, changed, BEFORE)
            self.world.fill(estate, changed)
            self.world.push(estate, changed, AFTER)
            cost = command()
            self._check_pushed(estate, changed)
            return cost

        def sync() -> Cost:
            return run(lambda: self.world.mgit(estate, "sync"))

        sync()  # the server computes the packs once
        ours, theirs = self._pairs(
            sync, lambda: run(lambda: self.world.plain(estate, _fetch(estate)))
        )
        self.world.push(estate, changed, BEFORE)
        self.world.fill(estate, changed)
        yield _ratio("changed5_vs_fetch", theirs, ours, "git fetch", estate.count)

    def clones(self) -> Iterator[Figure]:
        """Nothing is there yet."""
        estate = self.world.estates["clones"]
        self.say(f"cloning {estate.count} repositories")

        def anew(command: Callable[[], Cost]) -> Cost:
            shutil.rmtree(estate.root, ignore_errors=True)
            shutil.rmtree(estate.folder / "state", ignore_errors=True)
            (estate.root / estate.owner).mkdir(parents=True)
            cost = command()
            there = sum((clone / "HEAD").exists() for clone in estate.clones)
            if there != estate.count:
                raise CommandFailed(f"only {there} of {estate.count} clones are there")
            return cost

        urls = self.world.folder / "urls.txt"
        base = self.world.running.url
        urls.write_text("".join(f"{estate.url(base, n)}\n" for n in range(estate.count)))
        script = f"xargs -P8 -n1 git clone --quiet --mirror <{shlex.quote(str(urls))}"

        def plain() -> Cost:
            cost = self.world.plain(estate, ["sh", "-c", script], cwd=estate.root / estate.owner)
            for clone in estate.clones:
                clone.with_name(f"{clone.name}.git").rename(clone)
            return cost

        anew(lambda: self.world.mgit(estate, "sync"))
        ours, theirs = self._pairs(
            lambda: anew(lambda: self.world.mgit(estate, "sync")), lambda: anew(plain)
        )
        yield _ratio("clone_vs_xargs", ours, theirs, "git clone", estate.count)

    def states(self) -> Iterator[Figure]:
        """The state of work trees."""
        estate = self.world.estates["trees"]
        self.say(f"looking at {estate.count} work trees")
        self.world.fill(estate)
        for clone in estate.clones:
            git("status", cwd=clone)  # copies are other files: this writes their index anew
        find = f"ls -d {shlex.quote(str(estate.root / estate.owner))}/*"
        status = "xargs -P8 -I{} git -C {} status --porcelain=v2 --branch"
        script = f"{find} | {status}"
        ours, theirs = self._pairs(
            lambda: self.world.mgit(estate, "status"),
            lambda: self.world.plain(estate, ["sh", "-c", script]),
        )
        yield _ratio("status_vs_xargs", ours, theirs, "git status", estate.count)

    def growth(self) -> Iterator[Figure]:
        """From a hundred to ten thousand mirrors, nothing changed."""
        sizes = sorted({self.scale.small, self.scale.large, *self.scale.curve})
        estates = [self._mirrors(size) for size in sizes]
        for estate in estates:
            self.world.mgit(estate, "sync")
        costs: dict[int, list[Cost]] = {size: [] for size in sizes}
        for _ in range(self.scale.pairs):
            for estate in estates:
                self.say(f"nothing changed in {estate.count} mirrors")
                costs[estate.count].append(self.world.mgit(estate, "sync"))
        each = {size: [cost.cpu * 1000 / size for cost in costs[size]] for size in sizes}
        small, large = self.scale.small, self.scale.large
        self.points = tuple(Point(size, sorted(each[size])[len(each[size]) // 2]) for size in sizes)
        yield figure("rss_10k_mb", [cost.peak_mb for cost in costs[large]])
        grown = [more / less for more, less in zip(each[large], each[small], strict=True)]
        yield figure("growth", grown, f"{small} and {large} repositories")

    def health(self) -> Iterator[Figure]:
        """A service with ten thousand mirrors, no interpreter and no processor to spare."""
        estate = self._mirrors(self.scale.large)
        self.world.mgit(estate, "sync")
        self.say("asking a busy service how it is")
        yield from health_figures(
            self.world.folder,
            self.world.environment(estate),
            estate.clones,
            rounds=self.scale.pairs,
            seconds=self.scale.asking,
        )

    def _pairs(
        self, ours: Callable[[], Cost], theirs: Callable[[], Cost]
    ) -> tuple[list[Cost], list[Cost]]:
        mine: list[Cost] = []
        others: list[Cost] = []
        for _ in range(self.scale.pairs):
            mine.append(ours())
            others.append(theirs())
        return mine, others

    def _sync(self, estate: Estate) -> Cost:
        """One `mgit sync`; notes how busy the server was meanwhile."""
        before = self.world.running.cpu
        cost = self.world.mgit(estate, "sync")
        self.server_share = (self.world.running.cpu - before) / cost.wall
        return cost

    def _mirrors(self, size: int) -> Estate:
        estate = self.world.estates[f"mirrors-{size}"]
        if not estate.root.exists():
            self.say(f"making {size} mirrors")
            self.world.fill(estate)
        return estate

    def _git_processes(self, estate: Estate) -> int:
        """How many gits one run starts, counted by one that stands before the real one."""
        folder = self.world.folder / "counting"
        log = folder / "log"
        folder.mkdir(exist_ok=True)
        log.mkdir(exist_ok=True)
        real = shutil.which("git")
        watched = folder / "git"
        watched.write_text(f"#!/bin/sh\n: >'{log}'/$$\nexec '{real}' \"$@\"\n", encoding="utf-8")
        watched.chmod(0o700)
        self.world.mgit(estate, "sync", path=str(folder))
        return len(list(log.iterdir()))

    def _bare_start(self, estate: Estate) -> float:
        environment = self.world.environment(estate)
        folder: Path = self.world.folder
        costs = [measure([sys.executable, "-c", ""], folder, environment) for _ in range(_STARTS)]
        return sorted(cost.cpu * 1000 for cost in costs)[_STARTS // 2]

    def _check_pushed(self, estate: Estate, changed: list[int]) -> None:
        """A cheap run is worth nothing if it did not bring the push."""
        for number in changed:
            kind = self.world.template(number)
            told = ("for-each-ref", "refs/heads", "refs/tags")
            wanted = git("--git-dir", str(kind.states[AFTER]), *told)
            if git("--git-dir", str(estate.clones[number]), *told) != wanted:
                raise CommandFailed(f"{estate.clones[number]} is not what was pushed")


def _fetch(estate: Estate) -> list[str]:
    folder = shlex.quote(str(estate.root / estate.owner))
    return ["sh", "-c", f"ls -d {folder}/* | xargs -P8 -I{{}} git -C {{}} fetch --quiet"]


def _ratio(name: str, above: list[Cost], below: list[Cost], what: str, count: int) -> Figure:
    values = [one.cpu / other.cpu for one, other in zip(above, below, strict=True)]
    git_side, mgit_side = (above, below) if name.endswith("fetch") else (below, above)

    def each(costs: list[Cost]) -> float:
        return sorted(cost.cpu * 1000 / count for cost in costs)[len(costs) // 2]

    told = f"mgit {each(mgit_side):.2f} ms each, {what} {each(git_side):.2f} ms"
    return figure(name, values, told)
