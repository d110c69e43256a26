"""Gitea's and Forgejo's webhooks.

Source: Gitea's documentation, "Webhooks", and Forgejo's: the signature is the HMAC-SHA256 of the
raw body in hexadecimal, without a prefix. Both send the names of their ancestors too, so that a
header of their own is looked for first.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mgit.credentials.secret import Secret
from mgit.webhooks.reading import Id, Name, read_json
from mgit.webhooks.signing import hex_signature
from mgit.webhooks.values import (
    Hint,
    ListingHint,
    Message,
    NoHint,
    Refused,
    RepoHint,
    Request,
    Seal,
    Silence,
    delivery_id,
    path_words,
    word,
)

_REFS = frozenset({"push", "create", "delete"})


class _Repository(msgspec.Struct, frozen=True):
    id: Id
    full_name: Name


class _Body(msgspec.Struct, frozen=True):
    repository: _Repository


class Gitea:
    """See `mgit.webhooks.values.Dialect`."""

    def verify(self, request: Request, secrets: Sequence[Secret]) -> Seal | Refused:
        given = request.headers.first(
            "X-Forgejo-Signature", "X-Gitea-Signature", "X-Hub-Signature-256"
        )
        return hex_signature(given, request.body, secrets)

    def read(self, request: Request) -> Message:
        headers = request.headers
        event = headers.first("X-Forgejo-Event", "X-Gitea-Event", "X-GitHub-Event")
        told = headers.first("X-Forgejo-Delivery", "X-Gitea-Delivery", "X-GitHub-Delivery")
        return Message(word(event), delivery_id(told), _hint(event, request))


def _hint(event: str, request: Request) -> Hint:
    if event not in _REFS and event != "repository":
        return NoHint(Silence.UNKNOWN_EVENT)
    repo = read_json(request.body, _Body).repository
    path = path_words(repo.full_name)
    return RepoHint(str(repo.id), path) if event in _REFS else ListingHint(path)
