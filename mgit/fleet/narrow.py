"""A run that is about less than everything: what it looks at, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mgit.fleet.observe import find_clones
from mgit.fleet.tools import GitTools
from mgit.fleet.values import SyncRequest
from mgit.git.inspect import read_local
from mgit.git.session import Session
from mgit.model import Action, LocalRepo, Outcome, RepoKey, action_key
from mgit.telemetry.events import Ended, RunStarted


def clones_for(
    request: SyncRequest, root: Path, tools: GitTools, tick: Callable[[], None], *, listed: bool
) -> tuple[LocalRepo, ...]:
    """What is on disk; where no source is listed, only what the run is about."""
    if listed or not request.only:
        return find_clones(root, tools, tick)
    folders = {key: folder for some in request.only.values() for key, folder in some.items()}
    return _where_they_were(root, folders, tools)


def started(
    run_id: str, root: Path, sources: Iterable[str], request: SyncRequest, trace_id: str
) -> RunStarted:
    """That a run began."""
    names = tuple(name for name in sources if name not in request.resting)
    partly = frozenset(names if request.asleep else request.only)
    causes = tuple(dict.fromkeys(filter(None, (*request.asked, *request.causes.values()))))
    routine = bool(request.only) and not request.causes
    return RunStarted(run_id, str(root), names, partly, causes, routine, trace_id)


def answering(
    perform: Callable[[Action], Outcome], request: SyncRequest, session: Session
) -> Callable[[Action], Outcome]:
    """Does actions so that each git knows who had asked for it."""

    def work(action: Action) -> Outcome:
        with session.answering(_cause(action, request)):
            return perform(action)

    return work


def ended(run_id: str, outcome: Outcome, source: str, request: SyncRequest) -> Ended:
    """That an action ended, and who had asked for it."""
    return Ended(run_id, outcome, source, _cause(outcome.action, request))


def _cause(action: Action, request: SyncRequest) -> str:
    key = action_key(action)
    return "" if key is None else request.causes.get(key, "")


def _where_they_were(
    root: Path, folders: Mapping[RepoKey, str], tools: GitTools
) -> tuple[LocalRepo, ...]:
    """One that is not there any more is left out: the next whole run finds it."""
    found = ((key, read_local(root, folder, tools.local)) for key, folder in folders.items())
    return tuple(clone for key, clone in found if clone.key == key)
