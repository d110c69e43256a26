"""The seam for webhooks: who judges a delivery, and what may come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from mgit.daemon.web.channel import Hint

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a delivery. The largest that forges send are pushes of thousands of commits."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The delivery is genuine.

    Args:
        hints: what the service is told; nothing for a ping, or for an event that says nothing.
        note: one line for the log.
        code: why there is nothing to do: `ping`, `unknown-event`, `replayed`; else empty.
    """

    hints: tuple[Hint, ...] = ()
    note: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The delivery is not taken.

    Args:
        status: HTTP status from 400 to 499.
        code: for programs and the log: `signature-wrong`, `source-unknown`, …
        detail: one sentence for the sender; holds neither a secret nor a part of the body.
        audited: it is worth an audit record: somebody tried with a wrong signature.
        told: it is worth a log line; False where there were too many of late.
        missed: how many were not told of before this one.
    """

    status: int
    code: str
    detail: str
    audited: bool = False
    told: bool = True
    missed: int = 0


class Accepts(Protocol):
    """Judges deliveries, in a thread of the web process, several at a time."""

    def __call__(self, source: str, headers: Mapping[str, str], body: bytes) -> Accepted | Refused:
        """Judge one.

        Args:
            source: name from the path, as somebody sent it; it need not be a known one.
            headers: by lower-case name.
            body: as it came, at most `MAX_BODY` bytes.
        """
