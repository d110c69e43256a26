"""DSSE envelopes (Dead Simple Signing Envelope, version 1) around in-toto statements. Pure.

What is signed is not the statement alone but the statement with its type and both lengths, so that
the same bytes can never be taken for something of another type.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class _Signature(msgspec.Struct):
    sig: str
    keyid: str = ""


class _Envelope(msgspec.Struct, rename="camel"):
    payload_type: str
    payload: str
    signatures: list[_Signature]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an envelope holds.

    Args:
        statement: the bytes that were stated.
        signature: base64, of `to_sign(statement)`.
    """

    statement: bytes
    signature: str


def to_sign(statement: bytes) -> bytes:
    """The bytes that a signature in an envelope is made over (DSSE's PAE)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(statement), statement)


def seal(envelope: Envelope) -> bytes:
    """The envelope as a document."""
    payload = base64.b64encode(envelope.statement).decode()
    made = _Envelope(PAYLOAD_TYPE, payload, [_Signature(envelope.signature)])
    return msgspec.json.encode(made)


def unseal(document: bytes) -> Envelope | None:
    """What an envelope holds; None where it is none of ours."""
    try:
        read = msgspec.json.decode(document, type=_Envelope)
        statement = base64.b64decode(read.payload, validate=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error):
        return None
    if read.payload_type != PAYLOAD_TYPE or len(read.signatures) != 1:
        return None
    return Envelope(statement, read.signatures[0].sig)
