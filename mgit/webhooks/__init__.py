"""Webhooks of every forge: from headers and bytes to a hint, or to a refusal. Pure.

A webhook is only a hint. It makes one repository, or the listing of its source, due now; what is
true is then asked of the forge as in any other pass, so a forged or forgotten one changes nothing
but when that is. A new forge is one module and one line in `_DIALECTS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mgit.credentials.secret import Secret
from mgit.webhooks.azuredevops import AzureDevOps
from mgit.webhooks.bitbucket import Bitbucket
from mgit.webhooks.bitbucket_datacenter import BitbucketDataCenter
from mgit.webhooks.gitea import Gitea
from mgit.webhooks.github import GitHub
from mgit.webhooks.gitlab import GitLab
from mgit.webhooks.values import (
    MAX_BODY,
    Accepted,
    Dialect,
    Headers,
    Hint,
    ListingHint,
    Malformed,
    Message,
    NoHint,
    Refusal,
    Refused,
    Remembered,
    RepoHint,
    Request,
    Seal,
    Silence,
)

__all__ = [
    "MAX_BODY",
    "SPEAKS",
    "Accepted",
    "Headers",
    "Hint",
    "ListingHint",
    "NoHint",
    "Refusal",
    "Refused",
    "RepoHint",
    "Silence",
    "receive",
]

_DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "github": GitHub(),
        "gitlab": GitLab(),
        "azuredevops": AzureDevOps(),
        "bitbucket": Bitbucket(),
        "bitbucket-datacenter": BitbucketDataCenter(),
        "gitea": Gitea(),
        "forgejo": Gitea(),
    }
)
SPEAKS = frozenset(_DIALECTS)
"""The kinds of forge whose webhooks are understood."""


def receive(
    forge: str,
    headers: Headers,
    body: bytes,
    secrets: Sequence[Secret],
    *,
    now: float,
    remembered: Remembered,
) -> Accepted | Refused:
    """What a request to the webhook of a source is good for.

    Nothing is made of the body before a secret vouched for the request.

    Args:
        forge: the kind of forge that the source is: one of `SPEAKS`.
        headers: of the request.
        body: byte for byte.
        secrets: all that are valid now; none refuses everything.
        now: seconds since 1970.
        remembered: marks of what was accepted before.
    """
    if len(body) > MAX_BODY:
        return Refused(Refusal.TOO_LARGE, f"it is longer than {MAX_BODY} bytes")
    if not secrets:
        return Refused(Refusal.UNREADY, "this source has no secret that could be read")
    request = Request(headers, body, now)
    dialect = _DIALECTS.get(forge)
    if dialect is None:
        return Refused(Refusal.UNREADY, "webhooks of this kind of forge are not understood")
    seal = dialect.verify(request, secrets)
    if isinstance(seal, Refused):
        return seal
    try:
        message = dialect.read(request)
    except Malformed as error:
        return Refused(Refusal.MALFORMED, str(error))
    if isinstance(message.hint, NoHint):
        return Accepted(message.event, message.delivery, message.hint)
    marks = _marks(seal, message, body)
    if any(mark in remembered for mark in marks):
        return Accepted(message.event, message.delivery, NoHint(Silence.REPLAYED))
    return Accepted(message.event, message.delivery, message.hint, marks)


def _marks(seal: Seal, message: Message, body: bytes) -> tuple[str, ...]:
    """What a copy of it would have in common with it.

    The id of a delivery is in a header that most forges do not sign: somebody who replays a
    request may write another one there, but not change the body.
    """
    if seal.delivery:
        return (_mark("signed", seal.delivery.encode("utf-8", "replace")),)
    marks = (_mark("delivery", message.delivery.encode()),) if message.delivery else ()
    return (*marks, _mark("body", body)) if seal.body or not marks else marks


def _mark(kind: str, content: bytes) -> str:
    return hashlib.sha256(kind.encode() + b"\0" + content).hexdigest()[:32]
