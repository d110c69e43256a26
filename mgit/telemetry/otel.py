"""Traces by OpenTelemetry, sent as OTLP over HTTP. Loaded only where traces are wanted.

The SDK reads the rest of its standard variables itself (`OTEL_EXPORTER_OTLP_HEADERS`,
`OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`, …). Nothing global is set: another
user of OpenTelemetry in the same process would not notice. Source of the names of attributes:
OpenTelemetry Semantic Conventions 1.3x, `service`, `process`, `server`, `vcs`, `error`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mgit.errors import MgitError
from mgit.telemetry.traceparent import parse_traceparent
from mgit.telemetry.tracing import NONE, NOWHERE, Attributes, Span, SpanIds
from mgit.version import __version__

_LAST_SECONDS = 3.0
_MAX_TEXT = 500
_LIBRARY = "opentelemetry"


class _OtelSpan:
    """`Span` over one of OpenTelemetry."""

    def __init__(self, span: trace.Span, clean: Callable[[str], str]) -> None:
        self._span = span
        self._clean = clean

    @property
    def ids(self) -> SpanIds:
        return _ids(self._span)

    def set(self, attributes: Attributes) -> None:
        if not self._span.is_recording():
            return
        for name, value in attributes.items():
            if value is None or value == "":
                continue
            text = isinstance(value, str)
            self._span.set_attribute(name, self._clean(str(value))[:_MAX_TEXT] if text else value)

    def failed(self, kind: str, message: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, self._clean(message)[:_MAX_TEXT]))
        self.set({"error.type": kind})


class OtelTracer:
    """`Tracer` that sends to a collector; see there.

    Args:
        endpoint: URL that takes traces.
        clean: takes secrets and control characters out of a text.
        warn: told in one line when traces cannot be sent.
    """

    def __init__(
        self, endpoint: str, *, clean: Callable[[str], str], warn: Callable[[str], None]
    ) -> None:
        self._clean = clean
        self._parent: Context | None = None
        self._links: tuple[Link, ...] = ()
        self._run: Context | None = None
        self._logger = logging.getLogger(_LIBRARY)
        self._handler = _Told(warn, clean)
        self._logger.addHandler(self._handler)
        self._propagated, self._logger.propagate = self._logger.propagate, False
        # What the person says in OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES outranks this.
        own = Resource({"service.name": "mgit", "service.version": __version__})
        resource = own.merge(_without_default(Resource.create()))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("mgit", __version__)

    @property
    def ids(self) -> SpanIds:
        own = _ids(trace.get_current_span())
        return own if own.trace_id or self._run is None else _ids(trace.get_current_span(self._run))

    @contextmanager
    def run(self, run_id: str) -> Iterator[Span]:
        parent, self._parent = self._parent, None
        links, self._links = self._links, ()
        about = {"mgit.run_id": run_id}
        with self._spanned("run", about, SpanKind.INTERNAL, parent, links) as span:
            self._run = contexts.get_current()
            try:
                yield span
            finally:
                self._run = None

    def span(
        self, name: str, attributes: Attributes = NONE, *, client: bool = False
    ) -> AbstractContextManager[Span]:
        kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
        inside = trace.get_current_span().get_span_context().is_valid
        return self._spanned(name, attributes, kind, None if inside else self._run)

    def adopt(self, traceparent: str, linked: Sequence[str] = ()) -> None:
        self._parent = _context(traceparent)
        others = (trace.get_current_span(_context(one)).get_span_context() for one in linked)
        self._links = tuple(Link(one) for one in others if one.is_valid)

    def close(self) -> None:
        # The SDK waits for half a minute where nobody answers; a person at a prompt must not.
        thread = threading.Thread(target=self._provider.shutdown, name="mgit-traces", daemon=True)
        thread.start()
        thread.join(_LAST_SECONDS)
        if thread.is_alive():
            self._handler.tell("traces could not be sent before the end; they are lost")
        self._logger.removeHandler(self._handler)
        self._logger.propagate = self._propagated

    @contextmanager
    def _spanned(
        self,
        name: str,
        attributes: Attributes,
        kind: SpanKind,
        parent: Context | None,
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        # Not the SDK's own recording of exceptions: their text would go out uncleaned.
        with self._tracer.start_as_current_span(
            name,
            parent,
            kind=kind,
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as raw:
            span = _OtelSpan(raw, self._clean)
            span.set(attributes)
            try:
                yield span
            except MgitError as error:
                span.failed(type(error).__name__, error.message)
                raise


class _Told(logging.Handler):
    """Says what OpenTelemetry complains about in mgit's own log, each thing once."""

    def __init__(self, warn: Callable[[str], None], clean: Callable[[str], str]) -> None:
        super().__init__(logging.WARNING)
        self._warn = warn
        self._clean = clean
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        # Of what it was about, only the kind: a message may hold the collector's headers.
        self.tell(f"traces cannot be sent: {str(record.msg)[:200]}", record.name)

    def tell(self, words: str, about: str = "") -> None:
        if (about or words) not in self._said:
            self._said.add(about or words)
            self._warn(words)


def _context(traceparent: str) -> Context:
    carrier = {"traceparent": parse_traceparent(traceparent)}
    return TraceContextTextMapPropagator().extract(carrier, Context())


def _ids(span: trace.Span) -> SpanIds:
    found = span.get_span_context()
    if not found.is_valid:
        return NOWHERE
    return SpanIds(trace.format_trace_id(found.trace_id), trace.format_span_id(found.span_id))


def _without_default(found: Resource) -> Resource:
    """What the environment says; the SDK calls a program without a name `unknown_service`."""
    said = {
        name: value
        for name, value in found.attributes.items()
        if not (name == "service.name" and str(value).startswith("unknown_service"))
    }
    return Resource(said, found.schema_url)
