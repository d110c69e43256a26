"""The status document: what the service knows and the state database does not.

The service writes it into shared memory, the web helper reads it there. It is as long as there are
sources, not repositories.
"""

from __future__ import annotations

import msgspec


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A source as the service sees it. Times are in seconds since 1970.

    Args:
        name: `[sources.NAME]`.
        forge: which kind of forge.
        interval: seconds between two passes.
        longest: seconds for which a quiet repository may go unasked; the interval, by default.
        due_at: when it is its turn, None when that is not known yet.
        failures: how many passes in a row did not reach it.
        up: whether the last listing was whole; None before the first.
        listed_at: when it was last listed whole, None for never.
        repos: how many repositories it listed then.
        problem: why the last listing was not whole, empty if it was.
        advice: what to do about that, may be empty.
        requests_left: of the forge's allowance, None where it does not say.
    """

    name: str
    forge: str
    interval: float
    longest: float
    due_at: float | None = None
    failures: int = 0
    up: bool | None = None
    listed_at: float | None = None
    repos: int = 0
    problem: str = ""
    advice: str = ""
    requests_left: int | None = None

    @property
    def stale_after(self) -> float:
        """Seconds after which a repository of it is stale: it has missed two turns by then."""
        return self.longest + 2 * self.interval


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The run that is under way.

    Args:
        run_id: its id.
        sources: which it is about.
        started_at: when it began, in seconds since 1970.
        planned: how many actions, None as long as it observes.
        done: how many of them have ended.
        failed: how many of these failed.
    """

    run_id: str
    sources: tuple[str, ...]
    started_at: float
    planned: int | None = None
    done: int = 0
    failed: int = 0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the service is.

    Args:
        version: of mgit.
        started_at: when the service started, in seconds since 1970.
        root: folder of the clones.
        shard: which part of the repositories, empty for all.
        sources: all that are configured, in the order of the file.
        running: the run that is under way, None between runs.
        storage_free_bytes: room for clones, None when that is not known.
    """

    version: str
    started_at: float
    root: str
    shard: str = ""
    sources: tuple[SourceStatus, ...] = ()
    running: Running | None = None
    storage_free_bytes: int | None = None
