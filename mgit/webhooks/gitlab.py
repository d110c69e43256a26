"""GitLab's webhooks and system hooks.

Source: GitLab's documentation, "Webhook events" and "System hooks", and merge request 230944 for
signing tokens: `X-Gitlab-Token` shows the secret itself; a hook with a signing token is signed as
the Standard Webhooks specification has it. Which event it is stands in the body, for one that
comes by way of a system hook is `System Hook` in the header whatever it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mgit.credentials.secret import Secret
from mgit.webhooks.reading import Id, Name, read_json
from mgit.webhooks.signing import shown_secret, standard_signature
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

_REFS = frozenset({"push", "tag_push", "repository_update"})
_LISTING = frozenset(
    {
        "project_create",
        "project_destroy",
        "project_rename",
        "project_transfer",
        "project_update",
        "group_destroy",
        "group_rename",
        "subgroup_create",
        "subgroup_destroy",
    }
)


class _Project(msgspec.Struct, frozen=True):
    path_with_namespace: Name = ""


class _Body(msgspec.Struct, frozen=True):
    object_kind: Name = ""
    event_name: Name = ""
    project_id: Id | None = None
    project: _Project | None = None
    path_with_namespace: Name = ""


class GitLab:
    """See `mgit.webhooks.values.Dialect`."""

    def verify(self, request: Request, secrets: Sequence[Secret]) -> Seal | Refused:
        if request.headers.get("webhook-signature"):
            return standard_signature(request, secrets)
        return shown_secret(request.headers.get("X-Gitlab-Token"), secrets)

    def read(self, request: Request) -> Message:
        body = read_json(request.body, _Body)
        event = body.event_name or body.object_kind
        told = request.headers.first("X-Gitlab-Event-UUID", "Idempotency-Key", "webhook-id")
        return Message(word(event), delivery_id(told), _hint(event, body))


def _hint(event: str, body: _Body) -> Hint:
    named = body.project.path_with_namespace if body.project else body.path_with_namespace
    path = path_words(named)
    if event in _LISTING:
        return ListingHint(path)
    if event not in _REFS:
        return NoHint(Silence.UNKNOWN_EVENT)
    if body.project_id is None:
        raise Malformed("it does not say which project it is about")
    return RepoHint(str(body.project_id), path)
