"""How phases and numbers are said to a person."""

from __future__ import annotations

PHASES = {
    "list": ("listing", "source"),
    "compare": ("comparing", "repository"),
    "apply": ("applying", "action"),
}
"""Phase of the work -> what is being done, and to what."""


def count(number: int, unit: str) -> str:
    """`1 repository`, `2 repositories`."""
    if number == 1:
        return f"1 {unit}"
    return f"{number} {unit[:-1]}ies" if unit.endswith("y") else f"{number} {unit}s"
