"""How often each repository is asked, and which of them are next. Pure: clocks are passed in.

A source has a turn: then it is listed, and what is new, renamed or damaged is looked after. Of the
repositories that are known and as they were, each has a gap of its own: a twentieth of the time for
which it has not changed, within bounds. Where the bounds are the interval of its source (the
default) every one is asked in every turn, and in between none.

Moments are monotonic seconds, as in `mgit.daemon.schedule`.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from zlib import crc32

from mgit.model import RepoKey

SHARE = 1 / 20
"""Of the time for which a repository was quiet, it may go unasked."""
SPREAD = 0.2
"""A quiet repository is asked up to a fifth of its gap earlier, so that those that were asked
together do not stay together; never later."""
FIRST_RETRY_SECONDS = 30.0
_LATEST_TURN = 1.1  # of an interval: with its jitter
_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The bounds of one source; seconds.

    Args:
        interval: from one turn of the source to the next.
        shortest: gap of a repository that changes all the time; no more than the interval.
        longest: gap of one that never changes; no less than the interval.
    """

    interval: float
    shortest: float
    longest: float

    def gap(self, quiet: float | None, failures: int = 0) -> float:
        """How long after it was asked a repository is asked again.

        Args:
            quiet: for how long it had not changed then; None where that is not known.
            failures: how often in a row it could not be brought up to date, though others could.
        """
        if failures:
            wanted = FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        else:
            wanted = self.interval if quiet is None else quiet * SHARE
        return min(max(wanted, self.shortest), self.longest)


