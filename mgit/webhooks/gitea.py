"""Gitea's and Forgejo's webhooks.

Source: Gitea's documentation, "Webhooks", and Forgejo's: the signature is the HMAC-SHA256 of the
raw body in hexadecimal, without a prefix. Both send the names of their ancestors too, so that a
header of their own is looked for first.
"""

from __future__ import annotations

from collections.abc import Sequence

from mgit.credentials.secret import Secret
from mgit.webhooks.hub import hint_of
from mgit.webhooks.signing import hex_signature
from mgit.webhooks.values import (
    Message,
    Refused,
    Request,
    Seal,
    delivery_id,
    word,
)


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
        return Message(word(event), delivery_id(told), hint_of(event, request.body))
