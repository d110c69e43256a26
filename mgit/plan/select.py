"""Which repositories are meant: patterns like `acme/*`, `acme/shop/api`, `!acme/legacy-*`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mgit.errors import InvalidInput
from mgit.model import RepoPath

_MAX_PATTERN = 512
_ADVICE = "write ORG/PROJECT/REPO, ORG/REPO or REPO; `*` stands for any part, `!` excludes"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, taken apart.

    Args:
        text: as it was written.
        exclude: whether it began with `!`.
        parts: its one, two or three segments; `**` as a segment stands for any number of them.
    """

    text: str
    exclude: bool
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read one pattern.

        Raises:
            InvalidInput: empty, an empty segment, too many segments, control characters.
        """
        exclude = text.startswith("!")
        body = text.removeprefix("!")
        parts = tuple(body.split("/"))
        if not body or len(text) > _MAX_PATTERN or not text.isprintable():
            raise InvalidInput(f"pattern {text[:80]!a} is not one", advice=_ADVICE)
        if any(not part or part in (".", "..") for part in parts):
            raise InvalidInput(f"pattern {text[:80]!a} has an empty part", advice=_ADVICE)
        if len(parts) > 3:
            raise InvalidInput(f"pattern {text[:80]!a} has more than three parts", advice=_ADVICE)
        return cls(text, exclude, parts)

    def matches(self, path: RepoPath) -> bool:
        """Whether a repository is meant by this pattern, `!` or not."""
        match self.parts:
            case [name] if name != "**":
                return _part(name, path.name)
            case [owner, name] if "**" not in (owner, name):
                return _part(owner, path.owner) and _part(name, path.name)
            case [owner, _, name] if path.project is None and "**" not in self.parts:
                # A forge without projects: the middle part says nothing.
                return _part(owner, path.owner) and _part(name, path.name)
            case _:
                return _all(self.parts, tuple(str(path).split("/")))


@dataclass(frozen=True, slots=True)
class Selection:
    """What is meant by several patterns together.

    A repository is selected when some pattern without `!` matches it (or there is none of
    those), and no pattern with `!` does. The order does not matter.
    """

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, patterns: Iterable[str]) -> Selection:
        """Read patterns; none at all selects everything.

        Raises:
            InvalidInput: a pattern is malformed.
        """
        parsed = [Pattern.parse(text) for text in patterns]
        return cls(
            tuple(pattern for pattern in parsed if not pattern.exclude),
            tuple(pattern for pattern in parsed if pattern.exclude),
        )

    @property
    def everything(self) -> bool:
        """Whether it excludes nothing."""
        return not self.include and not self.exclude

    def matches(self, path: RepoPath) -> bool:
        """Whether a repository is selected."""
        if self.include and not any(pattern.matches(path) for pattern in self.include):
            return False
        return not any(pattern.matches(path) for pattern in self.exclude)

    def unmatched(self, paths: Iterable[RepoPath]) -> tuple[Pattern, ...]:
        """Including patterns that match nothing of what is there: most likely a typing error."""
        left = list(self.include)
        for path in paths:
            left = [pattern for pattern in left if not pattern.matches(path)]
            if not left:
                break
        return tuple(left)


def fold(text: str) -> str:
    """The form in which names are compared: without case, composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _all(patterns: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not patterns:
        return not parts
    first, rest = patterns[0], patterns[1:]
    if first == "**":
        return any(_all(rest, parts[skip:]) for skip in range(len(parts) + 1))
    return bool(parts) and _part(first, parts[0]) and _all(rest, parts[1:])


def _part(pattern: str, text: str) -> bool:
    """Whether one segment matches; linear, whatever the pattern."""
    text = fold(text)
    first, *others = _pieces(pattern)
    if not others:
        return text == first
    *middle, last = others
    if not text.startswith(first) or not text.endswith(last):
        return False
    position = len(first)
    for piece in middle:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return position <= len(text) - len(last)


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[str, ...]:
    return tuple(fold(piece) for piece in pattern.split("*"))
