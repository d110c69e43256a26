"""Spans: what a run did when, for whoever collects traces.

Tracing that is off is an object that does nothing; tracing that is on is in `mgit.telemetry.otel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

Attribute = str | bool | int | float | None
Attributes = Mapping[str, Attribute]
NONE: Attributes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SpanIds:
    """What a log line needs to be found beside its span (W3C Trace Context); empty without one."""

    trace_id: str = ""
    span_id: str = ""


NOWHERE = SpanIds()


class Span(Protocol):
    """One piece of work, as long as its `with` block lasts."""

    @property
    def ids(self) -> SpanIds: ...

    def set(self, attributes: Attributes) -> None:
        """Say more about it; what is None or empty is left out, texts are cleaned."""

    def failed(self, kind: str, message: str) -> None:
        """Mark it as failed.

        Args:
            kind: one of few words: a reason, the name of an error.
            message: one line for a person.
        """


class Tracer(Protocol):
    """Makes spans. Safe to use from many threads."""

    @property
    def ids(self) -> SpanIds:
        """Of the span that this thread is in, else of the run."""

    def run(self, run_id: str) -> AbstractContextManager[Span]:
        """The span of a whole run; what other threads do belongs to it."""

    def span(
        self, name: str, attributes: Attributes = NONE, *, client: bool = False
    ) -> AbstractContextManager[Span]:
        """A span within the one that this thread is in, else within the run.

        Args:
            name: one of few: what is done, not to what.
            attributes: as in `Span.set`.
            client: whether it waits for another machine.
        """

    def adopt(self, traceparent: str, linked: Sequence[str] = ()) -> None:
        """Let the next run belong to a caller's trace.

        Args:
            traceparent: as in W3C Trace Context; one that is not sound is ignored.
            linked: of other callers, whom it answers as well.
        """

    def close(self) -> None:
        """Send what is left, for some seconds at most."""


class _Nothing:
    """A span that nobody sees."""

    ids = NOWHERE

    def set(self, attributes: Attributes) -> None:
        """Nobody wants to know."""

    def failed(self, kind: str, message: str) -> None:
        """Nobody wants to know."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing ends."""


_NOTHING = _Nothing()


class Untraced:
    """Tracing that is off."""

    ids = NOWHERE

    def run(self, run_id: str) -> AbstractContextManager[Span]:
        del run_id
        return _NOTHING

    def span(
        self, name: str, attributes: Attributes = NONE, *, client: bool = False
    ) -> AbstractContextManager[Span]:
        del name, attributes, client
        return _NOTHING

    def adopt(self, traceparent: str, linked: Sequence[str] = ()) -> None:
        """Nobody traces."""

    def close(self) -> None:
        """Nothing is left."""


UNTRACED: Tracer = Untraced()
