"""A secret that does not show itself, and the origins that secrets belong to."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Never

from mgit.address import Origin
from mgit.errors import InvalidInput

_MAX_LENGTH = 8192


class Secret:
    """A token or password. Printed, formatted or logged it is `***`; it cannot be pickled.

    Args:
        value: the text itself, without surrounding white space.

    Raises:
        InvalidInput: empty, too long, or with characters that no header and no line can hold.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not value or len(value) > _MAX_LENGTH:
            raise InvalidInput("a token must not be empty or longer than 8192 characters")
        if not value.isprintable() or value != value.strip():
            raise InvalidInput(
                "a token must be one line without control characters or spaces around it",
                advice="copy the token again, without the line break",
            )
        self._value = value

    @classmethod
    def from_text(cls, text: str) -> Secret:
        """Take a secret from a file, a prompt or a command's output: white space around it goes."""
        return cls(text.strip())

    def reveal(self) -> str:
        """The text itself. Only for the one place that hands it over."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return format("***", format_spec)

    def __reduce__(self) -> Never:
        raise TypeError("a secret cannot be pickled or copied to another process")


@dataclass(frozen=True, slots=True)
class Credential:
    """Who mgit is at one origin.

    Args:
        origin: the only scheme, host and port it is ever shown to.
        username: the user name that goes with it, not secret.
        secret: the token.
        found_in: where it came from, for a person (`file /run/secrets/token`, `mgit login`).
    """

    origin: Origin
    username: str
    secret: Secret
    found_in: str

    def at(self, origin: Origin, username: str) -> Credential:
        """The same token for another origin of the same forge (`api.github.com`, `github.com`).

        The caller vouches that both belong together: it is the forge's own table that says so,
        never an answer from the network.
        """
        return replace(self, origin=origin, username=username)


class CredentialBook:
    """Which credential belongs to which origin; exact match or none.

    Args:
        credentials: at most one for an origin; a later one replaces an earlier one.
    """

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        self._by_origin = {credential.origin: credential for credential in credentials}

    def for_origin(self, origin: Origin) -> Credential | None:
        """The credential for exactly this scheme, host and port."""
        return self._by_origin.get(origin)

    def __iter__(self) -> Iterator[Credential]:
        return iter(self._by_origin.values())

    def __len__(self) -> int:
        return len(self._by_origin)
