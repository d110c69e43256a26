"""What goes into the transport and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How servers prove who they are, and mgit to them.

    Args:
        ca_file: PEM file of the certificate authorities to trust in place of the system's, as
            git's `http.sslCAInfo` does; None for the system's own (or `SSL_CERT_FILE`).
        client_cert: PEM file of the certificate that is shown to servers that want one, with its
            chain; None for none.
        client_key: PEM file of its key, not encrypted; None where `client_cert` holds both.
    """

    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, its body read and decompressed.

    Args:
        status: 200 to 599.
        headers: name and value in the order they came, names as the server wrote them.
        body: empty for 204, 304 and HEAD.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """Value of a header, case-insensitive; several of one name are joined by `, `."""
        wanted = name.lower()
        values = [value for key, value in self.headers if key.lower() == wanted]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """An answer worth asking about again with `If-None-Match`.

    Args:
        etag: as the server sent it, quotes and `W/` included.
        body: decompressed.
        link: its `Link` header, empty without one: a 304 need not repeat it.
    """

    etag: str
    body: bytes = field(repr=False)
    link: str = ""


class ResponseCache(Protocol):
    """Keeps answers between runs. Losing one costs a request, never correctness."""

    def get(self, url: str) -> CachedResponse | None:
        """What is kept for this key, None if there is nothing."""

    def put(self, url: str, response: CachedResponse) -> None:
        """Keep this answer in place of an older one."""
