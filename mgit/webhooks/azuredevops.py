"""The service hooks of Azure DevOps.

Source: Microsoft's documentation, "Service hooks events" and "Web Hooks": nothing is signed, the
request carries the user name and password of the subscription (HTTP Basic). The event stands in
the body, and so does the delivery's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from mgit.credentials.secret import Secret
from mgit.webhooks.reading import Name, read_json
from mgit.webhooks.signing import basic_secret
from mgit.webhooks.values import (
    Hint,
    ListingHint,
    Malformed,
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
    {
        "git.repo.created",
        "git.repo.deleted",
        "git.repo.forked",
        "git.repo.renamed",
        "git.repo.statuschanged",
    }
)


class _Project(msgspec.Struct, frozen=True):
    name: Name = ""


class _Repository(msgspec.Struct, frozen=True):
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Fa-f-]{36}$")]
    name: Name = ""
    project: _Project = _Project()


class _Resource(msgspec.Struct, frozen=True):
    repository: _Repository


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    event_type: Name
    id: Name = ""
    resource: msgspec.Raw = msgspec.Raw(b"null")


class AzureDevOps:
    """See `mgit.webhooks.values.Dialect`."""

    def verify(self, request: Request, secrets: Sequence[Secret]) -> Seal | Refused:
        return basic_secret(request.headers.get("Authorization"), secrets)

    def read(self, request: Request) -> Message:
        event = read_json(request.body, _Event)
        return Message(word(event.event_type), delivery_id(event.id), _hint(event))


def _hint(event: _Event) -> Hint:
    if event.event_type in _LISTING:
        return ListingHint()
    if event.event_type != "git.push":
        return NoHint(Silence.UNKNOWN_EVENT)
    repo = read_json(bytes(event.resource), _Resource).repository
    if not repo.name.isprintable():
        raise Malformed("its repository has no name that could be shown")
    return RepoHint(repo.id.lower(), path_words(f"{repo.project.name}/{repo.name}"))
