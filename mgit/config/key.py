"""One key of the configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mgit.config.values import Reader

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """One key of the configuration.

    Args:
        table: `defaults`, `serve`, … or `sources` for a key of every source.
        name: the key inside it.
        read: from text or TOML value to a checked value.
        default: as a person would write it; None where the absence means something.
        env: the variable that replaces it, empty if there is none.
        about: one line for the documentation.
        write: from a checked value to text that reads as the same.
        since: the first version that has it.
    """

    table: str
    name: str
    read: Reader[T]
    default: str | None
    env: str = ""
    about: str = ""
    write: Callable[[T], str] = str
    since: str = "0.1.0"

    @property
    def path(self) -> str:
        """The dotted name."""
        return f"{self.table}.{self.name}"
