"""The table of generated pages, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from handbook.reference import codes, commands, configuration, messages

ROOT = Path(__file__).parents[2]
PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "docs/reference/configuration.md": configuration.page,
        "docs/reference/commands.md": commands.page,
        "docs/reference/exit-codes.md": codes.page,
        "docs/reference/messages.md": messages.page,
    }
)


def outdated(root: Path = ROOT) -> Iterable[str]:
    """The pages that are not what the code says now."""
    for path, page in PAGES.items():
        file = root / path
        if not file.is_file() or file.read_text("utf-8") != page():
            yield path


def renew(root: Path = ROOT) -> list[str]:
    """Write those that are; their paths."""
    found = list(outdated(root))
    for path in found:
        (root / path).write_text(PAGES[path](), encoding="utf-8")
    return found
