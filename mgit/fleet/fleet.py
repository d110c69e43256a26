"""`Fleet`: the sources, the clones on disk, and what leads from the one to the other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mgit.config.settings import Settings
from mgit.errors import ExitCode
from mgit.fleet.apply import Applier
from mgit.fleet.observe import compare, find_clones, list_sources, look_into
from mgit.fleet.phases import Task, run_tasks
from mgit.fleet.pool import Driver
from mgit.fleet.running import as_command, is_meant, run_everywhere
from mgit.fleet.sources import Source, Sources
from mgit.fleet.tools import GitTools
from mgit.fleet.values import Change, Phase, Progress, Ran, SyncRequest, exit_code
from mgit.git.lock import RootLock
from mgit.model import (
    Listing,
    LocalRepo,
    Outcome,
    Plan,
    RepoKey,
    Result,
    Skip,
    SourceProblem,
    action_key,
)
from mgit.plan.layout import Layout
from mgit.plan.select import Selection
from mgit.plan.sync import SourcePolicy, SyncPolicy, plan_sync
from mgit.telemetry.events import (
    CredentialFound,
    Ended,
    Event,
    Listed,
    Observer,
    Planned,
    RunEnded,
    RunStarted,
)

EVERYTHING = Selection()
NO_REQUEST = SyncRequest()
MOST_GITS = 64
"""GitHub allows 100 connections of one account at a time, whatever a person configures."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What a fleet works with; `open_fleet` puts it together.

    Args:
        settings: what is wanted.
        sources: opens sources.
        tools: speak git.
        driver: heartbeat, stop and abort.
        observers: are told of every event.
        clean: takes secrets and control characters out of text.
        lock: the root lock when the caller holds it already; None to take it while applying.
    """

    settings: Settings
    sources: Sources
    tools: GitTools
    driver: Driver
    observers: tuple[Observer, ...]
    clean: Callable[[str], str]
    lock: RootLock | None


class Fleet:
    """One run over sources and clones.

    Args:
        run_id: stands on every line, record and row that this run leaves.
        kit: what it works with.
    """

    def __init__(self, run_id: str, kit: Kit) -> None:
        self.run_id = run_id
        self._kit = kit
        self._began: float | None = None
        self._problems: list[SourceProblem] = []
        self._failed: list[Outcome] = []
        self._source_of: dict[RepoKey, str] = {}
        self._running: Generator[Outcome, None, None] | None = None

    @property
    def root(self) -> Path:
        """Folder of the clones."""
        return self._kit.settings.root

    @property
    def code(self) -> ExitCode:
        """What the run returns, as far as it has come."""
        return exit_code(self._problems, self._failed)

    def source(self, name: str) -> Source:
        """An opened source: its forge and its credential.

        Raises:
            ConfigurationError: there is none of that name, or its token cannot be used.
            AuthenticationError: its token command failed.
        """
        return self._kit.sources.open(name)

    def list(
        self, selection: Selection = EVERYTHING, *, progress: Progress | None = None
    ) -> tuple[Listing, ...]:
        """What every source lists, in the order of the configuration, narrowed to the selection.

        A source that fails is an incomplete listing with its problem.

        Raises:
            Interrupted: mgit was told to stop.
        """
        policy = self._policy(selection)
        return tuple(
            replace(one, repos=tuple(r for r in one.repos if policy.selects(r.source, r.path)))
            for one in self._list(progress)
        )

    def plan(
        self,
        selection: Selection = EVERYTHING,
        *,
        progress: Progress | None = None,
        request: SyncRequest = NO_REQUEST,
    ) -> Plan:
        """What `apply` would do. Changes nothing on disk.

        Args:
            selection: of which repositories.
            progress: who watches.
            request: what the person asks of this run.

        Raises:
            Interrupted: mgit was told to stop.
        """
        kit = self._kit
        listings = self._list(progress)
        began = time.monotonic()
        policy = self._policy(selection)
        clones = find_clones(self.root, kit.tools, kit.driver.tick)
        repos = (repo for one in listings for repo in one.repos)
        compared = compare(
            [repo for repo in repos if policy.selects(repo.source, repo.path)],
            clones,
            root=self.root,
            sources=kit.sources,
            tools=kit.tools,
            git_workers=kit.settings.concurrency,
            driver=kit.driver,
            progress=progress,
        )
        looked = {local.folder: local for one in compared for local in one.local}
        plan = plan_sync(
            listings,
            {one.key: one.upstream for one in compared},
            [looked.get(clone.folder, clone) for clone in clones],
            policy,
        )
        self._problems = list(plan.problems)
        self._tell(Planned(self.run_id, plan, time.monotonic() - began))
        return plan

    def apply(self, plan: Plan, *, progress: Progress | None = None) -> Iterator[Outcome]:
        """Do what a plan says; yields each outcome as it comes.

        The failure of one repository never stops the others. Leaving the iteration early ends
        the gits that run; what was not done is done by the next run.

        Raises:
            Busy: another mgit works on the root.
        """
        self._running = self._apply(plan, progress)
        return self._running

    def status(
        self,
        root: Path | None = None,
        *,
        fetch: bool = False,
        selection: Selection = EVERYTHING,
        progress: Progress | None = None,
    ) -> Iterator[LocalRepo]:
        """Every clone below a folder, its work tree looked into.

        Args:
            root: where to look; None for the configured root.
            fetch: bring the refs of each clone up to date first; no work tree is touched. Without
                it no forge is talked to.
            selection: which clones; those that mgit did not make only where it is everything.
            progress: who watches.
        """
        kit = self._kit
        folder = self.root if root is None else root
        policy = self._policy(selection)
        tasks = [
            Task(clone.folder, partial(look_into, folder, clone, kit.tools.local))
            for clone in find_clones(folder, kit.tools, kit.driver.tick)
            if selection.everything or is_meant(clone, policy)
        ]
        yield from run_tasks(
            Phase.COMPARE,
            tasks,
            workers=kit.settings.concurrency,
            driver=kit.driver,
            progress=progress,
        )

    def run(
        self,
        argv: Sequence[str],
        selection: Selection = EVERYTHING,
        *,
        shell: bool = False,
        concurrency: int | None = None,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Ran]:
        """Run a command in every clone that mgit made and the selection means; asks no forge.

        It gets the person's environment without mgit's tokens, no input, and a process group of
        its own, which is ended with the run.

        Args:
            argv: the program and its arguments.
            selection: in which clones.
            shell: hand the words to `/bin/sh -c`.
            concurrency: how many at once; None for what the configuration says.
            timeout: seconds after which one command is ended; None for no limit.
            progress: who watches.
        """
        kit = self._kit
        policy = self._policy(selection)
        clones = [
            clone
            for clone in find_clones(self.root, kit.tools, kit.driver.tick)
            if clone.key is not None and is_meant(clone, policy)
        ]
        tokens = (source.token_env for source in kit.settings.sources)
        yield from run_everywhere(
            as_command(argv, shell=shell, timeout=timeout, without=tokens),
            clones,
            root=self.root,
            runner=kit.tools.local,
            workers=concurrency or kit.settings.concurrency,
            driver=kit.driver,
            progress=progress,
            clean=kit.clean,
        )

    def changes(
        self,
        selection: Selection = EVERYTHING,
        *,
        since: float | None = None,
        progress: Progress | None = None,
        remember: bool = True,
    ) -> Iterator[Change]:
        """What is different since last time, on the forges and in the clones.

        Args:
            selection: of which repositories.
            since: leave out what is known to have happened before (seconds since 1970).
            progress: who watches.
            remember: let the next call compare with what is there now.
        """
        raise NotImplementedError

    def close(self, *, interrupted: bool = False) -> None:
        """End the run; `open_fleet` calls it."""
        if self._running is not None:
            self._running.close()  # a no-op unless the caller left in the middle
        if self._began is None:
            return
        event = RunEnded(
            self.run_id,
            ExitCode.INTERRUPTED if interrupted else self.code,
            time.monotonic() - self._began,
            self._kit.tools.started,
            interrupted or self._kit.driver.stop.requested,
        )
        self._began = None
        self._tell(event)

    def _apply(self, plan: Plan, progress: Progress | None) -> Generator[Outcome, None, None]:
        from mgit.fleet.perform import Performer

        self._begin()
        kit = self._kit
        perform = Performer(self.root, kit.sources, kit.tools)
        with self._locked(plan):
            outcomes = Applier(perform, kit.clean).run(
                plan,
                workers=min(kit.settings.concurrency, MOST_GITS),
                driver=kit.driver,
                progress=progress,
            )
            with contextlib.closing(outcomes):
                for outcome in outcomes:
                    if outcome.result is Result.FAILED:
                        self._failed.append(outcome)
                    self._tell(Ended(self.run_id, outcome, self._source_name(outcome)))
                    yield outcome

    def _list(self, progress: Progress | None) -> tuple[Listing, ...]:
        self._begin()
        names = [source.name for source in self._kit.settings.sources]
        found: dict[str, Listing] = {}
        for answer in list_sources(names, self._kit.sources, self._kit.driver, progress):
            listing = self._cleaned(answer.listing)
            found[listing.source] = listing
            for repo in listing.repos:
                self._source_of.setdefault(repo.key, listing.source)
            if answer.source is not None and (credential := answer.source.credential) is not None:
                origin = str(credential.origin)
                self._tell(
                    CredentialFound(self.run_id, listing.source, origin, credential.found_in)
                )
            self._tell(Listed(self.run_id, listing, answer.seconds, answer.requests_left))
        listings = tuple(found[name] for name in names if name in found)
        self._problems = [one.failure for one in listings if one.failure is not None]
        return listings

    def _cleaned(self, listing: Listing) -> Listing:
        clean = self._kit.clean
        return replace(listing, problem=clean(listing.problem), advice=clean(listing.advice))

    def _policy(self, selection: Selection) -> SyncPolicy:
        settings = self._kit.settings
        return SyncPolicy(
            kind=settings.kind,
            layout=Layout(settings.layout),
            selection=selection,
            gone=settings.gone,
            sources={
                source.name: SourcePolicy(Selection.parse(source.include), source.kind)
                for source in settings.sources
                if source.include or source.kind
            },
        )

    def _source_name(self, outcome: Outcome) -> str:
        key = action_key(outcome.action)
        return "" if key is None else self._source_of.get(key, "")

    @contextlib.contextmanager
    def _locked(self, plan: Plan) -> Iterator[None]:
        """Hold the root while something is done to it; a plan that does nothing needs no lock."""
        tools = self._kit.tools
        if all(isinstance(action, Skip) for action in plan.actions):
            yield
        elif self._kit.lock is not None:
            tools.keep_open(self._kit.lock.descriptor)
            yield
        else:
            with RootLock(self.root) as lock:
                tools.keep_open(lock.descriptor)
                yield

    def _begin(self) -> None:
        if self._began is None:
            self._began = time.monotonic()
            names = tuple(source.name for source in self._kit.settings.sources)
            self._tell(RunStarted(self.run_id, str(self.root), names))

    def _tell(self, event: Event) -> None:
        for observer in self._kit.observers:
            observer(event)
