"""Turns tracing on where it is wanted: only then is OpenTelemetry loaded."""

from __future__ import annotations

from collections.abc import Callable

from mgit.errors import ConfigurationError
from mgit.telemetry.tracing import UNTRACED, Tracer


def open_tracer(
    endpoint: str | None,
    traceparent: str,
    clean: Callable[[str], str],
    warn: Callable[[str], None],
) -> Tracer:
    """The tracer that is wanted.

    Args:
        endpoint: URL that takes traces by OTLP over HTTP; None for no traces.
        traceparent: the caller's trace, empty for none.
        clean: takes secrets and control characters out of a text.
        warn: told in one line when traces cannot be sent.

    Raises:
        ConfigurationError: traces are wanted and OpenTelemetry is not installed.
    """
    if endpoint is None:
        return UNTRACED
    try:
        from mgit.telemetry.otel import OtelTracer
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"traces are wanted, but {error.name} is not installed",
            advice="pip install 'mgit-fleet[otel]'; without traces: OTEL_SDK_DISABLED=true",
        ) from None
    tracer = OtelTracer(endpoint, clean=clean, warn=warn)
    if traceparent:
        tracer.adopt(traceparent)
    return tracer
