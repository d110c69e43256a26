"""What a fleet works with, and what it wants."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mgit.config.settings import Settings
from mgit.fleet.measuring import Meter
from mgit.fleet.pool import Driver
from mgit.fleet.sources import Sources
from mgit.fleet.tools import GitTools
from mgit.git.lock import RootLock
from mgit.plan.layout import RESERVED
from mgit.state import State
from mgit.telemetry.events import Observer
from mgit.telemetry.tracing import Tracer


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
        state: the memory between runs.
        meter: adds up where the time goes.
        tracer: makes spans.
        lock: the root lock when the caller holds it already; None to take it while applying.
    """

    settings: Settings
    sources: Sources
    tools: GitTools
    driver: Driver
    observers: tuple[Observer, ...]
    clean: Callable[[str], str]
    state: State
    meter: Meter
    tracer: Tracer
    lock: RootLock | None


@contextlib.contextmanager
def locked(kit: Kit) -> Iterator[None]:
    """Hold the root while something is done to it.

    Raises:
        Busy: another mgit works there.
    """
    if kit.lock is not None:
        kit.tools.keep_open(kit.lock.descriptor)
        yield
    else:
        with RootLock(kit.settings.root) as lock:
            kit.tools.keep_open(lock.descriptor)
            yield


def remembered_under(settings: Settings) -> Path:
    """What completeness and due times are remembered for: a root, and a shard of it.

    After another division into shards nothing is known to be complete, and all is due.
    """
    shard = settings.serve.shard
    if shard is None:
        return settings.root
    return settings.root / RESERVED / f"shard-{shard.index}-of-{shard.count}"


def wants_wikis(settings: Settings, source: str) -> bool:
    """Whether the wikis of a source's repositories are kept too."""
    own = settings.source(source).wikis
    return settings.wikis if own is None else own
