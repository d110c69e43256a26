"""What one host allows one credential: the pauses it asked for, kept by everybody who asks it.

A forge counts requests by account or by address, whoever of our threads and sources sends them.
So all of them share one `Budget`, and when the forge asks one of them for a pause, all wait. When
the pause is over, one request goes first; the others follow when it was answered well. That keeps
a storm from growing: a host that answers 429 gets one request for each pause, not one for each
repository.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mgit.errors import RateLimited
from mgit.forges.limits import (
    LEAST_WAIT,
    asked_to_slow_down,
    is_rate_limit,
    wait_asked_for,
    wait_when_empty,
)
from mgit.transport import Response

AT_ONCE = 16
"""Requests and gits that one host sees at the same time; GitHub allows 100 in all."""
LONGEST_KEPT = 86400.0
"""A pause of more than a day is a mistake of somebody's clock."""
_FIRST_BACKOFF = 1.0
_PROBE_SECONDS = 30.0
_FULL = 0.05
_TURN = 0.2


class Lane(Enum):
    """Forges count calls of the API and git's own requests apart."""

    API = "api"
    GIT = "git"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that a host asked for.

    Args:
        host: its authority.
        seconds: how long from now.
        why: one line for a person.
        lane: what it is about; None for everything.
        guessed: the host did not say how long; it may be in trouble with one repository only.
    """

    host: str
    seconds: float
    why: str
    lane: Lane | None = None
    guessed: bool = False


class Memory(Protocol):
    """Keeps pauses between runs; losing one costs a refused request."""

    def load(self) -> Pause | None:
        """What is left of the last pause, None for nothing."""

    def store(self, pause: Pause) -> None:
        """Keep a pause that begins now."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one run waits for a host.

    Args:
        longest: seconds that one pause may last; a longer one ends the asking for this run.
        total: seconds of pauses in one run.
        at_once: requests and gits at the same time.
    """

    longest: float = 60.0
    total: float = 180.0
    at_once: int = AT_ONCE


class Budget:
    """The pauses of one (host, credential). Safe to share between threads.

    Args:
        host: authority of the host, for messages.
        limits: how patient a run is.
        memory: keeps pauses between runs; None to keep none.
        tell: told of every pause, from any thread; None to tell nobody.
        clock: monotonic seconds.
        wall: seconds since 1970.
        jitter: a number from 0 to 1, so that several mgits do not come back together.
    """

    def __init__(
        self,
        host: str,
        *,
        limits: Limits | None = None,
        memory: Memory | None = None,
        tell: Callable[[Pause], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.host = host
        self._limits = limits or Limits()
        self._memory = memory
        self._tell = tell
        self._clock = clock
        self._wall = wall
        self._jitter = jitter
        self._lock = threading.Lock()
        self._until: dict[Lane, float] = dict.fromkeys(Lane, 0.0)
        self._why = ""
        self._row = 0  # refusals since the last good answer
        self._probe: float | None = None  # when the one request was let through that goes first
        self._inside = 0
        self._waited = 0.0
        known = memory.load() if memory is not None else None
        if known is not None and 0 < known.seconds <= LONGEST_KEPT:
            lanes = tuple(Lane) if known.lane is None else (known.lane,)
            self._until |= dict.fromkeys(lanes, clock() + known.seconds)
            self._why, self._row = known.why, 1
            if tell is not None:
                tell(known)

    def begin_run(self) -> None:
        """A new run may wait as long as any other."""
        with self._lock:
            self._waited = 0.0

    def check(self, lane: Lane) -> float:
        """Seconds until a request may be sent, 0.0 for now. Takes nothing.

        Raises:
            RateLimited: the pause is longer than a run waits.
        """
        with self._lock:
            return self._wait(lane)

    def admit(self, lane: Lane) -> float:
        """`check`, and where that is 0.0 the caller is in: it must call `leave` when it is done.

        Raises:
            RateLimited: the pause is longer than a run waits.
        """
        with self._lock:
            wait = self._wait(lane)
            if wait == 0.0:
                self._inside += 1
                if self._row:
                    self._probe = self._clock()
            return wait

    def leave(self) -> None:
        """Whatever was admitted has ended."""
        with self._lock:
            self._inside -= 1
            if self._inside == 0:  # the one that went first ended without a word
                self._probe = None

    def answered(self) -> None:
        """The host does as it should. What comes while it pauses was asked before: no sign."""
        if self._row == 0:
            return
        with self._lock:
            if self._clock() >= max(self._until.values()):
                self._row, self._probe = 0, None

    def note(self, response: Response, lane: Lane) -> Pause | None:
        """Learn from an answer.

        Returns:
            The pause that it asks for in place of an answer; None where it is an answer.
        """
        status = response.status
        if status == 503 or is_rate_limit(response):
            asked = wait_asked_for(response, self._wall)
            if asked is None and status != 503:
                asked = LEAST_WAIT
            return self.refused(asked, f"{self.host} answered {status}")
        if status >= 500:
            return None
        slow = asked_to_slow_down(response, self._wall) if status < 400 else None
        empty = wait_when_empty(response, self._wall) if lane is Lane.API else None
        self.answered()
        if slow:
            self._pause(Pause(self.host, slow, f"{self.host} asks to slow down"))
        elif empty is not None:
            why = f"the allowance at {self.host} is used up"
            self._pause(Pause(self.host, empty, why, lane))
        return None

    def refused(self, seconds: float | None, why: str) -> Pause:
        """The host refused for want of a pause; everybody waits.

        Args:
            seconds: that it asked for; None when it did not say: they double from time to time.
            why: one line for a person.
        """
        with self._lock:
            fresh = self._until[Lane.GIT] <= self._clock()
            if fresh:  # of those that were under way together only the first counts
                self._row += 1
            self._row = max(self._row, 1)
            self._probe = None
            guess = min(_FIRST_BACKOFF * 2 ** (self._row - 1), LEAST_WAIT)
        if seconds is None:
            return self._pause(Pause(self.host, guess, why, guessed=True))
        return self._pause(Pause(self.host, min(seconds, LONGEST_KEPT), why))

    def _pause(self, pause: Pause) -> Pause:
        seconds, lane = pause.seconds, pause.lane
        with self._lock:
            now = self._clock()
            jitter = min(2.0, 0.1 * seconds) * self._jitter()
            lanes = tuple(Lane) if lane is None else (lane,)
            longer = [one for one in lanes if now + seconds > self._until[one] + 0.5]
            fresh = any(self._until[one] <= now for one in lanes)
            for one in longer:
                self._waited += max(0.0, now + seconds - max(now, self._until[one])) / len(lanes)
                self._until[one] = now + seconds + jitter
            if longer:
                self._why = pause.why
            fresh = fresh and self._row <= 1  # a storm is told of once
        if longer and fresh and self._tell is not None:
            self._tell(pause)
        if longer and self._memory is not None:
            self._memory.store(pause)
        return pause

    def _wait(self, lane: Lane) -> float:
        now = self._clock()
        left = self._until[lane] - now
        if left > 0:
            if left > self._limits.longest + 2.0 or self._waited > self._limits.total:
                raise self._given_up(left)
            return left
        if self._inside >= self._limits.at_once:
            return _FULL
        if self._row and self._probe is not None and now - self._probe < _PROBE_SECONDS:
            return _TURN
        return 0.0

    def _given_up(self, left: float) -> RateLimited:
        at = time.strftime("%H:%M:%S", time.localtime(self._wall() + left))
        return RateLimited(
            f"{self._why}: nothing more is asked of {self.host} before {at}",
            retry_after=left,
            advice="run mgit again then; nothing is lost",
        )
