"""The laptop and the forge of the stories, for pages that are typed."""

from __future__ import annotations

from tests.story.conftest import forge, laptop, pictures, work

__all__ = ["forge", "laptop", "pictures", "work"]
