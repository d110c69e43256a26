"""Brings the refs of clones up to date without a listing: `mgit status --fetch`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mgit.errors import GitError, MgitError
from mgit.fleet.breaker import Breaker
from mgit.fleet.kit import Kit
from mgit.fleet.observe import look_into, with_worktree
from mgit.fleet.pacing import TRIES, Refused
from mgit.fleet.selecting import guard_of
from mgit.fleet.sources import Source, Sources
from mgit.fleet.tools import GitTools
from mgit.git.glance import glance, may_glance
from mgit.git.inspect import read_local
from mgit.git.runner import Interrupted
from mgit.model import (
    Action,
    Fetch,
    LocalRepo,
    LossGuard,
    Outcome,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
)
from mgit.plan.policy import SyncPolicy
from mgit.plan.sync import same_refs

Unreached = Callable[[LocalRepo, MgitError], None]
Look = Callable[[], Iterator[LocalRepo]]


@dataclass(frozen=True, slots=True)
class Refresher:
    """Looks at clones after it asked their upstreams.

    Args:
        root: folder of the clones.
        sources: whose credential belongs to which clone.
        tools: speak git.
        perform: fetches.
        unreached: told of every clone whose upstream did not answer, from any thread.
        breaker: ends the asking of hosts that never answer.
        guard: how much a fetch may take away from a repository.
    """

    root: Path
    sources: Sources
    tools: GitTools
    perform: Callable[[Action], Outcome]
    unreached: Unreached
    breaker: Breaker
    guard: Callable[[RepoKey], LossGuard]

    def task(self, clone: LocalRepo) -> Look:
        """The work on one clone; it raises `Later` while its host pauses."""
        refused: list[Refused] = []

        def work() -> Iterator[LocalRepo]:
            found = clone
            try:
                found = self._fetched(clone)
            except Interrupted:
                return
            except Refused as later:
                refused.append(later)
                if len(refused) < TRIES:
                    raise
                self.unreached(clone, later.error)
            except MgitError as error:
                self.unreached(clone, error)
            yield with_worktree(self.root, found, self.tools.local)

        return work

    def _fetched(self, clone: LocalRepo) -> LocalRepo:
        """The clone as it is when its refs are those of its upstream.

        Raises:
            MgitError: it is not.
            Later: its host pauses.
        """
        if clone.key is None or clone.url is None or clone.path is None or clone.broken:
            return clone
        asked = (clone.url.origin, clone.source)
        self.breaker.check(asked)
        url = clone.url

        def ask(source: Source) -> RefSnapshot:
            return self.tools.refs(source, url).ls_refs(url)

        try:
            upstream = self.sources.asking(clone.source, ask)
        except MgitError as error:
            self.breaker.failed(asked, error)
            raise
        self.breaker.succeeded(asked)
        if not upstream.refs or same_refs(upstream, clone.refs):
            return clone
        outcome = self.perform(_fetch(clone, upstream, self.guard(clone.key)))
        if outcome.loss is not None:
            raise GitError(outcome.message, advice=outcome.advice)
        return read_local(self.root, clone.folder, self.tools.local)


def refreshing(kit: Kit, root: Path, unreached: Unreached) -> Callable[[LocalRepo], Look]:
    """For each clone the work of asking its upstream and looking at it."""
    from mgit.fleet.perform import Performer

    performer = Performer(root, kit.sources, kit.tools)
    accepted = kit.state.held.acknowledged(root)
    policy = SyncPolicy(guard=guard_of(kit.settings), acknowledged=accepted)
    return Refresher(
        root, kit.sources, kit.tools, performer, unreached, Breaker(), policy.guard_of
    ).task


def looking(kit: Kit, root: Path) -> Callable[[LocalRepo], Look]:
    """For each clone the work of looking at it: without git where nothing is to be seen."""
    glances = may_glance(kit.tools.local, root)
    # A glance is a hundred short calls of the system: threads that hand the interpreter to each
    # other around every one of them cost more than twice what one after the other does.
    one_at_a_time = threading.Lock()

    def look(clone: LocalRepo) -> Iterator[LocalRepo]:
        tree = None
        if glances:
            with one_at_a_time:
                tree = glance(f"{root}/{clone.folder}", clone)
        if tree is not None:
            yield replace(clone, worktree=tree)
        else:
            yield from look_into(root, clone, kit.tools.local)

    def task(clone: LocalRepo) -> Look:
        return partial(look, clone)

    return task


def _fetch(clone: LocalRepo, upstream: RefSnapshot, guard: LossGuard) -> Fetch:
    assert clone.key is not None  # noqa: S101 - for the type checker: the caller looked
    assert clone.path is not None  # noqa: S101 - the same
    assert clone.url is not None  # noqa: S101 - the same
    repo = RemoteRepo(clone.key, clone.source, clone.path, clone.url)
    refs, options = clone.refs, clone.options
    return Fetch(repo, clone.folder, clone.kind, refs, None, upstream, options, guard)
