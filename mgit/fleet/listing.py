"""Asks the sources, tells the observers, and remembers who answered what."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from mgit.credentials import Credential
from mgit.credentials.find import how_to_renew
from mgit.fleet.kit import Kit, remembered_under, wants_wikis
from mgit.fleet.observe import Answer, list_sources
from mgit.fleet.recent import only_known
from mgit.fleet.rotation import News
from mgit.fleet.values import Progress
from mgit.fleet.wikis import with_wikis
from mgit.model import Listing, LocalRepo, Outcome, Reason, RepoKey, action_key
from mgit.plan.shard import holds
from mgit.telemetry.events import CredentialFound, CredentialRejected, Event, Listed

NOTHING: Mapping[str, Collection[RepoKey]] = MappingProxyType({})
_OF_ITS_OWN = (Reason.BROKEN, Reason.EMPTIED)
"""Failures that another pass over the forge's news would not heal."""


class Lister:
    """The listings of one run.

    Args:
        run_id: of the run.
        kit: what it works with.
        tell: receives events.
    """

    def __init__(self, run_id: str, kit: Kit, tell: Callable[[Event], None]) -> None:
        self._run_id = run_id
        self._kit = kit
        self._tell = tell
        self._source_of: dict[RepoKey, str] = {}
        self._asked_at: dict[str, float] = {}
        self.quick: set[str] = set()
        self.listed_nothing = False
        self.notices: list[str] = []

    @property
    def complete(self) -> Mapping[str, float]:
        """Sources that told of all or of all news and of which nothing failed; when asked."""
        return self._asked_at

    def ask(
        self,
        progress: Progress | None,
        *,
        recent: bool = False,
        resting: Collection[str] = (),
        only: Mapping[str, Collection[RepoKey]] = NOTHING,
    ) -> tuple[Listing, ...]:
        """What every source lists, in the order of the configuration.

        Args:
            progress: who watches.
            recent: ask only for news where a source tells some and is complete but for them.
            resting: sources that are not asked: what they listed last keeps its names reserved.
            only: sources that are not asked either, and what of their last listing is meant.

        Raises:
            Interrupted: mgit was told to stop.
        """
        kit = self._kit
        names = [source.name for source in kit.settings.sources]
        place = remembered_under(kit.settings)
        since = kit.state.remembered.complete_since(place) if recent else {}
        now = time.time()
        found: dict[str, Listing] = {}
        awake = [name for name in names if name not in resting and name not in only]
        self.listed_nothing = not awake
        for name in resting if awake else ():  # without a new listing nobody gets a new name
            kept = kit.state.last_listing(name)
            if kept is not None:
                found[name] = kept.listing
        for name, keys in only.items():
            found[name] = self._part(name, keys)
        for answer in list_sources(awake, kit.sources, kit.driver, progress, since, kit.tracer):
            kit.meter.listed(answer.listing.source, answer.seconds)
            listing = self._taken(answer)
            found[listing.source] = listing
            if listing.complete or answer.hints:
                self._asked_at[listing.source] = now
        return tuple(found[name] for name in names if name in found)

    def narrowed(
        self, listings: Sequence[Listing], clones: Sequence[LocalRepo]
    ) -> tuple[Listing, ...]:
        """The listings with the wikis that are on disk, and hints with what they are good for."""
        kept = {clone.key for clone in clones if clone.key is not None}
        found: list[Listing] = []
        for one in listings:
            listing = with_wikis(one, wanted=False, kept=kept)
            if one.source in self.quick:
                theirs = self._elsewhere(listing)
                own = tuple(repo for repo in listing.repos if repo.key not in theirs)
                listing = replace(listing, repos=own)
                listing, others = only_known(listing, clones)
                if others:
                    self.notices.append(
                        f"{one.source}: {others} new or renamed repositories wait for a whole sync"
                    )
            self._note(listing)
            found.append(listing)
        for clone in clones:  # what is listed no more is still its source's
            if clone.key is not None:
                self._source_of.setdefault(clone.key, clone.source)
        return tuple(found)

    def source_of(self, outcome: Outcome) -> str:
        """The source that lists a repository, or did; empty where none is known."""
        key = action_key(outcome.action)
        return "" if key is None else self._source_of.get(key, "")

    def failed(self, outcome: Outcome) -> None:
        """A repository is not up to date: its source is not complete."""
        if outcome.reason not in _OF_ITS_OWN:
            self._asked_at.pop(self.source_of(outcome), None)

    def _taken(self, answer: Answer) -> Listing:
        kit = self._kit
        name = answer.listing.source
        listing = replace(
            answer.listing,
            problem=kit.clean(answer.listing.problem),
            advice=kit.clean(answer.listing.advice),
        )
        listing = with_wikis(listing, wanted=wants_wikis(kit.settings, name))
        self._note(listing)
        if answer.source is not None and (credential := answer.source.credential) is not None:
            self._tell(self._found(name, credential, answer.expires))
        if answer.hints:
            self.quick.add(name)
        else:
            self._tell(
                Listed(
                    self._run_id,
                    listing,
                    answer.seconds,
                    answer.requests_left,
                    self._elsewhere(listing),
                    answer.requests_limit,
                )
            )
        return listing

    def _part(self, name: str, keys: Collection[RepoKey]) -> Listing:
        """Some of what a source listed last: hints, from which nothing is concluded."""
        kept = self._kit.state.last_listing(name)
        repos = () if kept is None else kept.listing.repos
        self.quick.add(name)
        return Listing(name, tuple(one for one in repos if one.key in keys), complete=False)

    def _found(
        self, name: str, credential: Credential, expires: datetime | None
    ) -> CredentialFound:
        """What to tell of a credential; where it ends soon, a person is told too."""
        warning = timedelta(seconds=self._kit.settings.expiry_warning)
        expiring = expires is not None and expires - datetime.now(UTC) < warning
        if expires is not None and expiring:
            self.notices.append(
                f"{name}: its token ends on {expires.date().isoformat()};"
                f" {how_to_renew(name, credential.found_in)}"
            )
        return CredentialFound(
            self._run_id,
            name,
            str(credential.origin),
            credential.found_in,
            None if expires is None else expires.timestamp(),
            expiring=expiring,
        )

    def _elsewhere(self, listing: Listing) -> frozenset[RepoKey]:
        """What of a listing other shards keep."""
        shard = self._kit.settings.serve.shard
        if shard is None:
            return frozenset()
        return frozenset(repo.key for repo in listing.repos if not holds(shard, repo.key))

    def _note(self, listing: Listing) -> None:
        for repo in listing.repos:
            self._source_of.setdefault(repo.key, listing.source)


def told_of(run_id: str, news: News) -> CredentialFound | CredentialRejected:
    """The event about what became of a credential in the middle of a run."""
    origin, place = str(news.credential.origin), news.credential.found_in
    if news.refused is None:
        return CredentialFound(run_id, news.source, origin, place, rotated=True)
    said, advice = news.refused.message, news.refused.advice
    return CredentialRejected(run_id, news.source, origin, place, said, advice)
