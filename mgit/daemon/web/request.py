"""HTTP/1.1 requests, read strictly: what two readers could take in two ways is refused.

RFC 9112 (messages), RFC 9110 (fields), RFC 3986 (targets). Pure: bytes in, a value out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_HEAD = 16384
MAX_HEADERS = 100
MAX_FIELDS = 20
"""Fields of a query."""

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}) (/[!-~]*) HTTP/1\.[01]")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_ONCE = frozenset({"host", "content-length", "content-type", "authorization", "x-request-id"})
_ESCAPE = re.compile(rb"%(..)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Malformed(Exception):
    """A request that cannot be answered as it is.

    Args:
        status: HTTP status.
        detail: one sentence for whoever sent it; repeats nothing of the request.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Request:
    """One request without its body.

    Args:
        method: as sent.
        segments: the path, split at `/` and then decoded: `/a%2Fb/c` is `("a/b", "c")`.
        query: decoded fields.
        headers: by lower-case name; a secret may be among them, so they are not shown.
        length: bytes of the body.
        version: 10 for HTTP/1.0, 11 for HTTP/1.1.
    """

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    length: int = 0
    version: int = 11

    @property
    def path(self) -> str:
        """The decoded path, for logs; `%2F` and `/` look alike in it."""
        return "/" + "/".join(self.segments)


def parse_request(head: bytes) -> Request:
    """Read a request line and headers.

    Args:
        head: up to the empty line, without it.

    Raises:
        Malformed: nothing that may be answered.
    """
    first, *lines = head.split(b"\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise Malformed(400, "The request line is malformed.")
    if len(lines) > MAX_HEADERS:
        raise Malformed(431, f"There are more than {MAX_HEADERS} header fields.")
    headers = _headers(lines)
    version = 11 if first.endswith(b"1") else 10
    if version == 11 and "host" not in headers:
        raise Malformed(400, "A Host header field is missing.")
    path, _, query = found[2].partition(b"?")
    return Request(
        found[1].decode("ascii"),
        tuple(_decoded(part) for part in path[1:].split(b"/")),
        _query(query),
        headers,
        _length(headers),
        version,
    )


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise Malformed(400, "A header field is malformed.")
        name, value = found[1].decode("ascii").lower(), found[2].decode("latin-1").strip(" \t")
        if name in headers:
            if name in _ONCE:
                raise Malformed(400, "A header field stands there twice that may stand once.")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Malformed(411, "Send the body in one piece, with Content-Length.")
    text = headers.get("content-length", "0")
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise Malformed(400, "Content-Length is malformed.")
    return int(text)


def _query(query: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    parts = [part for part in query.split(b"&") if part]
    if len(parts) > MAX_FIELDS:
        raise Malformed(400, f"The query has more than {MAX_FIELDS} fields.")
    for part in parts:
        name, _, value = part.replace(b"+", b" ").partition(b"=")
        decoded = _decoded(name)
        if decoded in fields:
            raise Malformed(400, "A field of the query stands there twice.")
        fields[decoded] = _decoded(value)
    return fields


def _decoded(part: bytes) -> str:
    """Undo percent-encoding; only UTF-8 without control characters is taken."""
    try:
        text = _ESCAPE.sub(_unescaped, part).decode("utf-8")
    except ValueError:
        raise Malformed(400, "The target is not percent-encoded UTF-8.") from None
    if _CONTROL.search(text):
        raise Malformed(400, "The target holds control characters.")
    return text


def _unescaped(found: re.Match[bytes]) -> bytes:
    digits = found[1] or b""
    if not re.fullmatch(rb"[0-9A-Fa-f]{2}", digits):
        raise ValueError
    return bytes([int(digits, 16)])
