"""Signatures and shared secrets, compared in constant time.

Every secret is tried, also after one that fits: while a secret is replaced two are valid.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence

from mgit.credentials.secret import Secret
from mgit.webhooks.values import WINDOW_SECONDS, Refusal, Refused, Request, Seal

_HEX_LENGTH = hashlib.sha256().digest_size * 2
_PREFIX = "sha256="
_STANDARD_MARK = "whsec_"
"""How such a secret begins."""
_VERSION = "v1,"
_MOST_SIGNATURES = 16


def hex_signature(given: str, body: bytes, secrets: Sequence[Secret]) -> Seal | Refused:
    """Check `sha256=HEX` or `HEX`: the HMAC-SHA256 of the raw body.

    GitHub and both Bitbuckets write the prefix, Gitea and Forgejo do not.

    Args:
        given: value of the header, empty where it was not sent.
        body: byte for byte.
        secrets: all that are valid.
    """
    if not given:
        return unsigned("it carries no signature: no secret is set at the forge")
    digest = given.removeprefix(_PREFIX).lower()
    if len(digest) != _HEX_LENGTH or not digest.isascii():
        return wrong("its signature is no SHA-256 in hexadecimal")
    right = (hmac.new(_key(one), body, hashlib.sha256).hexdigest() for one in secrets)
    if not _any_equal(digest.encode(), (one.encode() for one in right)):
        return wrong("its signature was not made with a secret of this source")
    return Seal(body=True)


def shown_secret(given: str, secrets: Sequence[Secret]) -> Seal | Refused:
    """Check a secret that the forge sends as it is; nothing vouches for the body then."""
    if not given:
        return unsigned("it carries no secret: none is set at the forge")
    if not _any_equal(given.encode("utf-8", "replace"), (_key(one) for one in secrets)):
        return wrong("it carries another secret than this source has")
    return Seal(body=False)


def basic_secret(given: str, secrets: Sequence[Secret]) -> Seal | Refused:
    """Check `Authorization: Basic`: the password is the secret, the user may be anybody."""
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "basic":
        return unsigned("it carries no user name and password")
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return wrong("its user name and password cannot be read")
    return shown_secret(pair.partition(":")[2], secrets)


def standard_signature(request: Request, secrets: Sequence[Secret]) -> Seal | Refused:
    """Check a signature as the Standard Webhooks specification has it.

    `webhook-signature` holds `v1,BASE64` once or more, over `ID.TIME.BODY`. A key is what stands
    behind `whsec_` in base64, or the text itself where somebody chose it.
    """
    headers = request.headers
    delivery, moment = headers.get("webhook-id"), headers.get("webhook-timestamp")
    given = headers.get("webhook-signature").split()
    if not delivery or not moment.isdecimal() or not moment.isascii() or len(moment) > 12:
        return wrong("its signed id or time is missing")
    signed = f"{delivery}.{moment}.".encode("utf-8", "replace") + request.body
    right = [
        base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        for one in secrets
        for key in _standard_keys(one)
    ]
    ours = [one.removeprefix(_VERSION) for one in given if one.startswith(_VERSION)]
    fits = [_any_equal(one.encode("utf-8", "replace"), right) for one in ours[:_MOST_SIGNATURES]]
    if not any(fits):
        return wrong("its signature was not made with a secret of this source")
    if abs(request.now - int(moment)) > WINDOW_SECONDS:
        return Refused(Refusal.STALE, "it was signed more than five minutes ago, or ahead")
    return Seal(body=True, delivery=delivery)


def unsigned(detail: str) -> Refused:
    """Nothing that a secret could vouch for."""
    return Refused(Refusal.UNSIGNED, detail)


def wrong(detail: str) -> Refused:
    """Something that no secret vouches for."""
    return Refused(Refusal.WRONG_SIGNATURE, detail)


def _any_equal(given: bytes, right: Iterable[bytes]) -> bool:
    return any([hmac.compare_digest(given, one) for one in right])  # noqa: C419 - tries them all


def _key(secret: Secret) -> bytes:
    return secret.reveal().encode()


def _standard_keys(secret: Secret) -> Iterator[bytes]:
    text = secret.reveal()
    yield text.encode()
    if text.startswith(_STANDARD_MARK):
        try:
            decoded = base64.b64decode(text.removeprefix(_STANDARD_MARK), validate=True)
        except (binascii.Error, ValueError):
            return
        if decoded:
            yield decoded
