"""What a webhook says, and what is made of it: a hint, or a refusal. Checked values, pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from mgit.credentials.secret import Secret
from mgit.text import escape_untrusted

MAX_BODY = 4 * 1024 * 1024
"""Bytes of the longest body that is looked at. Forges tell of 20 commits (GitLab, Gitea) to 2,048
(GitHub) of a push, which is far less; GitHub alone would send 25 MB. All places of the web process
together hold no more than 128 MiB so, and what is refused is found by the next pass."""
WINDOW_SECONDS = 300.0
"""How far a signed time may be from ours, either way; what Standard Webhooks recommends."""
LEAST_SECRET = 16
"""Characters of the shortest secret that is used: one that can be guessed signs nothing."""
_LONGEST_HEADER = 4096
_LONGEST_DELIVERY = 128
_LONGEST_PATH = 200


class Headers:
    """The headers of a request, by name in any case.

    A header that was sent twice is as good as none: two readers would see two values.

    Args:
        pairs: names and values as they came.
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        found: dict[str, str] = {}
        for name, value in pairs:
            low = name.lower()
            found[low] = "" if low in found else value.strip()
        self._values = {
            name: value for name, value in found.items() if 0 < len(value) <= _LONGEST_HEADER
        }

    def get(self, name: str) -> str:
        """The value, empty where there is none that can be relied on."""
        return self._values.get(name.lower(), "")

    def first(self, *names: str) -> str:
        """The value of the first of these that has one."""
        return next((value for name in names if (value := self.get(name))), "")

    def __repr__(self) -> str:
        return f"Headers({', '.join(sorted(self._values))})"  # values may hold a secret


@dataclass(frozen=True, slots=True)
class RepoHint:
    """One repository may have changed.

    Args:
        id: the forge's stable id, spelled as `RepoKey.id`.
        path: what the forge calls it, for a person; escaped and cut.
    """

    id: str
    path: str


@dataclass(frozen=True, slots=True)
class ListingHint:
    """The list of repositories may have changed: one is new, renamed, gone, archived.

    Args:
        path: which one, for a person; escaped and cut.
    """

    path: str = ""


class Silence(StrEnum):
    """Why a webhook that is what it says to be asks for nothing."""

    PING = "ping"
    UNKNOWN_EVENT = "unknown-event"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class NoHint:
    """Nothing is to be done."""

    why: Silence


Hint = RepoHint | ListingHint | NoHint


class Refusal(StrEnum):
    """Why a request is not believed. The words are part of the log and of the audit log."""

    TOO_LARGE = "too-large"
    UNREADY = "no-secret"
    UNSIGNED = "unsigned"
    WRONG_SIGNATURE = "wrong-signature"
    STALE = "stale"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The forge sent it.

    Args:
        event: the forge's word for what happened; escaped and cut.
        delivery: the forge's id of this delivery, empty where it sent none.
        hint: what to do about it.
        marks: what to remember, so that the same thing sent again does nothing.
    """

    event: str
    delivery: str
    hint: Hint
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not known that the forge sent it, or it cannot be read.

    Args:
        reason: in one word.
        detail: one line for a person; nothing of the body and of no secret.
    """

    reason: Refusal
    detail: str


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook as it came in.

    Args:
        headers: of the request.
        body: byte for byte.
        now: seconds since 1970.
    """

    headers: Headers
    body: bytes = field(repr=False)
    now: float


@dataclass(frozen=True, slots=True)
class Seal:
    """That a request is genuine, and how much of it the secret vouches for.

    Args:
        body: whether the body is signed: then a copy of it is known by the body, whatever id it
            carries. Where the forge shows the secret itself, only the delivery's id tells.
        delivery: the delivery's id, where that is signed too (Standard Webhooks).
    """

    body: bool
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What a genuine request says.

    Args:
        event: the forge's word.
        delivery: the forge's id of it; empty for none.
        hint: what it is good for.
    """

    event: str
    delivery: str
    hint: Hint


class Malformed(Exception):
    """A body is not what its forge sends; the text says how, in words of our own."""


class Dialect(Protocol):
    """How one forge signs and what it says. Without state: shared by all sources."""

    def verify(self, request: Request, secrets: Sequence[Secret]) -> Seal | Refused:
        """Whether one of the secrets vouches for it, before anything is made of the body."""

    def read(self, request: Request) -> Message:
        """What it says.

        Raises:
            Malformed: nothing that this forge sends.
        """


Remembered = Container[str]
"""The marks of what was accepted before."""


def word(text: str) -> str:
    """An event's name, harmless and short."""
    return escape_untrusted(text, limit=64)


def path_words(text: str) -> str:
    """A repository's path, harmless and short."""
    return escape_untrusted(text, limit=_LONGEST_PATH)


def delivery_id(text: str) -> str:
    """The id of a delivery; empty for what no forge would send."""
    fit = len(text) <= _LONGEST_DELIVERY and text.isascii() and text.isprintable()
    return text.strip() if fit else ""
