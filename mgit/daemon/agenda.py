"""What the service does next: turns of sources, repositories whose time has come, hints. Pure.

Two sorts of errand, one after the other, never mixed: a *whole* one lists sources, a *narrow* one
asks some known repositories and lists nothing. Narrow ones go first, for they are short, but not
twice in a row while a source waits for its turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mgit.daemon.schedule import FIRST_RETRY_SECONDS, Timetable
from mgit.model import RepoKey
from mgit.plan.purse import Purse
from mgit.plan.rhythm import Book, Pass

LISTING_SECONDS = 30.0
"""A source is listed for hints at most so often: somebody may push all day to what is not ours."""
TRIES = 4
"""So often a repository that a hint is about is tried; then its next turn must do."""
MOST_NEWS = 20_000


@dataclass(frozen=True, slots=True)
class Told:
    """A hint, as far as the agenda is concerned.

    Args:
        source: name of the source that it is about.
        repo_id: which repository; empty for the listing.
        cause: id of the request that brought it; empty for what was found out here.
        everything: there were more hints than were kept: any repository may have changed.
    """

    source: str
    repo_id: str = ""
    cause: str = ""
    everything: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """Why one repository is due, whatever its gap.

    Args:
        cause: id of the first request that said so; empty for what was found out here.
        due: when it is to be asked.
        tries: how often it was, in vain.
    """

    cause: str
    due: float
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Errand:
    """One pass. Either some sources are listed, or some repositories are asked.

    Args:
        sources: those that are listed.
        turn: it is their turn; False where only a hint asks for their listing.
        asleep: what of them need not be asked.
        only: what is asked without a listing, by source.
        causes: why, by repository.
        left: what should have been asked too, and there was no room.
        asked: ids of the requests that hinted at a listing of these sources.
    """

    sources: tuple[str, ...] = ()
    turn: bool = False
    asleep: frozenset[RepoKey] = frozenset()
    only: Mapping[str, frozenset[RepoKey]] = field(default_factory=dict)
    causes: Mapping[RepoKey, str] = field(default_factory=dict)
    left: frozenset[RepoKey] = frozenset()
    asked: tuple[str, ...] = ()

    @property
    def requests(self) -> tuple[str, ...]:
        """Ids of all requests that it answers."""
        return tuple(dict.fromkeys(filter(None, (*self.asked, *self.causes.values()))))


@dataclass(frozen=True, slots=True)
class Agenda:
    """Everything that is known of what comes when; moments are monotonic seconds.

    Args:
        table: the turns of sources.
        book: the visits of repositories.
        per_minute: most repositories of one host that are asked in a minute, None for all.
        purses: what was asked of each host of late.
        news: repositories that hints are about.
        listings: sources whose listing a hint asks for, and why.
        listed: when each source was listed last.
        relisted: the same, counting only what hints asked for.
        left: what is due and had no room.
        held: sources of which a narrow errand reached nothing, and until when none is sent.
        rounds: when each source had a narrow errand last because of a gap: these are as far apart
            as the shortest gap, so that they are few and each asks many.
        down: sources of which the last whole errand reached nothing: their turn is waited for.
        strangers: ids that sources list and that are not looked after here, by source.
        narrow_last: the last errand was a narrow one.
    """

    table: Timetable
    book: Book
    per_minute: int | None = None
    purses: Mapping[str, Purse] = field(default_factory=dict)
    news: Mapping[RepoKey, News] = field(default_factory=dict)
    listings: Mapping[str, str] = field(default_factory=dict)
    listed: Mapping[str, float] = field(default_factory=dict)
    relisted: Mapping[str, float] = field(default_factory=dict)
    left: frozenset[RepoKey] = frozenset()
    held: Mapping[str, float] = field(default_factory=dict)
    rounds: Mapping[str, float] = field(default_factory=dict)
    down: frozenset[str] = frozenset()
    strangers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    narrow_last: bool = False

    def hear(self, told: Iterable[Told], now: float) -> Agenda:
        """The agenda with these hints; what they are about is due now."""
        known = {(visit.source, key.id): key for key, visit in self.book.visits.items()}
        news, listings, table = dict(self.news), dict(self.listings), self.table
        for one in told:
            theirs = self.strangers.get(one.source, frozenset())
            if one.source not in table.turns or one.repo_id in theirs:
                continue
            if one.everything or one.source in self.down:
                table = table.sooner(one.source, self._retry(one.source, now))
            key = known.get((one.source, one.repo_id))
            if key is None or len(news) >= MOST_NEWS:
                listings.setdefault(one.source, one.cause)
            elif key not in news or news[key].tries:
                news[key] = News(one.cause, now)
        return replace(self, table=table, news=news, listings=listings)

    def next(self, now: float) -> float:
        """When there is something to do; not before `now`, at which there may be."""
        moments = [self.table.next, *(self._listing_due(name) for name in self.listings)]
        moments += [max(one.due, self._room_at(key, now)) for key, one in self.news.items()]
        moments += [self._room_at(key, now) for key in self.left]
        moments += [
            max(moment, self._round_due(source), self.held.get(source, moment))
            for source, moment in self.book.next().items()
            if source not in self.down
        ]
        return max(now, min(moments))

    def pick(self, now: float) -> Errand | None:
        """What to do now; None for nothing."""
        turns = self.table.due(now)
        narrow = None if turns and self.narrow_last else self._narrow(now)
        if narrow is not None:
            return narrow
        if turns:
            return self._whole(turns, now)
        asked_for = tuple(name for name in self.listings if self._listing_due(name) <= now)
        if asked_for:
            # Only what the listing shows to be new or different is asked.
            asleep = frozenset(self.book.of(asked_for)) - self.news.keys()
            asked = self._asked(asked_for)
            return Errand(asked_for, asleep=asleep, causes=self._causes(), asked=asked)
        return None

    def everything(self) -> Errand:
        """All sources, all repositories, whatever their time."""
        return Errand(tuple(self.table.intervals), turn=True)

    def begun(self, errand: Errand, now: float) -> Agenda:
        """The agenda while an errand is under way: what it asks is paid for."""
        asked = [key for keys in errand.only.values() for key in keys]
        asked += [key for key in self.book.of(errand.sources) if key not in errand.asleep]
        counts: dict[str, int] = defaultdict(int)
        for key in asked:
            counts[key.forge] += 1
        purses = dict(self.purses)
        for host, count in counts.items():
            purses[host] = self._purse(host).after(now, count)
        listed = dict.fromkeys(errand.sources, now)
        routine = (name for name, keys in errand.only.items() if keys - errand.causes.keys())
        rounds = {**self.rounds, **dict.fromkeys(routine, now)}
        return replace(
            self,
            purses=purses,
            listed={**self.listed, **listed},
            relisted=self.relisted if errand.turn else {**self.relisted, **listed},
            rounds=rounds,
        )

    def after(self, errand: Errand, done: Pass, *, now: float) -> Agenda:
        """The agenda after an errand; the turns of sources apart (see `Timetable.after`)."""
        book = self.book.after(done).without(self._lost(errand, done))
        over = errand.sources if done.ended else ()
        listings = {name: cause for name, cause in self.listings.items() if name not in over}
        for source, keys in errand.only.items() if done.ended else ():
            for key in keys & self.news.keys() - done.seen.keys():  # not where it was
                listings.setdefault(source, self.news[key].cause)
        held = {name: until for name, until in self.held.items() if until > now}
        unreached = {name for name in sources_of(errand) if not done.reached(name)}
        if errand.only:
            held |= dict.fromkeys(unreached, now + FIRST_RETRY_SECONDS)
        return replace(
            self,
            book=book,
            news=self._news_after(errand, done, book, now),
            listings=listings,
            left=((self.left | errand.left) - done.seen.keys()) & book.visits.keys(),
            held=held,
            down=(self.down - set(errand.sources)) | (unreached & set(errand.sources)),
            strangers={**self.strangers, **_strangers(done, book)},
            narrow_last=bool(errand.only),
        )

    def _news_after(
        self, errand: Errand, done: Pass, book: Book, now: float
    ) -> dict[RepoKey, News]:
        """What hints still ask for: what failed is tried again, ever later, a few times."""
        asked = {key for keys in errand.only.values() for key in keys} | done.seen.keys()
        news: dict[RepoKey, News] = {}
        for key, one in self.news.items():
            if key not in asked:
                news[key] = one
            elif not done.ended or ((seen := done.seen.get(key)) and seen.failed):
                pause = FIRST_RETRY_SECONDS * 2.0**one.tries
                news[key] = replace(one, due=now + pause, tries=one.tries + 1)
        return {key: one for key, one in news.items() if key in book.visits and one.tries < TRIES}

    def _lost(self, errand: Errand, done: Pass) -> frozenset[RepoKey]:
        """What was to be asked, and was not there to be asked, or is not wanted any more."""
        if not done.ended:
            return frozenset()
        meant = {key for keys in errand.only.values() for key in keys}
        meant |= self.book.of(done.there).keys() - errand.asleep
        return frozenset(meant - done.seen.keys())

    # --- how errands are made up -------------------------------------------------------------

    def _whole(self, turns: tuple[str, ...], now: float) -> Errand:
        resting = self.book.resting(turns, now) - self.news.keys()
        awake = self.book.of(turns).keys() - resting
        left = frozenset(awake) - self._afforded(awake, now)
        return Errand(
            turns,
            turn=True,
            asleep=resting | left,
            causes=self._causes(),
            left=left,
            asked=self._asked(turns),
        )

    def _narrow(self, now: float) -> Errand | None:
        held = self._held(now)
        wanted = {key for key, one in self.news.items() if one.due <= now}
        wanted |= {key for key in self.left if self._source(key) not in held}
        for source, keys in self.book.due(now).items():
            if source not in held and self._round_due(source) <= now:
                wanted |= keys
        only: dict[str, set[RepoKey]] = defaultdict(set)
        for key in self._afforded(wanted, now):
            only[self._source(key)].add(key)
        only.pop("", None)
        if not only:
            return None
        return Errand(
            only={source: frozenset(keys) for source, keys in only.items()},
            causes={key: one.cause for key, one in self.news.items() if key in wanted},
        )

    def _afforded(self, keys: Collection[RepoKey], now: float) -> frozenset[RepoKey]:
        """Those for which there is room: what hints are about first, then the stalest."""
        if self.per_minute is None:
            return frozenset(keys)
        by_host: dict[str, set[RepoKey]] = defaultdict(set)
        for key in keys:
            by_host[key.forge].add(key)
        chosen: set[RepoKey] = set()
        for host, theirs in by_host.items():
            room = self._purse(host).room(now) or 0
            told = self.book.stalest(theirs & self.news.keys(), room)
            chosen |= told | self.book.stalest(theirs - told, room - len(told))
        return frozenset(chosen)

    def _held(self, now: float) -> frozenset[str]:
        """Sources whose repositories wait, since they were not reached."""
        return self.down | {name for name, until in self.held.items() if until > now}

    def _causes(self) -> dict[RepoKey, str]:
        return {key: one.cause for key, one in self.news.items() if one.cause}

    def _asked(self, sources: Iterable[str]) -> tuple[str, ...]:
        return tuple(why for name in sources if (why := self.listings.get(name)))

    def _source(self, key: RepoKey) -> str:
        visit = self.book.visits.get(key)
        return "" if visit is None else visit.source

    def _purse(self, host: str) -> Purse:
        return self.purses.get(host) or Purse(self.per_minute)

    def _room_at(self, key: RepoKey, now: float) -> float:
        return self._purse(key.forge).next(now)

    def _listing_due(self, source: str) -> float:
        return self.relisted.get(source, float("-inf")) + LISTING_SECONDS

    def _round_due(self, source: str) -> float:
        return self.rounds.get(source, float("-inf")) + self.book.rhythms[source].shortest

    def _retry(self, source: str, now: float) -> float:
        return max(now, self.listed.get(source, float("-inf")) + FIRST_RETRY_SECONDS)


def _strangers(done: Pass, book: Book) -> dict[str, frozenset[str]]:
    """What was listed and is nobody's here: left out by a selection, or of another shard."""
    return {
        source: frozenset(key.id for key in keys if key not in book.visits and key not in done.seen)
        for source, keys in done.there.items()
    }


def sources_of(errand: Errand) -> Iterator[str]:
    """Names of the sources that an errand is about."""
    yield from errand.sources
    yield from errand.only
