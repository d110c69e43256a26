"""From a request to its answer: who may ask, which route, and what is told of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from mgit.daemon.region import Region
from mgit.daemon.web.answer import Answer, problem
from mgit.daemon.web.channel import Hint, Note
from mgit.daemon.web.hooks import MAX_BODY, Accepted, Accepts, Refused
from mgit.daemon.web.request import Request
from mgit.daemon.web.server import Application, Exchange, Wants

METRICS = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers are made from.

    Args:
        region: heartbeat, metrics and keys of the service.
        tell: sends a line to the service; False when that is not possible.
        accepts: judges webhooks; None where there are none.
    """

    region: Region
    tell: Callable[[Hint | Note], bool]
    accepts: Accepts | None = None


class App(Application):
    """The application.

    Args:
        parts: what it works with.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def identify(self, request: Request | None) -> str:
        given = request.headers.get("x-request-id", "") if request else ""
        return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    def answer(self, exchange: Exchange) -> Answer | Wants:
        request = exchange.request
        if request is None:
            error = exchange.malformed
            status, detail = (error.status, error.detail) if error else (400, "Malformed.")
            return problem(status, "request-malformed", detail, exchange.request_id)
        match request.segments:
            case ("metrics",):
                return Answer(200, self._parts.region.text(), METRICS)
            case ("webhooks", source) if self._parts.accepts is not None:
                return self._webhook(self._parts.accepts, source, request, exchange)
            case _:
                return problem(404, "not-found", "There is nothing here.", exchange.request_id)

    def ended(self, exchange: Exchange, answer: Answer, seconds: float) -> None:
        request = exchange.request
        self._parts.tell(
            Note(
                level="debug" if answer.status < 400 else "info",
                event="web.request",
                message=f"answered {answer.status}",
                request_id=exchange.request_id,
                client=exchange.peer.address,
                method=request.method if request else "",
                path=request.path[:200] if request else "",
                status=answer.status,
                seconds=seconds,
                code=answer.code,
            )
        )

    def _webhook(
        self, accepts: Accepts, source: str, request: Request, exchange: Exchange
    ) -> Answer | Wants:
        if request.method != "POST":
            detail = "A webhook is sent with POST."
            return problem(
                405, "method-not-allowed", detail, exchange.request_id, ("Allow", "POST")
            )

        def judge(body: bytes) -> Answer:
            return self._judged(accepts(source, request.headers, body), source, exchange)

        return Wants(MAX_BODY, judge)

    def _judged(self, verdict: Accepted | Refused, source: str, exchange: Exchange) -> Answer:
        match verdict:
            case Refused():
                self._webhook_note(
                    "warning",
                    "webhook.refused",
                    verdict.detail,
                    source,
                    exchange,
                    audit="webhook-refused" if verdict.audited else "",
                    code=verdict.code,
                )
                return problem(verdict.status, verdict.code, verdict.detail, exchange.request_id)
            case Accepted(hints=hints, note=note):
                if not all(self._parts.tell(hint) for hint in hints):
                    detail = "The service is behind; send it again."
                    return problem(
                        503, "service-behind", detail, exchange.request_id, ("Retry-After", "30")
                    )
                self._webhook_note("info", "webhook.accepted", note or "accepted", source, exchange)
                return Answer(202 if hints else 204)

    def _webhook_note(
        self,
        level: str,
        event: str,
        message: str,
        source: str,
        exchange: Exchange,
        *,
        audit: str = "",
        code: str = "",
    ) -> None:
        self._parts.tell(
            Note(
                level=level,  # type: ignore[arg-type]
                event=event,
                message=message,
                request_id=exchange.request_id,
                client=exchange.peer.address,
                source=source[:64],
                code=code,
                audit=audit,
            )
        )
