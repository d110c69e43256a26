"""Answers, and errors as RFC 9457 has them. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from http import HTTPStatus

import msgspec

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html; charset=utf-8"

# No script at all, styles only from a file of ours, nothing from elsewhere, in nobody's frame.
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = (
    ("Server", "mgit"),
    ("Content-Security-Policy", CONTENT_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Connection", "close"),
)


class Problem(msgspec.Struct, frozen=True, omit_defaults=False):
    """An error, by RFC 9457.

    Args:
        title: the status in words.
        status: HTTP status.
        detail: what is wrong with this request, for a person.
        code: the same for a program; never changes within a version.
        request_id: stands on the service's log line about it.
    """

    title: str
    status: int
    detail: str
    code: str
    request_id: str
    type: str = "about:blank"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back.

    Args:
        status: HTTP status.
        body: bytes that are sent.
        kind: media type.
        headers: more of them.
        code: of the problem, for logs; empty where there is none.
    """

    status: int
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    code: str = ""

    def wire(self, request_id: str, date: str, *, head_only: bool = False) -> bytes:
        """The answer as it goes over the wire.

        Args:
            request_id: sent back as `X-Request-Id`.
            date: the time, as HTTP writes it.
            head_only: leave the body out, as HEAD wants it.
        """
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in (*_ALWAYS, *self.headers)]
        lines += [f"X-Request-Id: {request_id}", f"Date: {date}"]
        if self.status not in (204, 304):
            lines += [f"Content-Type: {self.kind}", f"Content-Length: {len(self.body)}"]
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        return head if head_only or self.status in (204, 304) else head + self.body

    def with_headers(self, *headers: tuple[str, str]) -> Answer:
        """The same with more headers."""
        return replace(self, headers=(*self.headers, *headers))


def problem(
    status: int, code: str, detail: str, request_id: str, *headers: tuple[str, str]
) -> Answer:
    """An error that a program can tell from others by its `code`."""
    body = Problem(HTTPStatus(status).phrase, status, detail, code, request_id)
    return Answer(
        status,
        msgspec.json.encode(body),
        PROBLEM,
        (("Cache-Control", "no-store"), *headers),
        code=code,
    )


def cached(answer: Answer, if_none_match: str) -> Answer:
    """The answer with its ETag, or 304 where the client has it already (RFC 9110, 13.1.2)."""
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    headers = (("ETag", tag), ("Cache-Control", "private, no-cache"))
    known = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    if "*" in known or tag in known:
        return Answer(304, headers=(*answer.headers, *headers))
    return answer.with_headers(*headers)
