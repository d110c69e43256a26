"""Patterns like `acme/*`, `work:acme/shop/api`, `!acme/legacy-*`: which names they mean."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from mgit.errors import InvalidInput
from mgit.model import RemoteRepo, RepoKey, RepoPath

WIKI = ".wiki"
"""What the name and the id of a wiki end in, as a repository of its own."""

MAX_PATTERN = 512
_MAX_PARTS = 32
_ADVICE = (
    "write ORG/PROJECT/REPO, ORG/REPO or REPO; `*` stands for any part, `**` for any parts, "
    "`!` in front excludes, SOURCE: in front limits it to one source"
)


def fold(text: str) -> str:
    """The form in which names are compared: without case, composed."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@dataclass(frozen=True, slots=True)
class Subject:
    """A repository as patterns and conditions look at it.

    Args:
        parts: owner, groups in between and name, folded.
        source: name of the source that listed it.
        places: what a prefix may call the place it comes from, folded: source, kind, host.
        kind: the kind of forge (`github`, …), empty when unknown.
        repo: all that its forge says; None where only the clone is known.
        also: the parts of a wiki's own name, beside those of the repository it belongs to.
    """

    parts: tuple[str, ...]
    source: str = ""
    places: tuple[str, ...] = ()
    kind: str = ""
    repo: RemoteRepo | None = None
    also: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        path: RepoPath,
        *,
        source: str = "",
        kind: str = "",
        key: RepoKey | None = None,
        repo: RemoteRepo | None = None,
    ) -> Subject:
        """Take a name apart.

        Args:
            path: what it is called.
            source: name of its source.
            kind: the source's kind of forge.
            key: its identity, where it is known.
            repo: all that its forge says.
        """
        host = "" if key is None else key.forge
        middle = () if path.project is None else tuple(fold(path.project).split("/"))
        places = tuple(fold(place) for place in (source, kind, host) if place)
        parts = (fold(path.owner), *middle, fold(path.name))
        also: tuple[str, ...] = ()
        if _is_wiki(path, key, repo):
            parts, also = (*parts[:-1], parts[-1].removesuffix(WIKI)), parts
        return cls(parts, source, places, kind, repo, also)


@dataclass(frozen=True, slots=True)
class Glob:
    """Text with `*` for any characters; compared folded.

    Args:
        pieces: what stands between the stars, folded; one piece for a text without stars.
    """

    pieces: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Glob:
        """Take a text apart at its stars."""
        return cls(tuple(fold(piece) for piece in text.split("*")))

    def fits(self, text: str) -> bool:
        """Whether it is this folded text; linear, whatever the stars."""
        pieces = self.pieces
        first = pieces[0]
        if len(pieces) == 1:
            return text == first
        last = pieces[-1]
        if not text.startswith(first) or not text.endswith(last):
            return False
        position, end = len(first), len(text) - len(last)
        for piece in pieces[1:-1]:
            found = text.find(piece, position)
            if found < 0:
                return False
            position = found + len(piece)
        return position <= end


def _is_wiki(path: RepoPath, key: RepoKey | None, repo: RemoteRepo | None) -> bool:
    if repo is not None:
        return repo.wiki_of is not None
    return key is not None and key.id.endswith(WIKI) and path.name.endswith(WIKI)


_Deep = tuple[Glob | None, ...]  # None stands for `**`


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, taken apart.

    Args:
        text: as it was written.
        exclude: whether it began with `!`.
        parts: its segments; `**` as a segment stands for any number of them.
        place: the prefix: a source's name, its kind of forge, or its host; empty for all.
    """

    text: str
    exclude: bool
    parts: tuple[str, ...]
    place: str = ""
    _globs: _Deep = field(init=False, repr=False, compare=False)
    _place: Glob | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        globs = tuple(None if part == "**" else Glob.of(part) for part in self.parts)
        object.__setattr__(self, "_globs", globs)
        object.__setattr__(self, "_place", Glob.of(self.place) if self.place else None)

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read one pattern.

        Raises:
            InvalidInput: empty, an empty segment, too long, control characters.
        """
        exclude = text.startswith("!")
        head, slash, tail = text.removeprefix("!").partition("/")
        place, colon, first = head.rpartition(":")
        body = first + slash + tail
        parts = tuple(body.split("/"))
        if len(text) > MAX_PATTERN or not text.isprintable() or (colon and not place):
            raise InvalidInput(f"pattern {text[:80]!a} is not one", advice=_ADVICE)
        if any(not part or part in (".", "..") for part in parts):
            raise InvalidInput(f"pattern {text[:80]!a} has an empty part", advice=_ADVICE)
        if len(parts) > _MAX_PARTS:
            raise InvalidInput(f"pattern {text[:80]!a} has too many parts", advice=_ADVICE)
        return cls(text, exclude, parts, place)

    def matches(self, subject: Subject) -> bool:
        """Whether a repository is meant by this pattern, `!` or not."""
        if self._place is not None and not any(map(self._place.fits, subject.places)):
            return False
        return self.fits(subject)

    def fits(self, subject: Subject) -> bool:
        """The same without the prefix."""
        return self._fit(subject.parts) or (bool(subject.also) and self._fit(subject.also))

    def _fit(self, parts: tuple[str, ...]) -> bool:
        globs = self._globs
        first, last = globs[0], globs[-1]
        if first is None or last is None or len(globs) > 3:
            return _deep(globs, parts)
        if len(globs) == 1:
            return last.fits(parts[-1])
        # A forge without projects: the middle part says nothing.
        if len(globs) == 2 or (len(parts) == 2 and globs[1] is not None):
            return first.fits(parts[0]) and last.fits(parts[-1])
        return _deep(globs, parts)


def _deep(globs: _Deep, parts: tuple[str, ...]) -> bool:
    """Whether segments fit, `**` for any number of them: quadratic at worst."""
    reached = {0}  # how many parts may have been used up
    for glob in globs:
        if glob is None:
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(parts) and glob.fits(parts[n])}
        if not reached:
            return False
    return len(parts) in reached
