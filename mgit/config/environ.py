"""The one place that reads the environment of this process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment as a value that never shows what it holds: tokens may stand in it.

    Args:
        variables: names and values.
    """

    variables: Mapping[str, str] = field(repr=False)

    def given(self, name: str) -> str | None:
        """A variable's value; None when it is unset or empty, as shells treat the two alike."""
        return self.variables.get(name) or None

    def home(self) -> Path | None:
        """The home folder, None where there is no usable one (a container's `/`, a bare uid)."""
        text = self.given("HOME") or self.given("USERPROFILE")
        if text is None or not Path(text).is_absolute() or Path(text) == Path(Path(text).anchor):
            return None
        return Path(text)


def current_environment() -> Environment:
    """The environment that this process was started with."""
    return Environment(dict(os.environ))
