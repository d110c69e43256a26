"""What every forge can do, and what it needs for it.

A forge lists repositories and says whose credential it was given. Everything else about a
repository is asked of git. Optional powers are Protocols of their own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mgit.address import Origin
from mgit.errors import InvalidInput
from mgit.forges.limits import RateLimit
from mgit.model import Listing, RemoteRepo
from mgit.transport import CachedResponse, ResponseCache, Transport

if TYPE_CHECKING:
    from mgit.credentials import Credential
    from mgit.forges.budget import Budget

__all__ = [
    "Account",
    "ApiBase",
    "CachedResponse",
    "Changed",
    "Forge",
    "ForgeContext",
    "Pacing",
    "RateLimit",
    "ResponseCache",
    "TellsChanges",
    "TellsExpiry",
    "TellsRateLimit",
    "require_api",
]


@dataclass(frozen=True, slots=True)
class ApiBase:
    """Where a forge's REST API is.

    Args:
        origin: what to connect to.
        path: what stands before every call, for example `/api/v3`; may be empty, never ends
            with a slash.
    """

    origin: Origin
    path: str = ""

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"


@dataclass(frozen=True, slots=True)
class Pacing:
    """How patient a client is.

    Args:
        attempts: how often one request is sent at most.
        longest_wait: seconds that a forge may ask to wait before it is given up for this run.
        total_wait: seconds that one source may spend on waiting altogether.
        sleep: waits so many seconds.
        clock: seconds since the epoch; only used where a forge sends no `Date`.
        jitter: a number from 0 to 1, so that many clients do not come back together.
    """

    attempts: int = 3
    longest_wait: float = 60.0
    total_wait: float = 180.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class ForgeContext:
    """All that a forge is opened with.

    Args:
        source: the configured name, for messages and listings.
        transport: sends the requests.
        api: its REST API (see `mgit.forges.api_base`); None for a manifest.
        owners: organisations and users to list; empty for all that the credential can see.
        credential: belongs to the API's or the clone URLs' origin; None to ask anonymously.
        cache: answers of earlier runs; None to keep none.
        file: the manifest; None for a REST API.
        pacing: how patiently to ask.
        budget: the pauses that the API's host asked for, shared with all who ask it with this
            credential; None to share none.
    """

    source: str
    transport: Transport
    api: ApiBase | None = None
    owners: tuple[str, ...] = ()
    credential: Credential | None = None
    cache: ResponseCache | None = None
    file: Path | None = None
    pacing: Pacing = field(default_factory=Pacing)
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Whose credential it is.

    Args:
        login: name to sign in with; empty where a source has no accounts.
        name: as the person wrote it; may be empty. Untrusted text.
        scopes: what the credential may do, where the forge says so.
        expires: when it ends (aware), where the forge says so.
        server_time: the forge's clock (aware), to find a skew; None if it did not say.
    """

    login: str
    name: str = ""
    scopes: tuple[str, ...] = ()
    expires: datetime | None = None
    server_time: datetime | None = None


class Forge(Protocol):
    """One source of repositories. Not shared between threads."""

    @property
    def git_origin(self) -> Origin | None:
        """Where its clone URLs point; None for a manifest that has none or several."""

    @property
    def git_username(self) -> str:
        """What git has to give as the user name beside the token."""

    def list_repos(self) -> Listing:
        """All repositories of the source.

        What fails after something was received makes the listing incomplete and is told in its
        `problem`; so does an entry that mgit refuses to read. Nothing may then be concluded
        from an absence.

        Raises:
            AuthenticationError: the credential was refused, or one is needed.
            ForgeError: nothing could be listed at all (`NetworkError`, `NotFound`,
                `RateLimited` among them).
            ConfigurationError: a manifest that cannot be read.
        """

    def whoami(self) -> Account:
        """Prove the credential.

        Raises:
            AuthenticationError: refused, or there is none.
            ForgeError: see `list_repos`.
        """


@runtime_checkable
class TellsRateLimit(Protocol):
    """A forge that tells what is left of its allowance."""

    @property
    def rate_limit(self) -> RateLimit | None:
        """As of the last answer; None before the first, or where there is no limit."""


@runtime_checkable
class TellsExpiry(Protocol):
    """A forge that tells when its credential ends."""

    def credential_expires(self) -> datetime | None:
        """When (aware); None where it does not end, or the forge does not say.

        Raises:
            AuthenticationError: see `Forge.list_repos`.
            ForgeError: see `Forge.list_repos`.
        """


@dataclass(frozen=True, slots=True)
class Changed:
    """What a forge says may have changed. A hint: it adds work, and never saves any.

    Args:
        repos: those that may have changed, newest first.
        complete: False when not all of the change feed could be read.
        since: the time that was asked about (aware).
        problem: what is missing, one line for a person; empty when complete.
    """

    repos: tuple[RemoteRepo, ...]
    complete: bool
    since: datetime
    problem: str = ""


@runtime_checkable
class TellsChanges(Protocol):
    """A forge that tells cheaply what was pushed to since a time."""

    def changed_since(self, since: datetime) -> Changed:
        """All repositories of the source that may have been pushed to after `since`.

        Each forge knows how coarse its own times are and asks for so much more. Renames,
        deletions and new repositories need a full listing.

        Args:
            since: aware.

        Raises:
            AuthenticationError: see `Forge.list_repos`.
            ForgeError: see `Forge.list_repos`.
        """


def require_api(context: ForgeContext) -> ApiBase:
    """The API of a forge that has one.

    Raises:
        InvalidInput: the context was made for a manifest.
    """
    if context.api is None:
        raise InvalidInput(f"source {context.source!a} needs the url of its forge")
    return context.api
