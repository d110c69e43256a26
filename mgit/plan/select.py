"""Which repositories are meant: patterns, conditions and selections with a name, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from mgit.errors import InvalidInput
from mgit.model import RepoPath
from mgit.plan.filters import Condition, parse_condition
from mgit.plan.hints import meant
from mgit.plan.patterns import Pattern, Subject, fold

__all__ = ["Condition", "Named", "Pattern", "Selection", "Subject", "fold"]


@dataclass(frozen=True, slots=True)
class Named:
    """A selection that the configuration gives a name: `@NAME`, or `!@NAME` to exclude it.

    Args:
        text: as it was written.
        selection: what it means; without names in it, so nothing can go round in circles.
        sources: names of the sources it is about; empty for all.
    """

    text: str
    selection: Selection
    sources: frozenset[str] = frozenset()


Saved = Mapping[str, Named]
_NONE: Saved = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Selection:
    """What is meant by several patterns and conditions together.

    A repository is selected when some pattern without `!` matches it (or there is none of
    those), no pattern with `!` does, and all conditions hold. The order does not matter.
    """

    include: tuple[Pattern | Named, ...] = ()
    exclude: tuple[Pattern | Named, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def parse(
        cls, patterns: Iterable[str], filters: Iterable[str] = (), *, saved: Saved = _NONE
    ) -> Selection:
        """Read patterns and conditions; none at all selects everything.

        Args:
            patterns: as they were typed, with or without `!`; `@NAME` for a saved selection.
            filters: conditions, all of which must hold.
            saved: selections by name.

        Raises:
            InvalidInput: one is malformed, or no selection has that name.
        """
        include: list[Pattern | Named] = []
        exclude: list[Pattern | Named] = []
        for text in patterns:
            out = text.startswith("!")
            one = _named(text, saved) if text[out:].startswith("@") else Pattern.parse(text)
            (exclude if out else include).append(one)
        conditions = tuple(parse_condition(text) for text in filters)
        return cls(tuple(include), tuple(exclude), conditions)

    @property
    def everything(self) -> bool:
        """Whether it excludes nothing."""
        return not self.include and not self.exclude and not self.conditions

    def judge(self, subject: Subject, now: datetime | None = None) -> bool | None:
        """Whether a repository is meant; None when only what its forge does not say decides.

        Args:
            subject: the repository.
            now: what ages are counted from.
        """
        inside = _any(self.include, subject, now) if self.include else True
        if inside is False:
            return False
        out = _any(self.exclude, subject, now)
        if out:
            return False
        unsure = inside is None or out is None
        for condition in self.conditions:
            holds = condition.test(subject, now)
            if holds is False:
                return False
            unsure = unsure or holds is None
        return None if unsure else True

    def selects(self, subject: Subject, now: datetime | None = None) -> bool:
        """Whether a repository is selected; what its forge does not say leaves it in."""
        return self.judge(subject, now) is not False

    def matches(self, path: RepoPath) -> bool:
        """The same where nothing but the name is known."""
        return self.selects(Subject.of(path))

    def unmatched(self, paths: Iterable[RepoPath]) -> tuple[Pattern, ...]:
        """Including patterns that match nothing of what is there: most likely a typing error.

        Prefixes are not looked at.
        """
        left = [pattern for pattern in self.include if isinstance(pattern, Pattern)]
        for path in paths:
            subject = Subject.of(path)
            left = [pattern for pattern in left if not pattern.fits(subject)]
            if not left:
                break
        return tuple(left)

    def unsure(self, subject: Subject, now: datetime | None = None) -> tuple[str, ...]:
        """Conditions that leave a selected repository in only because its forge does not say."""
        if self.judge(subject, now) is not None:
            return ()
        named = [one for one in self.include if isinstance(one, Named)]
        conditions = [*self.conditions, *(c for one in named for c in one.selection.conditions)]
        return tuple(str(one) for one in conditions if one.test(subject, now) is None)


def _any(terms: Iterable[Pattern | Named], subject: Subject, now: datetime | None) -> bool | None:
    unsure = False
    for term in terms:
        verdict = _term(term, subject, now)
        if verdict:
            return True
        unsure = unsure or verdict is None
    return None if unsure else False


def _term(term: Pattern | Named, subject: Subject, now: datetime | None) -> bool | None:
    if isinstance(term, Pattern):
        return term.matches(subject)
    if term.sources and subject.source not in term.sources:
        return False
    return term.selection.judge(subject, now)


def _named(text: str, saved: Saved) -> Named:
    name = text.removeprefix("!").removeprefix("@")
    if name in saved:
        return saved[name]
    guess = meant(name, saved, "@")
    known = ", ".join(f"@{one}" for one in sorted(saved)) or "none yet"
    raise InvalidInput(
        f"there is no selection named {name[:60]!a}{guess}",
        advice=f"selections of the configuration: {known}; add one as [selections.NAME]",
    )
