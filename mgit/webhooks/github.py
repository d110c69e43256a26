"""GitHub's webhooks.

Source: GitHub's documentation, "Webhook events and payloads" and "Validating webhook deliveries":
`X-Hub-Signature-256` is `sha256=` and the HMAC of the raw body; `X-GitHub-Event` names the event,
`X-GitHub-Delivery` the delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

from mgit.credentials.secret import Secret
from mgit.webhooks.hub import hint_of, is_known
from mgit.webhooks.signing import hex_signature
from mgit.webhooks.values import (
    Hint,
    Malformed,
    Message,
    NoHint,
    Refused,
    Request,
    Seal,
    Silence,
    delivery_id,
    word,
)


class GitHub:
    """See `mgit.webhooks.values.Dialect`."""

    def verify(self, request: Request, secrets: Sequence[Secret]) -> Seal | Refused:
        return hex_signature(request.headers.get("X-Hub-Signature-256"), request.body, secrets)

    def read(self, request: Request) -> Message:
        event = request.headers.get("X-GitHub-Event")
        delivery = delivery_id(request.headers.get("X-GitHub-Delivery"))
        return Message(word(event), delivery, _hint(event, request))


def _hint(event: str, request: Request) -> Hint:
    if event == "ping":
        return NoHint(Silence.PING)
    return hint_of(event, _json_of(request) if is_known(event) else b"")


def _json_of(request: Request) -> bytes:
    """The body, taken out of the form that a webhook sends unless it was told to send JSON."""
    kind = request.headers.get("Content-Type").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return request.body
    try:
        fields = parse_qs(request.body.decode("ascii"), strict_parsing=True, max_num_fields=1)
    except ValueError:
        raise Malformed("it is no form with one field") from None
    return fields.get("payload", [""])[0].encode("utf-8", "replace")
