"""The shared libraries that an ELF file asks for. Reads the file, runs nothing.

Format: System V gABI, chapter 5; 64 bit and little endian, as both platforms of the image are.
"""

from __future__ import annotations

import struct
from pathlib import Path

_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRINGS = 1, 5
_HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_ENTRY = struct.Struct("<qQ")


def is_elf(path: Path) -> bool:
    """Whether a regular file begins like a 64-bit little-endian ELF file."""
    if not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as file:
        return file.read(6) == b"\x7fELF\x02\x01"


def needed(path: Path) -> tuple[str, ...]:
    """Names of the libraries it needs, its interpreter (the loader) included.

    Raises:
        ValueError: a dynamic section that points outside the file.
    """
    data = path.read_bytes()
    header = _HEADER.unpack_from(data)
    offset, size, count = header[4], header[8], header[9]
    segments = [_SEGMENT.unpack_from(data, offset + index * size) for index in range(count)]
    names = []
    for kind, _, start, _, _, length, _, _ in segments:
        if kind == _INTERPRETER:
            names.append(Path(_text(data, start)).name)
        elif kind == _DYNAMIC:
            names += _libraries(data, segments, start, length)
    return tuple(names)


def _libraries(data: bytes, segments: list[tuple[int, ...]], start: int, length: int) -> list[str]:
    entries = list(_ENTRY.iter_unpack(data[start : start + length]))
    addresses = [value for tag, value in entries if tag == _STRINGS]
    if not addresses:
        return []
    table = _offset(segments, addresses[0])
    return [_text(data, table + value) for tag, value in entries if tag == _NEEDED]


def _offset(segments: list[tuple[int, ...]], address: int) -> int:
    for kind, _, start, virtual, _, length, _, _ in segments:
        if kind == _LOAD and virtual <= address < virtual + length:
            return start + address - virtual
    message = f"address {address:#x} is in no segment"
    raise ValueError(message)


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode()
