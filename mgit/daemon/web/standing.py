"""Keeps the status document: an onlooker of the loop."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import assert_never

import msgspec
from msgspec.structs import replace

from mgit.config.pace import pace_of
from mgit.config.settings import Settings
from mgit.daemon.onlooker import Onlooker
from mgit.daemon.schedule import KeptTurn
from mgit.daemon.web.status import Running, SourceStatus, Status
from mgit.model import Listing, Result
from mgit.telemetry.events import (
    CredentialFound,
    CredentialRejected,
    Ended,
    Event,
    Listed,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)
from mgit.version import __version__

EVERY_SECONDS = 1.0
_STORAGE_SECONDS = 30.0


class Standing:
    """Follows the loop and publishes what changes, at most once a second; of one thread.

    Args:
        settings: say which sources there are.
        publish: gets the document as JSON.
        clock: monotonic seconds.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        publish: Callable[[bytes], object],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._root = settings.root
        self._publish = publish
        self._clock = clock
        self._wall = wall
        self._sources = {
            one.name: SourceStatus(
                name=one.name,
                forge=one.forge,
                interval=pace.interval,
                longest=pace.longest,
            )
            for one in settings.sources
            for pace in (pace_of(settings.serve, one),)
        }
        self._status = Status(
            version=__version__,
            started_at=wall(),
            root=str(settings.root),
            shard=str(settings.serve.shard or ""),
        )
        self._running: Running | None = None
        self._looked = clock()
        self._status = replace(self._status, storage_free_bytes=_free(self._root))
        self.now()

    def onlooker(self) -> Onlooker:
        """It as the loop takes it."""
        return Onlooker(self.observe, self.tick, self.turns)

    def observe(self, event: Event) -> None:
        """Follow a run."""
        self._changed = True
        match event:
            case RunStarted(run_id=run_id, sources=sources):
                self._running = Running(run_id=run_id, sources=sources, started_at=self._wall())
                self.now()
            case CredentialFound() | CredentialRejected() | Scrubbed():
                pass
            case Listed(listing=listing, requests_left=left, elsewhere=elsewhere):
                self._listed(listing, left, len(listing.repos) - len(elsewhere))
            case Planned(plan=plan):
                self._run(planned=len(plan.actions))
            case Ended(outcome=outcome):
                running = self._running
                if running is not None:
                    failed = running.failed + (outcome.result is Result.FAILED)
                    self._run(done=running.done + 1, failed=failed)
            case RunEnded():
                self._running = None
                self.now()
            case _:
                assert_never(event)

    def turns(self, turns: Mapping[str, KeptTurn]) -> None:
        """Note when each source is due."""
        for name, turn in turns.items():
            if name in self._sources:
                self._sources[name] = replace(
                    self._sources[name], due_at=turn.due_at, failures=turn.failures
                )
        self.now()

    def tick(self) -> None:
        """Publish what has changed, unless that was done within the last second."""
        now = self._clock()
        if now - self._looked >= _STORAGE_SECONDS:
            self._looked = now
            self._status = replace(self._status, storage_free_bytes=_free(self._root))
            self._changed = True
        if self._changed and now - self._published >= EVERY_SECONDS:
            self.now()

    def now(self) -> None:
        """Publish."""
        sources = tuple(self._sources.values())
        document = replace(self._status, sources=sources, running=self._running)
        self._publish(msgspec.json.encode(document))
        self._published = self._clock()
        self._changed = False

    def _run(self, **changes: int) -> None:
        if self._running is not None:
            self._running = replace(self._running, **changes)

    def _listed(self, listing: Listing, left: int | None, count: int) -> None:
        known = self._sources.get(listing.source)
        if known is None:
            return
        problem = listing.failure
        known = replace(
            known,
            problem=problem.message if problem else "",
            advice=problem.advice if problem else "",
            requests_left=known.requests_left if left is None else left,
        )
        # A quick pass lists only what changed; it says nothing about the source as a whole.
        if listing.complete:
            known = replace(known, up=problem is None, listed_at=self._wall(), repos=count)
        elif problem is not None:
            known = replace(known, up=False)
        self._sources[listing.source] = known


def _free(root: Path) -> int | None:
    try:
        return shutil.disk_usage(root).free
    except OSError:
        return None
