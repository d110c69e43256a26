"""In whose traces the requests stand that the next runs answer."""

from __future__ import annotations

from mgit.daemon.agenda import Errand
from mgit.daemon.web.channel import Hint
from mgit.telemetry.traceparent import parse_traceparent
from mgit.telemetry.tracing import Tracer

MOST_CALLERS = 4096
_MOST_LINKS = 20


class Callers:
    """Remembers the trace of each request until a run has answered it, or many came after it.

    Args:
        tracer: told of them before a run.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._traces: dict[str, str] = {}

    def note(self, hint: Hint) -> None:
        """Remember what a hint says of its caller; what is not sound counts for nothing."""
        traceparent = parse_traceparent(hint.traceparent)
        if not (traceparent and hint.request_id):
            return
        self._traces[hint.request_id] = traceparent
        while len(self._traces) > MOST_CALLERS:
            del self._traces[next(iter(self._traces))]

    def begin(self, errand: Errand) -> None:
        """Let the run continue the trace of who caused it, and point to those of the others.

        A run that was due anyway was caused by nobody: it only points.
        """
        found = (self._traces.pop(one, "") for one in errand.requests)
        traces = [one for one in dict.fromkeys(found) if one][: _MOST_LINKS + 1]
        if not traces:
            return
        if errand.turn:
            self._tracer.adopt("", traces[:_MOST_LINKS])
        else:
            self._tracer.adopt(traces[0], traces[1:])
