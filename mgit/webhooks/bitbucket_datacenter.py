"""Bitbucket Data Center's webhooks.

Source: Atlassian's documentation, "Event payload" and "Manage webhooks" of Data Center:
`X-Hub-Signature` is `sha256=` and the HMAC of the raw body, `X-Event-Key` names the event
(`diagnostics:ping` is the button "Test connection"), `X-Request-Id` the delivery.
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

_REFS = frozenset({"repo:refs_changed", "mirror:repo_synchronized"})
_LISTING = frozenset({"project:modified", "repo:modified", "repo:forked"})


class _Project(msgspec.Struct, frozen=True):
    key: Name = ""


class _Repository(msgspec.Struct, frozen=True):
    id: Id
    slug: Name = ""
    project: _Project = _Project()


class _Body(msgspec.Struct, frozen=True):
    repository: _Repository


class BitbucketDataCenter:
    """See `mgit.webhooks.values.Dialect`."""

    def verify(self, request: Request, secrets: Sequence[Secret]) -> Seal | Refused:
        return hex_signature(request.headers.get("X-Hub-Signature"), request.body, secrets)

    def read(self, request: Request) -> Message:
        event = request.headers.get("X-Event-Key")
        delivery = delivery_id(request.headers.get("X-Request-Id"))
        return Message(word(event), delivery, _hint(event, request))


def _hint(event: str, request: Request) -> Hint:
    if event == "diagnostics:ping":
        return NoHint(Silence.PING)
    if event in _LISTING:
        return ListingHint()
    if event not in _REFS:
        return NoHint(Silence.UNKNOWN_EVENT)
    repo = read_json(request.body, _Body).repository
    return RepoHint(str(repo.id), path_words(f"{repo.project.key}/{repo.slug}"))
