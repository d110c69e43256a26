"""Git's packet lines: four hex digits of length, then the bytes. gitprotocol-common(5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from mgit.errors import ForgeError

MAX_PACKET = 65520
MAX_PAYLOAD = MAX_PACKET - 4


class Special(Enum):
    """Packets without a payload."""

    FLUSH = b"0000"
    DELIMITER = b"0001"
    RESPONSE_END = b"0002"


FLUSH = Special.FLUSH
DELIMITER = Special.DELIMITER
Packet = bytes | Special


def encode(packets: Iterable[Packet]) -> bytes:
    """Write packets one after the other.

    Raises:
        ValueError: a payload is longer than 65516 bytes.
    """
    parts: list[bytes] = []
    for packet in packets:
        if isinstance(packet, Special):
            parts.append(packet.value)
            continue
        if len(packet) > MAX_PAYLOAD:
            raise ValueError(f"a packet of {len(packet)} bytes is too long")
        parts.append(b"%04x" % (len(packet) + 4))
        parts.append(packet)
    return b"".join(parts)


def decode(data: bytes) -> Iterator[Packet]:
    """Read packets until the data ends.

    Raises:
        ForgeError: the data is not made of whole packets.
    """
    position = 0
    while position < len(data):
        length = _length(data[position : position + 4])
        if length < 4:
            yield _SPECIALS[length]
            position += 4
            continue
        end = position + length
        if end > len(data):
            raise ForgeError("the answer ends in the middle of a git packet")
        yield data[position + 4 : end]
        position = end


_SPECIALS = {0: Special.FLUSH, 1: Special.DELIMITER, 2: Special.RESPONSE_END}


def _length(digits: bytes) -> int:
    # int() alone would also take "+fff", "0x10", " 0a " and "1_00".
    if len(digits) != 4 or not set(digits) <= _HEX:
        raise ForgeError("the answer is not made of git packets")
    length = int(digits, 16)
    if length == 3 or length > MAX_PACKET:
        raise ForgeError(f"the answer holds a git packet of impossible length {length}")
    return length


_HEX = frozenset(b"0123456789abcdefABCDEF")
