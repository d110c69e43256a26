"""`Fleet`: the sources, the clones on disk, and what leads from the one to the other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mgit.errors import ExitCode, MgitError
from mgit.fleet.apply import Applier
from mgit.fleet.changes import told_of_clones, told_of_forges
from mgit.fleet.kit import Kit, locked, remembered_under
from mgit.fleet.listing import Lister, told_of
from mgit.fleet.meaning import meant_clones
from mgit.fleet.narrow import answering, ended, started
from mgit.fleet.phases import Task, run_tasks
from mgit.fleet.planning import make_plan
from mgit.fleet.refresh import looking, refreshing
from mgit.fleet.running import as_command, run_meant
from mgit.fleet.selecting import policy_of, unsaid
from mgit.fleet.sources import Source
from mgit.fleet.values import Change, Phase, Progress, Ran, SyncRequest, exit_code
from mgit.model import (
    Listing,
    LocalRepo,
    Outcome,
    Plan,
    RemoteRepo,
    RepoKey,
    Result,
    Skip,
    SourceProblem,
)
from mgit.plan.policy import SyncPolicy
from mgit.plan.select import Selection
from mgit.state import HeldRepo
from mgit.telemetry.events import Event, Planned, RunEnded, Scrubbed

EVERYTHING = Selection()
NO_REQUEST = SyncRequest()
MOST_GITS = 64
"""GitHub allows 100 connections of one account at a time, whatever a person configures."""


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
        self._running: Generator[Outcome, None, None] | None = None
        self._whole = self._applied = False
        self._asleep = 0
        self._lister = Lister(run_id, kit, self._tell)
        self._notices: list[str] = []
        self._unfetched: dict[str, str] = {}
        self._request = NO_REQUEST

    @property
    def root(self) -> Path:
        """Folder of the clones."""
        return self._kit.settings.root

    @property
    def code(self) -> ExitCode:
        """What the run returns, as far as it has come."""
        return exit_code(self._problems, self._failed)

    def code_of(self, source: str) -> ExitCode:
        """The same for one source alone."""
        return exit_code(
            (problem for problem in self._problems if problem.source == source),
            (one for one in self._failed if self._lister.source_of(one) == source),
        )

    @property
    def problems(self) -> tuple[SourceProblem, ...]:
        """Sources that could not be listed whole, and upstreams that did not answer."""
        return tuple(self._problems)

    @property
    def notices(self) -> tuple[str, ...]:
        """What else a person should know, one line each."""
        return (*self._lister.notices, *self._notices)

    @property
    def held(self) -> Mapping[RepoKey, HeldRepo]:
        """What is held since its upstream took something away, as of the last run."""
        return self._kit.state.held.all(self.root)

    @property
    def unfetched(self) -> Mapping[str, str]:
        """Folders of clones whose upstream did not answer `status`, and why."""
        return dict(self._unfetched)

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
        policy = policy_of(self._kit.settings, selection)
        return tuple(
            replace(one, repos=tuple(self._wanted(one.repos, policy)))
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
        self._request = request
        listings = self._list(progress, recent=request.recent)
        began = time.monotonic()
        with kit.meter.phase("comparing"), kit.tracer.span("compare"):
            accepted = kit.state.held.acknowledged(self.root)
            policy = policy_of(kit.settings, selection, request, acknowledged=accepted)
            plan, self._asleep = make_plan(
                kit, self._lister, listings, policy, self._wanted, request, progress
            )
        self._whole = selection.everything
        self._problems = list(plan.problems)
        self._tell(Planned(self.run_id, plan, time.monotonic() - began, self._asleep))
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
            fetch: bring the refs of each clone up to date first; no work tree is touched. A clone
                whose upstream does not answer is looked at as it is (see `unfetched` and `code`).
                Without it no forge is talked to.
            selection: which clones; those that mgit did not make only where it is everything.
            progress: who watches.

        Raises:
            Busy: another mgit works on the root, and `fetch` is wanted.
        """
        kit = self._kit
        folder = self.root if root is None else root
        clones = meant_clones(kit, folder, selection)
        look = refreshing(kit, folder, self._unreached) if fetch else looking(kit, folder)
        with locked(self._kit) if fetch and clones else contextlib.nullcontext():
            yield from run_tasks(
                Phase.COMPARE,
                [Task(clone.folder, look(clone)) for clone in clones],
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
        tokens = (source.token_env for source in self._kit.settings.sources)
        # The line that the person gave to --shell.
        command = as_command(argv, shell=shell, timeout=timeout, without=tokens)  # nosec B604
        yield from run_meant(
            self._kit, command, selection, concurrency=concurrency, progress=progress
        )

    def scrub(
        self, selection: Selection = EVERYTHING, *, everything: bool = False, rate: int = 0
    ) -> Iterator[Scrubbed]:
        """Read clones whole, to find bit rot: see `scrub_meant`."""
        from mgit.fleet.scrubbing import scrub_meant

        for one in scrub_meant(self._kit, selection, everything=everything, rate=rate):
            self._tell(one)
            yield one

    def changes(
        self,
        selection: Selection = EVERYTHING,
        *,
        since: float | None = None,
        progress: Progress | None = None,
        remember: bool = True,
        where: Literal["remote", "local"] | None = None,
    ) -> Iterator[Change]:
        """What is different since last time, on the forges and in the clones.

        The first time there is nothing to compare with; `notices` says so. A repository is gone
        only where its source was listed whole.

        Args:
            selection: of which repositories.
            since: tell of every push after this moment (seconds since 1970), and of none before.
            progress: who watches.
            remember: let the next call compare with what is there now; done when all was told.
            where: only on the forges, or only in the clones; None for both.

        Raises:
            Interrupted: mgit was told to stop.
        """
        policy = policy_of(self._kit.settings, selection)
        if where != "local":
            listings = self._list(progress)
            yield from told_of_forges(
                self._kit,
                listings,
                policy,
                since=since,
                remember=remember,
                note=self._notices.append,
            )
        if where != "remote":
            yield from told_of_clones(self._kit, selection, remember=remember)

    def close(self, *, interrupted: bool = False) -> None:
        """End the run; `open_fleet` calls it."""
        if self._running is not None:
            self._running.close()  # a no-op unless the caller left in the middle
        if self._began is None:
            return
        if not interrupted and not self._kit.driver.stop.requested:
            self._remember_complete()
        total, tools = time.monotonic() - self._began, self._kit.tools
        event = RunEnded(
            self.run_id,
            ExitCode.INTERRUPTED if interrupted else self.code,
            total,
            tools.started,
            interrupted or self._kit.driver.stop.requested,
            self._kit.meter.measures(
                total=total,
                git=tools.busy,
                gits=tools.started,
                workers=min(self._kit.settings.concurrency, MOST_GITS),
            ),
        )
        self._began = None
        self._tell(event)

    def _wanted(self, repos: Iterable[RemoteRepo], policy: SyncPolicy) -> Sequence[RemoteRepo]:
        wanted = [repo for repo in repos if policy.wants(repo)]
        self._notices.extend(unsaid(wanted, policy))
        return wanted

    def _apply(self, plan: Plan, progress: Progress | None) -> Generator[Outcome, None, None]:
        from mgit.fleet.perform import Performer

        self._begin()
        kit = self._kit
        performer = Performer(self.root, kit.sources, kit.tools)
        perform = answering(performer, self._request, kit.tools.session)
        idle = all(isinstance(action, Skip) for action in plan.actions)
        with (
            kit.meter.phase("applying"),
            contextlib.nullcontext() if idle else locked(kit),
        ):
            outcomes = Applier(perform, kit.clean, tracer=kit.tracer).run(
                plan,
                workers=min(kit.settings.concurrency, MOST_GITS),
                driver=kit.driver,
                progress=progress,
            )
            with contextlib.closing(outcomes):
                for outcome in outcomes:
                    if outcome.result is Result.FAILED:
                        self._failed.append(outcome)
                        self._lister.failed(outcome)
                    source = self._lister.source_of(outcome)
                    self._tell(ended(self.run_id, outcome, source, self._request))
                    yield outcome
        self._applied = True

    def _list(self, progress: Progress | None, *, recent: bool = False) -> tuple[Listing, ...]:
        self._begin()
        request = self._request
        with self._kit.meter.phase("listing"):
            listings = self._lister.ask(
                progress, recent=recent, resting=request.resting, only=request.only
            )
        self._problems = [one.failure for one in listings if one.failure is not None]
        return listings

    def _remember_complete(self) -> None:
        """Note which sources have all of their clones current; a quick pass begins there."""
        if self._whole and self._applied and not self._request.asleep:
            complete = self._lister.complete
            place = remembered_under(self._kit.settings)
            self._kit.state.remembered.store_complete(place, complete)

    def _note(self, words: str) -> None:
        self._notices.append(words)

    def _unreached(self, clone: LocalRepo, error: MgitError) -> None:
        """Note that a clone's upstream did not answer. Called from any thread."""
        message = self._kit.clean(error.message)
        self._unfetched[clone.folder] = message
        self._problems.append(
            SourceProblem(clone.source, message, error.advice, int(error.exit_code))
        )

    def _begin(self) -> None:
        if self._began is None:
            self._began = time.monotonic()
            sources = (source.name for source in self._kit.settings.sources)
            trace_id = self._kit.tracer.ids.trace_id
            self._tell(started(self.run_id, self.root, sources, self._request, trace_id))

    def _tell(self, event: Event) -> None:
        told = (told_of(self.run_id, news) for news in self._kit.sources.news())
        for one in (*told, event):
            for observer in self._kit.observers:
                observer(one)
