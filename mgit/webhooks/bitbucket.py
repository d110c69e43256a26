"""Bitbucket Cloud's webhooks.

Source: Atlassian's documentation, "Event payloads" and "Manage webhooks": `X-Hub-Signature` is
`sha256=` and the HMAC of the raw body, `X-Event-Key` names the event, `X-Request-UUID` the
delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from mgit.credentials.secret import Secret
from mgit.webhooks.reading import Name, read_json
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

_LISTING = frozenset(
    {"repo:created", "repo:deleted", "repo:imported", "repo:transfer", "repo:updated"}
)


class _Repository(msgspec.Struct, frozen=True):
    uuid: Annotated[str, msgspec.Meta(pattern=r"^\{[0-9A-Fa-f-]{1,64}\}$")]
    full_name: Name = ""


class _Body(msgspec.Struct, frozen=True):
    repository: _Repository


class Bitbucket:
    """See `mgit.webhooks.values.Dialect`."""

    def verify(self, request: Request, secrets: Sequence[Secret]) -> Seal | Refused:
        return hex_signature(request.headers.get("X-Hub-Signature"), request.body, secrets)

    def read(self, request: Request) -> Message:
        event = request.headers.get("X-Event-Key")
        delivery = delivery_id(request.headers.get("X-Request-UUID"))
        return Message(word(event), delivery, _hint(event, request))


def _hint(event: str, request: Request) -> Hint:
    if event != "repo:push" and event not in _LISTING:
        return NoHint(Silence.UNKNOWN_EVENT)
    repo = read_json(request.body, _Body).repository
    path = path_words(repo.full_name)
    return ListingHint(path) if event in _LISTING else RepoHint(repo.uuid, path)
