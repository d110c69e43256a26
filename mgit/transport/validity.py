"""When certificates begin and end: of X.509 just as much as says it (RFC 5280, 4.1). Pure.

The standard library tells that only of a certificate that a peer showed and that was verified.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mgit.errors import InvalidInput

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION = 0x30, 0xA0
_BEFORE_VALIDITY = 3  # serial number, signature algorithm, issuer
_LONGEST_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Validity:
    """The life of a certificate.

    Args:
        begins: first moment (aware).
        ends: last moment (aware).
    """

    begins: datetime
    ends: datetime


def validities(pem: str) -> tuple[Validity, ...]:
    """The lives of all certificates in a PEM file, in their order.

    Raises:
        InvalidInput: one of them is no certificate.
    """
    return tuple(_validity(block) for block in _BLOCK.findall(pem))


def _validity(block: str) -> Validity:
    try:
        whole = _only(ssl.PEM_cert_to_DER_cert(block), _SEQUENCE)
        signed = next(_parts(whole))
        fields = [one for one in _parts(_expected(signed, _SEQUENCE)) if one[0] != _VERSION]
        begins, ends = _parts(_expected(fields[_BEFORE_VALIDITY], _SEQUENCE))
        return Validity(_moment(*begins), _moment(*ends))
    except (ValueError, IndexError, StopIteration):  # binascii.Error is a ValueError
        raise InvalidInput("this is no certificate in PEM") from None


def _only(data: bytes, tag: int) -> bytes:
    return _expected(next(_parts(data)), tag)


def _expected(part: tuple[int, bytes], tag: int) -> bytes:
    if part[0] != tag:
        raise ValueError
    return part[1]


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents that follow each other (X.690, 8.1); lengths are definite in DER."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= _LONGEST_LENGTH:
                raise ValueError
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        content = data[at : at + length]
        if len(content) != length:
            raise ValueError
        yield tag, content
        at += length


def _moment(tag: int, content: bytes) -> datetime:
    """RFC 5280, 4.1.2.5: seconds are there, and the zone is Z; years of two digits are 1950 on."""
    text = content.decode("ascii")
    match tag:
        case 0x17 if re.fullmatch(r"[0-9]{12}Z", text):
            text = ("19" if text[:2] >= "50" else "20") + text
        case 0x18 if re.fullmatch(r"[0-9]{14}Z", text):
            pass
        case _:
            raise ValueError
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
