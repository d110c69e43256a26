"""Observe: what the sources list, what each upstream holds, what is on disk."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

from mgit.errors import AuthenticationError, MalformedAnswer, MgitError, NotFound
from mgit.fleet.breaker import Breaker
from mgit.fleet.measuring import Meter, Spent
from mgit.fleet.pacing import TRIES, Refused
from mgit.fleet.phases import Task, complete, hasty, run_tasks
from mgit.fleet.pool import Driver
from mgit.fleet.sources import Source, Sources
from mgit.fleet.spans import spanned_listing
from mgit.fleet.tools import GitTools
from mgit.fleet.values import Phase, Progress
from mgit.git.inspect import inspect_worktree, scan
from mgit.git.runner import GitRunner
from mgit.model import (
    CopyKind,
    Listing,
    LocalRepo,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
)
from mgit.plan.sync import Unreadable, needs_worktree
from mgit.telemetry.tracing import UNTRACED, Tracer

# Asking for refs is waiting, not computing: 16 at once cost 0.2 ms of CPU each, and stay far below
# the 100 concurrent requests that GitHub allows.
ASKING_THREADS = 16
NEVER: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answer:
    """What one source said.

    Args:
        listing: never raises; a failure is its `problem`.
        source: the opened source, None when it could not be opened.
        seconds: wall time it took.
        requests_left: of the forge's allowance; None where it does not say.
        hints: the listing holds only what may have changed (see `mgit.fleet.recent`).
        expires: when the credential ends (aware), as far as somebody knows.
        requests_limit: the whole of that allowance; None where it does not say.
    """

    listing: Listing
    source: Source | None
    seconds: float
    requests_left: int | None = None
    hints: bool = False
    expires: datetime | None = None
    requests_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What is known about the clones of one repository.

    Args:
        key: its identity.
        upstream: its refs, or why they could not be read.
        local: its clones, looked into where a decision needs it.
    """

    key: RepoKey
    upstream: RefSnapshot | Unreadable
    local: tuple[LocalRepo, ...]


def list_sources(
    names: Sequence[str],
    sources: Sources,
    driver: Driver,
    progress: Progress | None,
    since: Mapping[str, float] = NEVER,
    tracer: Tracer = UNTRACED,
) -> Iterator[Answer]:
    """Ask every source side by side; one that fails does not keep the others from answering.

    Args:
        names: of the sources.
        sources: opens them.
        driver: ends it early.
        progress: who watches.
        since: sources that are asked only what changed after a moment (seconds since 1970), where
            they can tell.
        tracer: has a span for each.

    Raises:
        Interrupted: mgit was told to stop.
    """
    tasks = [Task(name, partial(_list, name, sources, since.get(name), tracer)) for name in names]
    answers = run_tasks(
        Phase.LIST, tasks, workers=ASKING_THREADS, driver=hasty(driver), progress=progress
    )
    for answer in answers:
        # After a stop the connections are shut; that is no problem of the source.
        if not (driver.stop.requested and answer.listing.problem):
            yield answer
    complete(driver)


def _list(name: str, sources: Sources, since: float | None, tracer: Tracer) -> Iterator[Answer]:
    with spanned_listing(tracer, name) as told:
        answer = _answer(name, sources, since)
        told(answer.listing, answer.source)
    yield answer


def _answer(name: str, sources: Sources, since: float | None) -> Answer:
    began = time.monotonic()
    source: Source | None = None
    hints: Listing | None = None
    try:
        source = sources.open(name)
        listing, hints = sources.asking(name, partial(_ask_source, since=since), told=True)
        source = sources.open(name)  # with the credential that was taken
    except MgitError as error:
        listing = Listing(
            name,
            (),
            complete=False,
            problem=error.message,
            advice=error.advice,
            exit_code=int(error.exit_code),
            malformed=int(isinstance(error, MalformedAnswer)),
        )
    left, limit = _allowance(source)
    return Answer(
        listing,
        source,
        time.monotonic() - began,
        left,
        hints is not None,
        None if source is None else expires(source, ask=not listing.problem),
        limit,
    )


def _ask_source(source: Source, since: float | None) -> tuple[Listing, Listing | None]:
    """The listing, and the same once more where it is hints only."""
    hints: Listing | None = None
    if since is not None:
        from mgit.fleet.recent import ask_recent

        hints = ask_recent(source.name, source.forge, since)
    return hints or source.forge.list_repos(), hints


def expires(source: Source, *, ask: bool) -> datetime | None:
    """When its credential ends: as its forge says, else as a person wrote it down.

    Args:
        source: an opened source.
        ask: whether the forge may be asked.
    """
    from mgit.forges import TellsExpiry

    told: datetime | None = None
    if source.credential is None:
        return None
    if ask and isinstance(source.forge, TellsExpiry):
        with suppress(MgitError):
            told = source.forge.credential_expires()
    return told or source.settings.token_expires


def _allowance(source: Source | None) -> tuple[int | None, int | None]:
    """What is left of a forge's allowance, and the whole of it."""
    from mgit.forges import TellsRateLimit

    if source is None or not isinstance(source.forge, TellsRateLimit):
        return None, None
    limit = source.forge.rate_limit
    return (None, None) if limit is None else (limit.remaining, limit.limit)


def find_clones(root: Path, tools: GitTools, tick: Callable[[], None]) -> tuple[LocalRepo, ...]:
    """Every repository below the root, read from disk; `tick` is called for each."""
    found: list[LocalRepo] = []
    for clone in scan(root, tools.local):
        tick()
        found.append(clone)
    return tuple(found)


