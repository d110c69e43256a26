"""Who is let in.

A bearer token, the same token as the password of HTTP Basic (a browser has no other way to open a
page with one), or a client certificate that TLS has verified. Where none of these is configured
only this machine can connect, and the Host field must name it: else any web page could ask through
its visitor's browser, with a name of its own that leads to 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

import binascii
import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from mgit.daemon.limit import Failures
from mgit.daemon.region import Region
from mgit.daemon.web.request import Request
from mgit.daemon.web.server import Exchange

CHALLENGE = 'Bearer realm="mgit", Basic realm="mgit", charset="UTF-8"'
_HOME = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Denied:
    """Not let in.

    Args:
        status: HTTP status.
        code: for programs and the log.
        detail: one sentence; nothing of what was given.
        headers: more of the answer.
        tried: a credential was given and it was wrong.
    """

    status: int
    code: str
    detail: str
    headers: tuple[tuple[str, str], ...] = ()
    tried: bool = False


class Gate:
    """Lets in or not. Safe to use from many threads.

    Args:
        region: knows the tokens.
        tokens: a token lets in.
        certificates: a client certificate lets in.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        region: Region,
        *,
        tokens: bool,
        certificates: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._region = region
        self._tokens = tokens
        self._certificates = certificates
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = Failures()

    def look(self, request: Request, exchange: Exchange) -> Denied | None:
        """Why somebody is not let in, None for whoever is."""
        if not (self._tokens or self._certificates):
            return None if at_home(request.headers.get("host", "")) else _ELSEWHERE
        if self._certificates and exchange.peer.certificate:
            return None
        address, now = exchange.peer.address, self._clock()
        with self._lock:
            wait = self._failures.wait(address, now)
        if wait > 0:
            return _patience(wait)
        given = request.headers.get("authorization", "")
        if self._tokens and self._region.holds(token_of(given)):
            return None
        if given:
            with self._lock:
                self._failures.failed(address, now)
        return self._refused(tried=bool(given))

    def _refused(self, *, tried: bool) -> Denied:
        if not self._tokens:
            detail = "A client certificate is needed."
            return Denied(403, "certificate-needed", detail, tried=tried)
        code = "token-wrong" if tried else "token-needed"
        detail = "This token does not let in." if tried else "A token is needed."
        return Denied(401, code, detail, (("WWW-Authenticate", CHALLENGE),), tried=tried)


_ELSEWHERE = Denied(
    421, "host-unknown", "Ask for localhost or 127.0.0.1; only a service with tokens has names."
)


def _patience(wait: float) -> Denied:
    seconds = str(math.ceil(wait))
    detail = f"Too many wrong tokens came from this address; try again in {seconds} s."
    return Denied(429, "too-many-failures", detail, (("Retry-After", seconds),))


def at_home(host: str) -> bool:
    """Whether a Host field names this machine as itself; an HTTP/1.0 client may send none."""
    return not host or _HOME.fullmatch(host) is not None


def token_of(authorization: str) -> bytes:
    """The token in an Authorization field, empty where there is none (RFC 6750, RFC 7617)."""
    kind, _, given = authorization.partition(" ")
    given = given.strip()
    match kind.lower():
        case "bearer":
            return given.encode("latin-1")
        case "basic":
            return _password(given)
        case _:
            return b""


def _password(given: str) -> bytes:
    try:
        decoded = binascii.a2b_base64(given.encode("ascii"), strict_mode=True)
    except ValueError:  # binascii.Error is one, as is UnicodeEncodeError
        return b""
    return decoded.partition(b":")[2]
