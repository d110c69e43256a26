"""The standard library's response, with a quicker and stricter reader of its head.

`http.client` reads the fields of a head as if they were an e-mail, which is a sixth of what asking
one repository costs. Bodies (lengths, chunks) stay the library's business. RFC 9112, sections 4
and 5.
"""

from __future__ import annotations

import http.client
import socket
from typing import IO

_MAX_LINE = 65536
_MAX_FIELDS = 100
_MAX_DIGITS = 20
_NO_BODY = frozenset({204, 304})


class Answer(http.client.HTTPResponse):
    """One response; `begin` reads its head.

    Stricter than the library: a line that is no field is refused, where the library takes it for
    the end of the head and all that follows for the body; so is a length that is none, and a
    second one that differs.

    Args:
        sock: what `makefile` reads from.
        method: of the request.
    """

    def __init__(self, sock: socket.socket, *, method: str) -> None:
        super().__init__(sock, method=method)
        self._asked = method
        self._fields: list[tuple[str, str]] = []

    def begin(self) -> None:
        """Read the status line and the fields, over any `100 Continue`.

        Raises:
            http.client.HTTPException: it is not HTTP, or its head is too large.
            ConnectionError: the connection ended before it.
        """
        while True:
            self.version, self.code = _read_status(self.fp)
            self.status = self.code
            self._fields = _read_fields(self.fp)
            if self.status != http.HTTPStatus.CONTINUE:
                break
        self.chunked = (self.getheader("transfer-encoding") or "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else self._length()
        self.will_close = self._closes()

    def getheader(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Values of a field, joined by `, `."""
        wanted = name.lower()
        values = [value for key, value in self._fields if key.lower() == wanted]
        return ", ".join(values) if values else default

    def getheaders(self) -> list[tuple[str, str]]:
        """All fields as they came."""
        return self._fields

    def _length(self) -> int | None:
        if self.status in _NO_BODY or self.status < 200 or self._asked == "HEAD":
            return 0
        said = self.getheader("content-length")
        if said is None:
            return None
        lengths = set(said.split(", "))
        text = lengths.pop()
        if lengths or not (text.isascii() and text.isdecimal() and len(text) < _MAX_DIGITS):
            raise http.client.HTTPException("its length is none")
        return int(text)

    def _closes(self) -> bool:
        said = (self.getheader("connection") or "").lower()
        stays = "keep-alive" in said if self.version == 10 else "close" not in said
        # Without a length the body ends with the connection.
        return not stays or (self.length is None and not self.chunked)


def _read_status(file: IO[bytes]) -> tuple[int, int]:
    """HTTP version (10 or 11) and status."""
    line = file.readline(_MAX_LINE + 1)
    if len(line) > _MAX_LINE:
        raise http.client.LineTooLong("status line")
    if not line:
        raise http.client.RemoteDisconnected("the connection ended before an answer")
    version, _, rest = line.decode("latin-1").strip().partition(" ")
    status = rest.strip()[:3]
    if not version.startswith("HTTP/") or not status.isdecimal() or not status.isascii():
        raise http.client.BadStatusLine("")
    if int(status) < 100:
        raise http.client.BadStatusLine("")
    if version in ("HTTP/1.0", "HTTP/0.9"):
        return 10, int(status)
    if not version.startswith("HTTP/1."):
        raise http.client.UnknownProtocol(version)
    return 11, int(status)


def _read_fields(file: IO[bytes]) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    while True:
        line = file.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise http.client.LineTooLong("header line")
        if line in (b"\r\n", b"\n", b""):
            return fields
        if not line.endswith(b"\n"):
            raise ConnectionResetError
        if len(fields) == _MAX_FIELDS:
            raise http.client.HTTPException("the head has too many fields")
        name, colon, value = line.decode("latin-1").partition(":")
        if fields and name.startswith((" ", "\t")):  # folded, as nobody should any more
            before = fields.pop()
            fields.append((before[0], f"{before[1]} {(name + colon + value).strip()}"))
        elif colon and name and not name.isspace() and " " not in name and "\t" not in name:
            fields.append((name, value.strip()))
        else:
            raise http.client.HTTPException("a line of the head is no field")