def compare(
    repos: Iterable[RemoteRepo],
    local: Sequence[LocalRepo],
    *,
    root: Path,
    sources: Sources,
    tools: GitTools,
    git_workers: int,
    driver: Driver,
    progress: Progress | None,
    meter: Meter,
) -> tuple[Compared, ...]:
    """Ask the upstream of every repository that has a clone; look into work trees that may move.

    A repository without a clone is not asked: cloning it asks anyway. A wiki is: forges do not
    say whether there is one.

    Raises:
        Interrupted: mgit was told to stop.
    """
    clones = _by_key(local)
    gits = threading.Semaphore(git_workers)
    looker = _Looker(root, sources, tools, Breaker(), gits, Counter(), meter)
    tasks = [
        Task(str(repo.path), partial(looker.look, repo, clones.get(repo.key, ())))
        for repo in {repo.key: repo for repo in repos}.values()
        if (repo.key in clones or repo.wiki_of is not None) and repo.unavailable is None
    ]
    found = tuple(
        run_tasks(
            Phase.COMPARE, tasks, workers=ASKING_THREADS, driver=hasty(driver), progress=progress
        )
    )
    complete(driver)
    return found


@dataclass(frozen=True, slots=True)
class _Looker:
    root: Path
    sources: Sources
    tools: GitTools
    breaker: Breaker
    gits: threading.Semaphore
    refused: Counter[RepoKey]
    meter: Meter

    def look(self, repo: RemoteRepo, clones: tuple[LocalRepo, ...]) -> Iterator[Compared]:
        upstream = self._ask(repo)
        if not isinstance(upstream, Unreadable):
            # Ten thousand repositories: what is the same is kept once.
            upstream = next((one.refs for one in clones if one.refs == upstream), upstream)
            clones = tuple(self._into(upstream, clone) for clone in clones)
        yield Compared(repo.key, upstream, clones)

    def _ask(self, repo: RemoteRepo) -> RefSnapshot | Unreadable:
        """What its upstream holds.

        Raises:
            Later: its host pauses; everybody else's repositories go first.
        """
        asked = (repo.url.origin, repo.source)
        try:
            self.breaker.check(asked)
            with self.meter.timed(Spent.ASKING):
                snapshot = self._ls_refs(repo)
        except Refused as refused:
            self.refused[repo.key] += 1
            if self.refused[repo.key] < TRIES:
                raise
            return Unreadable(refused.error.message, Reason.UNREACHABLE)
        except NotFound as error:
            reason = Reason.UNREACHABLE if repo.wiki_of is None else Reason.NO_WIKI
            return Unreadable(error.message, reason)
        except AuthenticationError as error:
            if repo.wiki_of is None:  # some forges hide a wiki that is not there
                self.breaker.failed(asked, error)
            return Unreadable(error.message, Reason.REFUSED)
        except MgitError as error:
            self.breaker.failed(asked, error)
            return Unreadable(error.message, Reason.UNREACHABLE)
        self.breaker.succeeded(asked)
        return snapshot

    def _ls_refs(self, repo: RemoteRepo) -> RefSnapshot:
        def ask(source: Source) -> RefSnapshot:
            return self.tools.refs(source, repo.url).ls_refs(repo.url)

        if repo.wiki_of is not None:  # some forges refuse a wiki that is not there
            return ask(self.sources.open(repo.source))
        return self.sources.asking(repo.source, ask)

    def _into(self, upstream: RefSnapshot, clone: LocalRepo) -> LocalRepo:
        if not needs_worktree(upstream, clone):
            return clone
        with self.meter.timed(Spent.QUEUED):
            self.gits.acquire()
        try:
            return with_worktree(self.root, clone, self.tools.local)
        finally:
            self.gits.release()


def look_into_gone(
    clones: Iterable[LocalRepo], *, root: Path, tools: GitTools, workers: int, driver: Driver
) -> dict[str, LocalRepo]:
    """Clones that may be deleted, by folder, with the state of their work trees.

    Raises:
        Interrupted: mgit was told to stop.
    """
    tasks = [Task(one.folder, partial(look_into, root, one, tools.local)) for one in clones]
    if not tasks:
        return {}
    found = run_tasks(Phase.COMPARE, tasks, workers=workers, driver=driver, progress=None)
    looked = {clone.folder: clone for clone in found}
    complete(driver)
    return looked


def look_into(root: Path, clone: LocalRepo, runner: GitRunner) -> Iterator[LocalRepo]:
    """`with_worktree` as a task."""
    yield with_worktree(root, clone, runner)


def with_worktree(root: Path, clone: LocalRepo, runner: GitRunner) -> LocalRepo:
    """The clone with the state of its work tree; one that git cannot read counts as broken."""
    if clone.kind is CopyKind.MIRROR or clone.broken:
        return clone
    try:
        return replace(clone, worktree=inspect_worktree(runner, root / clone.folder))
    except MgitError as error:
        return replace(clone, broken=error.message)


def _by_key(local: Iterable[LocalRepo]) -> Mapping[RepoKey, tuple[LocalRepo, ...]]:
    found: dict[RepoKey, tuple[LocalRepo, ...]] = {}
    for clone in local:
        if clone.key is not None:
            found[clone.key] = (*found.get(clone.key, ()), clone)
    return found
