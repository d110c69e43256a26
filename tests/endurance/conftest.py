"""The laptop and the forge of the story tests."""

from __future__ import annotations

from tests.story.conftest import forge, laptop

__all__ = ["forge", "laptop"]
