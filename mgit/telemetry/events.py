"""The one stream that logs, metrics, audit and state read.

A closed union: an observer matches every case and ends with `assert_never`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mgit.errors import ExitCode
from mgit.model import Listing, Measures, Outcome, Plan, RepoKey

_UNMEASURED = Measures()


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began to observe.

    Args:
        run_id: stands on every line, record and row that the run leaves.
        root: folder of the clones.
        sources: names of the sources it asks.
        partly: those of them of which not all repositories are looked after.
        causes: ids of the requests (webhooks) that it answers; empty for one that was due.
        routine: it only asks some repositories whose time has come, as happens every minute: worth
            no word unless something comes of it.
        trace_id: the trace that tells of it; empty without tracing.
    """

    run_id: str
    root: str
    sources: tuple[str, ...]
    partly: frozenset[str] = frozenset()
    causes: tuple[str, ...] = ()
    routine: bool = False
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class CredentialFound:
    """A credential was found for a source; it says where, never what.

    Args:
        run_id: see `RunStarted`.
        source: name of the source.
        origin: scheme, host and port that it belongs to.
        found_in: `token file …`, `keyring`, …
        expires_at: when it ends (seconds since 1970); None where nobody says so.
        expiring: it ended, or ends so soon that a person should be told.
        rotated: it took the place of one that was refused in the middle of the run.
    """

    run_id: str
    source: str
    origin: str
    found_in: str
    expires_at: float | None = None
    expiring: bool = False
    rotated: bool = False


@dataclass(frozen=True, slots=True)
class CredentialRejected:
    """A credential was refused in the middle of a run, and none has taken its place.

    Nothing more is asked with it in this run.

    Args:
        run_id: see `RunStarted`.
        source: name of the source.
        origin: scheme, host and port that it belongs to.
        found_in: see `CredentialFound`.
        message: what the forge said, one line.
        advice: what a person can do.
    """

    run_id: str
    source: str
    origin: str
    found_in: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A source answered, or failed to.

    Args:
        run_id: see `RunStarted`.
        listing: what it answered; `listing.failure` says what went wrong.
        seconds: wall time it took.
        requests_left: of the forge's allowance; None where it does not say.
        elsewhere: what of the listing other shards keep; nothing is said about it.
        requests_limit: the whole of that allowance; None where it does not say.
    """

    run_id: str
    listing: Listing
    seconds: float
    requests_left: int | None = None
    elsewhere: frozenset[RepoKey] = frozenset()
    requests_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """All was compared.

    Args:
        run_id: see `RunStarted`.
        plan: what is about to be done.
        seconds: wall time since the listings were there.
        asleep: how many repositories are left as they are: they were asked a while ago.
    """

    run_id: str
    plan: Plan
    seconds: float
    asleep: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """One action ended.

    Args:
        run_id: see `RunStarted`.
        outcome: how.
        source: the source that listed the repository, empty for what no source lists.
        cause: id of the request (webhook) that asked for it; empty for what was due.
    """

    run_id: str
    outcome: Outcome
    source: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over.

    Args:
        run_id: see `RunStarted`.
        code: what it returns.
        seconds: wall time of the whole run.
        git_processes: how many git processes it started.
        interrupted: it was told to stop before it was done.
        measures: where its time went.
    """

    run_id: str
    code: ExitCode
    seconds: float
    git_processes: int
    interrupted: bool = False
    measures: Measures = _UNMEASURED


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A clone was read whole, in the search for bit rot.

    Args:
        run_id: empty where the service did it between two runs.
        name: path of the repository, or the folder.
        folder: of the clone.
        source: the source that listed it.
        key: its identity.
        bytes: how much was read.
        damage: what is wrong with it, empty when nothing is.
        at: when, in seconds since 1970.
    """

    run_id: str
    name: str
    folder: str
    source: str
    key: RepoKey
    bytes: int
    damage: str
    at: float


Event = (
    RunStarted
    | CredentialFound
    | CredentialRejected
    | Listed
    | Planned
    | Ended
    | RunEnded
    | Scrubbed
)

Observer = Callable[[Event], None]
"""Receives every event, one at a time, in the thread that drives the run."""
