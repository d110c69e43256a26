"""Readers of sizes in bytes: k, m, g and t are powers of 1024."""

from __future__ import annotations

import re

from mgit.config.values import NEVER, Reader, Unfit, Where

_SIZE = re.compile(r"(0|[1-9][0-9]{0,5})([kmgt]?)")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def read_size(lowest: int, highest: int) -> Reader[int]:
    """A size such as `64m`, or `never`, which is 0."""
    words = f"{NEVER}, or a size from {format_size(lowest)} to {format_size(highest)}, such as 64m"

    def read(value: object, where: Where) -> int:
        del where
        if value == NEVER:
            return 0
        size = _bytes(value) if isinstance(value, str) else -1
        if not lowest <= size <= highest:
            raise Unfit(words)
        return size

    return read


def format_size(size: int) -> str:
    """Write a size the way `read_size` reads it."""
    return format_limit(size) if size else NEVER


def read_limit(lowest: int) -> Reader[int]:
    """A size such as `500m` or `64g`; or 0, which stands for no limit."""

    def read(value: object, where: Where) -> int:
        del where
        size = _bytes(str(value)) if isinstance(value, str | int) else -1
        if size != 0 and size < lowest:
            raise Unfit(f"0, or a size from {format_limit(lowest)}, such as 64g")
        return size

    return read


def format_limit(size: int) -> str:
    """Write a size the way `read_limit` reads it."""
    for unit, power in reversed(_POWERS.items()):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return "0"


def _bytes(text: str) -> int:
    """How many they are, -1 where it is no size."""
    found = _SIZE.fullmatch(text.lower())
    return int(found[1]) * 1024 ** _POWERS[found[2]] if found else -1