@dataclass(frozen=True, slots=True)
class Visit:
    """What is known of the times of one repository.

    Args:
        source: name of the source that lists it.
        folder: of its clone, relative to the root.
        asked: when its refs were asked for last.
        changed: when it last was known to change; None where that is not known.
        failures: see `Rhythm.gap`.
    """

    source: str
    folder: str
    asked: float
    changed: float | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a pass found out about one repository.

    Args:
        source: name of the source that lists it.
        folder: of its clone, relative to the root.
        changed: it had something new.
        failed: it could not be brought up to date.
        pushed: when the forge says that it was pushed to last; None where it does not.
    """

    source: str
    folder: str
    changed: bool = False
    failed: bool = False
    pushed: float | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """What was done.

    Args:
        began: when the asking began.
        there: what the sources list that were listed whole, by source.
        seen: what was found out, by repository.
        ended: it came to its end; False where it was broken off.
    """

    began: float
    there: Mapping[str, Collection[RepoKey]] = field(default_factory=dict)
    seen: Mapping[RepoKey, Seen] = field(default_factory=dict)
    ended: bool = True

    def reached(self, source: str) -> bool:
        """Whether anything of a source answered: its listing, or a repository without a failure."""
        theirs = [one.failed for one in self.seen.values() if one.source == source]
        return not all(theirs) if theirs else source in self.there


@dataclass(frozen=True, slots=True)
class Book:
    """The visits of all repositories.

    Args:
        rhythms: by source.
        visits: by repository.
    """

    rhythms: Mapping[str, Rhythm]
    visits: Mapping[RepoKey, Visit] = field(default_factory=dict)

    def of(self, sources: Collection[str]) -> dict[RepoKey, Visit]:
        """The visits of these sources."""
        return {key: visit for key, visit in self.visits.items() if visit.source in sources}

    def resting(self, sources: Collection[str], now: float) -> frozenset[RepoKey]:
        """What may go unasked while these sources have their turn.

        One whose gap would end before the next turn of its source does not rest, so that no gap
        becomes longer than it should be.
        """
        wide = {
            name: now + rhythm.interval * _LATEST_TURN
            for name, rhythm in self.rhythms.items()
            if name in sources and rhythm.longest > rhythm.interval
        }
        return frozenset(
            key
            for key, visit in self.of(wide).items()
            if self._due(key, visit) > wide[visit.source]
        )

    def due(self, now: float) -> dict[str, frozenset[RepoKey]]:
        """What is asked between the turns of its source, by source."""
        found: dict[str, set[RepoKey]] = defaultdict(set)
        for visit, key, moment in self._between():
            if moment <= now:
                found[visit.source].add(key)
        return {source: frozenset(keys) for source, keys in found.items()}

    def next(self) -> dict[str, float]:
        """When the first is due between the turns of its source, by source."""
        found: dict[str, float] = {}
        for visit, _, moment in self._between():
            found[visit.source] = min(moment, found.get(visit.source, moment))
        return found

    def stalest(self, keys: Collection[RepoKey], room: int) -> frozenset[RepoKey]:
        """As many of these as there is room for, those first that were not asked for longest."""
        if len(keys) <= room:
            return frozenset(keys)
        return frozenset(heapq.nsmallest(room, keys, key=lambda key: (self._asked(key), key)))

    def after(self, done: Pass) -> Book:
        """The visits after a pass."""
        gone = {
            key
            for key, one in self.visits.items()
            if one.source in done.there and key not in done.there[one.source]
        }
        visits = {key: one for key, one in self.visits.items() if key not in gone}
        reached = {one.source for one in done.seen.values() if not one.failed}
        for key, seen in done.seen.items():
            # Where nothing of a source could be brought up to date, that is nobody's own fault, and
            # says nothing of anybody: it stays due.
            if key not in gone and (seen.source in reached or not seen.failed):
                visits[key] = self._visited(visits.get(key), seen, done.began)
        return replace(self, visits=visits)

    def without(self, keys: Collection[RepoKey]) -> Book:
        """The visits but for those of some repositories, which are as good as never seen."""
        if not keys:
            return self
        left = {key: visit for key, visit in self.visits.items() if key not in keys}
        return replace(self, visits=left)

    def _between(self) -> Iterator[tuple[Visit, RepoKey, float]]:
        """What has a gap shorter than the interval of its source, and when that ends."""
        brisk = {
            name: rhythm.interval
            for name, rhythm in self.rhythms.items()
            if rhythm.shortest < rhythm.interval
        }
        for key, visit in self.of(brisk).items() if brisk else ():
            gap = self._gap(visit)
            if gap < brisk[visit.source]:
                yield visit, key, visit.asked + gap

    def _visited(self, before: Visit | None, seen: Seen, began: float) -> Visit:
        if seen.failed:
            old = before or Visit(seen.source, seen.folder, began)
            failures = old.failures + 1
            return replace(old, folder=seen.folder, asked=began, failures=failures)
        told = (seen.pushed, before.changed if before else None, began if seen.changed else None)
        known = [moment for moment in told if moment is not None]
        if not known and (rhythm := self.rhythms.get(seen.source)) is not None:
            # As if it had changed so long ago that its gap is the interval of its source.
            known = [began - rhythm.interval / SHARE]
        return Visit(seen.source, seen.folder, began, max(known, default=None))

    def _asked(self, key: RepoKey) -> float:
        visit = self.visits.get(key)
        return float("-inf") if visit is None else visit.asked

    def _gap(self, visit: Visit) -> float:
        quiet = None if visit.changed is None else max(0.0, visit.asked - visit.changed)
        return self.rhythms[visit.source].gap(quiet, visit.failures)

    def _due(self, key: RepoKey, visit: Visit) -> float:
        return visit.asked + self._gap(visit) * (1 - SPREAD * share_of(key))


def share_of(key: RepoKey) -> float:
    """A number from 0 to 1 that a repository keeps."""
    return crc32(str(key).encode("utf-8", "surrogatepass")) / 2**32


@dataclass(frozen=True, slots=True)
class KeptVisit:
    """A visit as it outlives the service; seconds since 1970."""

    key: RepoKey
    source: str
    folder: str
    asked_at: float
    changed_at: float | None
    failures: int


def resumed(
    rhythms: Mapping[str, Rhythm], kept: Iterable[KeptVisit], *, now: float, wall: float
) -> Book:
    """The visits after a start. Wherever the wall clock went, none was asked later than now.

    Args:
        rhythms: by source; visits of others are forgotten.
        kept: what an earlier service left.
        now: monotonic seconds.
        wall: seconds since 1970, at the same moment.
    """

    def moment(at: float) -> float:
        return now - max(0.0, wall - at)

    return Book(
        rhythms,
        {
            one.key: Visit(
                one.source,
                one.folder,
                moment(one.asked_at),
                None if one.changed_at is None else moment(one.changed_at),
                one.failures,
            )
            for one in kept
            if one.source in rhythms
        },
    )


def kept(book: Book, keys: Iterable[RepoKey], *, now: float, wall: float) -> Iterator[KeptVisit]:
    """What the next start needs to know of these; the clocks as in `resumed`."""
    ahead = wall - now
    for key in keys:
        visit = book.visits.get(key)
        if visit is not None:
            changed = None if visit.changed is None else visit.changed + ahead
            yield KeptVisit(
                key, visit.source, visit.folder, visit.asked + ahead, changed, visit.failures
            )
