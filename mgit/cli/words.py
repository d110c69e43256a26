"""How phases and numbers are said to a person."""

from __future__ import annotations

PHASES = {
    "list": ("listing", "source"),
    "compare": ("comparing", "repository"),
    "apply": ("applying", "action"),
    "run": ("running in", "clone"),
}
"""Phase of the work -> what is being done, and to what."""


def count(number: int, unit: str) -> str:
    """`1 repository`, `2 repositories`."""
    if number == 1:
        return f"1 {unit}"
    return f"{number} {unit[:-1]}ies" if unit.endswith("y") else f"{number} {unit}s"


def some_of(names: list[str], shown: int = 3) -> str:
    """`a`, `a and b`, `a, b, c and 37 others`."""
    if len(names) > shown:
        return f"{', '.join(names[:shown])} and {count(len(names) - shown, 'other')}"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
