"""Trouble on demand: failing answers, and requests that are held until a test lets them go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Self

from sandbox.forge.web import Answer

_HELD_SECONDS = 60.0


@dataclass(slots=True)
class _Fault:
    pattern: str
    answer: Answer
    left: int


@dataclass(slots=True)
class _Spoil:
    pattern: str
    change: Callable[[Answer], Answer]
    left: int


@dataclass(slots=True)
class Hold:
    """Requests that wait. Leaving the `with` block lets them go on."""

    pattern: str
    arrived: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let them go on, now and from now on."""
        self._released.set()

    def wait(self) -> None:
        """Called by the server: stand here until released."""
        self.arrived.set()
        self._released.wait(_HELD_SECONDS)

    @property
    def released(self) -> bool:
        return self._released.is_set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class Faults:
    """What is to go wrong, and how often. Patterns are globs over path and query."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []
        self._spoils: list[_Spoil] = []
        self._dresses: list[_Fault] = []
        self._holds: list[Hold] = []

    def fail(
        self,
        pattern: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        times: int,
        *,
        hang_up: bool,
    ) -> None:
        answer = Answer(status, body, tuple(headers.items()), hang_up)
        with self._lock:
            self._faults.append(_Fault(pattern, answer, times))

    def spoil(self, pattern: str, change: Callable[[Answer], Answer], times: int) -> None:
        with self._lock:
            self._spoils.append(_Spoil(pattern, change, times))

    def spoiled(self, target: str, answer: Answer) -> Answer:
        """The right answer, or what is made of it."""
        with self._lock:
            for spoil in self._spoils:
                if spoil.left > 0 and fnmatchcase(target, spoil.pattern):
                    spoil.left -= 1
                    return spoil.change(answer)
        return answer

    def forget(self) -> None:
        """Everything goes well from now on."""
        with self._lock:
            self._faults.clear()
            self._spoils.clear()

    def dress(self, pattern: str, headers: Mapping[str, str], times: int) -> None:
        with self._lock:
            self._dresses.append(_Fault(pattern, Answer(0, b"", tuple(headers.items())), times))

    def hold(self, pattern: str) -> Hold:
        hold = Hold(pattern)
        with self._lock:
            self._holds.append(hold)
        return hold

    def release_all(self) -> None:
        with self._lock:
            holds = list(self._holds)
        for hold in holds:
            hold.release()

    def wait(self, target: str) -> None:
        """Stand still where a hold says so."""
        with self._lock:
            holds = [h for h in self._holds if not h.released and fnmatchcase(target, h.pattern)]
        for hold in holds:
            hold.wait()

    def take(self, target: str) -> Answer | None:
        """The answer that is to be given in place of the right one."""
        with self._lock:
            return _due(self._faults, target)

    def dressed(self, target: str, answer: Answer) -> Answer:
        """The right answer, with the headers that it is to have beside its own."""
        with self._lock:
            extra = _due(self._dresses, target)
        if extra is None:
            return answer
        return replace(answer, headers=(*answer.headers, *extra.headers))


def _due(faults: list[_Fault], target: str) -> Answer | None:
    for fault in faults:
        if fault.left > 0 and fnmatchcase(target, fault.pattern):
            fault.left -= 1
            return fault.answer
    return None
