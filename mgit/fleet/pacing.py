"""Keeps every thread of a run to what each host allows each credential."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from mgit.address import Origin
from mgit.credentials import Credential, CredentialBook
from mgit.errors import MgitError, NetworkError, RateLimited
from mgit.fleet.pool import Later
from mgit.forges.budget import Budget, Lane, Limits, Pause
from mgit.forges.limits import LEAST_WAIT
from mgit.state import State, StoredPause
from mgit.transport import Response, Transport

_REFUSED = re.compile(r"returned error: (429|503)\b")
TRIES = 3
"""So often one repository may be met with a refusal before it is given up for this run."""


class Refused(Later):
    """A host refused to answer and did not say until when: it may be this repository alone.

    Args:
        seconds: until it may be asked again.
        error: what to report where nobody waits any more.
    """

    def __init__(self, seconds: float, error: MgitError) -> None:
        super().__init__(seconds)
        self.error = error


class Budgets:
    """One `Budget` for each (host, credential); lives as long as the parts of mgit do.

    Args:
        state: keeps pauses between runs.
        tell: told of every pause, from any thread.
        limits: how patient a run is.
    """

    def __init__(
        self,
        state: State,
        *,
        tell: Callable[[Pause], None] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._state = state
        self._tell = tell
        self._limits = limits
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Budget] = {}

    def of(self, origin: Origin, credential: Credential | None) -> Budget:
        """The budget that all who ask this host with this credential share."""
        secret = "" if credential is None else credential.secret.reveal()
        name = (str(origin), self._state.pauses.credential_name(secret))
        with self._lock:
            budget = self._known.get(name)
            if budget is None:
                memory = _Memory(self._state, *name)
                budget = Budget(
                    origin.authority, limits=self._limits, memory=memory, tell=self._tell
                )
                self._known[name] = budget
            return budget

    def begin_run(self) -> None:
        """A new run has all of its patience."""
        with self._lock:
            budgets = tuple(self._known.values())
        for budget in budgets:
            budget.begin_run()


@dataclass(frozen=True, slots=True)
class _Memory:
    """`mgit.forges.budget.Memory` over the state."""

    state: State
    host: str
    credential: str

    def load(self) -> Pause | None:
        kept = self.state.pauses.load(self.host, self.credential)
        if kept is None:
            return None
        lane = Lane(kept.lane) if kept.lane in {one.value for one in Lane} else None
        return Pause(self.host, kept.seconds, kept.why, lane)

    def store(self, pause: Pause) -> None:
        lane = "" if pause.lane is None else pause.lane.value
        self.state.pauses.store(
            self.host, self.credential, StoredPause(pause.seconds, pause.why, lane)
        )


class PacedTransport:
    """`mgit.git.refs.Asks` that raises `Later` where a host wants a pause.

    Args:
        transport: carries the requests.
        budgets: whom to ask.
        book: which credential is sent where.
    """

    def __init__(self, transport: Transport, budgets: Budgets, book: CredentialBook) -> None:
        self._transport = transport
        self._budgets = budgets
        self._book = book
        self._known: dict[Origin, Budget] = {}

    def request(
        self,
        method: str,
        origin: Origin,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        idempotent: bool | None = None,
    ) -> Response:
        """See `Transport.request`.

        Raises:
            Later: the host pauses, or does now in place of an answer (`Refused`).
            RateLimited: it pauses for longer than this run waits.
        """
        budget = self._known.get(origin)
        if budget is None:
            budget = self._budgets.of(origin, self._book.for_origin(origin))
            self._known[origin] = budget
        wait = budget.admit(Lane.GIT)
        if wait > 0:
            raise Later(wait)
        try:
            response = self._transport.request(
                method, origin, target, headers=headers, body=body, idempotent=idempotent
            )
            pause = budget.note(response, Lane.GIT)
        finally:
            budget.leave()
        if pause is not None:
            raise _refused(budget, pause)
        return response


@contextmanager
def turn(budget: Budget) -> Iterator[None]:
    """For a git that talks to a host: waits for its turn by `Later`, and learns from how it ends.

    Raises:
        Later: the host pauses (`Refused`: git was told so).
        RateLimited: it pauses for longer than this run waits.
    """
    wait = budget.admit(Lane.GIT)
    if wait > 0:
        raise Later(wait)
    try:
        yield
        budget.answered()
    except NetworkError as error:
        told = _REFUSED.search(error.message)
        if told is None:
            raise
        seconds = LEAST_WAIT if told[1] == "429" else None
        pause = budget.refused(seconds, f"{budget.host} answered {told[1]}")
        raise _refused(budget, pause) from error
    finally:
        budget.leave()


def _refused(budget: Budget, pause: Pause) -> Later:
    """What to raise after a refusal.

    Raises:
        RateLimited: the pause is longer than this run waits.
    """
    left = max(budget.check(Lane.GIT), 0.01)
    if not pause.guessed:
        return Later(left)
    error = RateLimited(
        f"{pause.why} again and again", retry_after=left, advice="run mgit again later"
    )
    return Refused(left, error)
