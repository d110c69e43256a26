"""From a request to its answer: who may ask, which route, and what is told of it."""

from __future__ import annotations

import re
import secrets
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from mgit.daemon.limit import Bucket
from mgit.daemon.web.answer import Answer, problem
from mgit.daemon.web.api import Api
from mgit.daemon.web.channel import Hint, Note
from mgit.daemon.web.guard import Denied, Gate
from mgit.daemon.web.hooks import MAX_BODY, Accepted, Accepts, Refused
from mgit.daemon.web.pages import Pages
from mgit.daemon.web.request import Request
from mgit.daemon.web.server import Application, Exchange, Wants
from mgit.daemon.web.view import View
from mgit.telemetry.traceparent import parse_traceparent, trace_of

METRICS = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_LINES_AT_ONCE, _SECONDS_A_LINE = 100, 0.05

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers are made from.

    Args:
        view: what there is to show.
        gate: who is let in.
        tell: sends a line to the service; False when that is not possible.
        accepts: judges webhooks; None where there are none.
        debug: also tell of what went as it should.
    """

    view: View
    gate: Gate
    tell: Callable[[Hint | Note], bool]
    accepts: Accepts | None = None
    debug: bool = False


class App(Application):
    """The application. Safe to use from many threads.

    Args:
        parts: what it works with.
        clock: monotonic seconds.
    """

    def __init__(self, parts: Parts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._clock = clock
        self._api = Api(parts.view)
        self._pages = Pages(parts.view)
        self._lock = threading.Lock()
        self._lines = Bucket(_LINES_AT_ONCE, _SECONDS_A_LINE)
        self._missed = 0

    def identify(self, request: Request | None) -> str:
        given = request.headers.get("x-request-id", "") if request else ""
        return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    def answer(self, exchange: Exchange) -> Answer | Wants:
        request = exchange.request
        if request is None:
            error = exchange.malformed
            status, detail = (error.status, error.detail) if error else (400, "Malformed.")
            return problem(status, "request-malformed", detail, exchange.request_id)
        if request.segments[:1] == ("webhooks",):
            return self._webhook(request, exchange)
        denied = self._parts.gate.look(request, exchange)
        if denied is not None:
            return self._denied(denied, exchange)
        if request.method not in ("GET", "HEAD"):
            allow = ("Allow", "GET, HEAD")
            detail = "This can only be read."
            return problem(405, "method-not-allowed", detail, exchange.request_id, allow)
        return self._read(request, exchange)

    def failed(self, exchange: Exchange) -> Answer:
        """What goes back when an answer could not be made; where it went wrong goes to the log."""
        _, error, trace = sys.exc_info()
        last = traceback.extract_tb(trace)[-1:] if trace else []
        place = f"{last[0].name}, line {last[0].lineno}" if last else "somewhere"
        self._note(exchange, "error", "web.failed", f"{type(error).__name__} in {place}")
        detail = "Something went wrong here; the log of the service says more."
        return problem(500, "internal", detail, exchange.request_id)

    def ended(self, exchange: Exchange, answer: Answer, seconds: float) -> None:
        told = answer.code == "token-wrong"  # as refused
        if (told or answer.status < 400) and not self._parts.debug:
            return
        well = answer.status < 500
        level: Level = "debug" if answer.status < 400 else "info" if well else "warning"
        words = f"answered {answer.status}"
        self._note(exchange, level, "web.request", words, answer=answer, seconds=seconds)

    def _read(self, request: Request, exchange: Exchange) -> Answer:
        match request.segments:
            case ("metrics",):
                return Answer(
                    200, self._parts.view.metrics(), METRICS, (("Cache-Control", "no-store"),)
                )
            case ("api", "v1", *path):
                return self._api.answer(tuple(path), request, exchange.request_id)
            case _:
                return self._pages.answer(request, exchange.request_id)

    def _denied(self, denied: Denied, exchange: Exchange) -> Answer:
        answer = problem(
            denied.status, denied.code, denied.detail, exchange.request_id, *denied.headers
        )
        if denied.tried:
            self._note(
                exchange,
                "warning",
                "web.refused",
                "a wrong credential was refused",
                answer=answer,
                audit="web-refused",
            )
        return answer

    def _webhook(self, request: Request, exchange: Exchange) -> Answer | Wants:
        accepts = self._parts.accepts
        if accepts is None or len(request.segments) != 2:
            return problem(404, "not-found", "There is nothing here.", exchange.request_id)
        if request.method != "POST":
            detail = "A webhook is sent with POST."
            return problem(
                405, "method-not-allowed", detail, exchange.request_id, ("Allow", "POST")
            )
        source = request.segments[1]

        def judge(body: bytes) -> Answer:
            return self._judged(accepts(source, request.headers, body), source, exchange)

        return Wants(MAX_BODY, judge)

    def _judged(self, verdict: Accepted | Refused, source: str, exchange: Exchange) -> Answer:
        if isinstance(verdict, Refused):
            answer = problem(verdict.status, verdict.code, verdict.detail, exchange.request_id)
            if verdict.told:
                self._note(
                    exchange,
                    "warning",
                    "webhook.refused",
                    f"a webhook was refused: {verdict.detail}",
                    answer=answer,
                    source=source,
                    audit="webhook-refused" if verdict.audited else "",
                    missed=verdict.missed,
                )
            return answer
        hints = [
            replace(hint, request_id=exchange.request_id, traceparent=_caller(exchange))
            for hint in verdict.hints
        ]
        if not all(self._parts.tell(hint) for hint in hints):
            detail, later = "The service is behind; send it again.", ("Retry-After", "30")
            return problem(503, "service-behind", detail, exchange.request_id, later)
        answer = Answer(202 if hints else 204)
        words = verdict.note or "a webhook was accepted"
        self._note(
            exchange,
            "info",
            "webhook.accepted",
            words,
            answer=answer,
            source=source,
            code=verdict.code,
        )
        return answer

    def _note(
        self,
        exchange: Exchange,
        level: Level,
        event: str,
        message: str,
        *,
        answer: Answer | None = None,
        seconds: float = 0.0,
        source: str = "",
        code: str = "",
        audit: str = "",
        missed: int = 0,
    ) -> None:
        """Tell the service, unless there was too much of that just now."""
        request = exchange.request
        with self._lock:
            missed += self._missed
            if not self._lines.add(self._clock()):
                self._missed = missed + 1
                return
            self._missed = 0
        note = Note(
            level=level,
            event=event,
            message=message[:200],
            request_id=exchange.request_id,
            client=exchange.peer.address,
            method=request.method if request else "",
            path=request.path[:200] if request else "",
            status=answer.status if answer else 0,
            seconds=seconds,
            source=source[:64],
            code=code or (answer.code if answer else ""),
            audit=audit,
            missed=missed,
            trace_id=trace_of(_caller(exchange)),
        )
        if not self._parts.tell(note):
            with self._lock:
                self._missed += missed + 1


def _caller(exchange: Exchange) -> str:
    """The caller's trace; what is not sound is ignored (W3C Trace Context)."""
    request = exchange.request
    return parse_traceparent(request.headers.get("traceparent", "")) if request else ""
