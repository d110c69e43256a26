"""What the person wants: for all sources, and for single ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from mgit.model import (
    CopyKind,
    CopyOptions,
    LocalRepo,
    LossGuard,
    RemoteRepo,
    RepoKey,
    Shard,
)
from mgit.plan.layout import Layout
from mgit.plan.select import Selection, Subject
from mgit.plan.shard import holds

GonePolicy = Literal["keep", "archive", "delete"]
HealPolicy = Literal["off", "mirrors", "all"]


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """What one source has differently.

    Args:
        selection: what of it is wanted; a clone outside of it is left alone, never `gone`.
        kind: None for the common kind.
        forge: its kind of forge (`github`, …): what a pattern's prefix may say.
        options: how much of its repositories is kept, None for the common options.
    """

    selection: Selection = field(default_factory=Selection)
    kind: CopyKind | None = None
    forge: str = ""
    options: CopyOptions | None = None


_ORDINARY = SourcePolicy()


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """What the person wants.

    Args:
        kind: of new clones; an existing clone stays what it is.
        layout: of new clones; an existing one moves only when it is renamed upstream.
        selection: what this run is about.
        gone: what to do with clones that are not listed any more.
        gone_limit: share (0 to 1) of a source's clones that may vanish at once before nothing is
            archived or deleted without an acknowledgement.
        acknowledge_gone: the person says that they are gone, however many.
        heal: which damaged clones to make anew.
        options: how much of each repository is kept.
        sources: what single sources have differently, by name.
        now: what ages in conditions are counted from (aware); None: ages are not judged.
        shard: the part of the repositories that this mgit keeps, None for all.
        resting: sources that this run is not about; what is known of them only keeps their names
            reserved.
        guard: how much a fetch may take away.
        acknowledged: digests of the losses that a person has accepted, by repository.
        asleep: repositories that are left as they are in this run: they were asked a while ago.
    """

    kind: CopyKind = CopyKind.WORKTREE
    layout: Layout = Layout.OWNER
    selection: Selection = field(default_factory=Selection)
    gone: GonePolicy = "keep"
    gone_limit: float = 0.2
    acknowledge_gone: bool = False
    heal: HealPolicy = "mirrors"
    options: CopyOptions = field(default_factory=CopyOptions)
    sources: Mapping[str, SourcePolicy] = field(default_factory=dict)
    now: datetime | None = None
    shard: Shard | None = None
    resting: frozenset[str] = frozenset()
    guard: LossGuard = field(default_factory=LossGuard)
    acknowledged: Mapping[RepoKey, frozenset[str]] = field(default_factory=dict)
    asleep: frozenset[RepoKey] = frozenset()

    def guard_of(self, key: RepoKey) -> LossGuard:
        """How much a fetch may take away from one repository."""
        known = self.acknowledged.get(key)
        return replace(self.guard, acknowledged=known) if known else self.guard

    def keeps(self, key: RepoKey | None) -> bool:
        """Whether a repository is this mgit's to look after; what has no identity always is."""
        return self.shard is None or key is None or holds(self.shard, key)

    def wants(self, repo: RemoteRepo) -> bool:
        """Whether a listed repository is wanted by its source and meant by this run."""
        if repo.source in self.resting or repo.key in self.asleep or not self.keeps(repo.key):
            return False
        own = self._own(repo.source)
        if self.selection.everything and own.selection.everything:
            return True
        return self._selects(_subject(repo, own), own)

    def means(self, clone: LocalRepo) -> bool:
        """The same for a clone of which no listing is at hand, as far as it can tell by itself."""
        if clone.source in self.resting or not self.keeps(clone.key):
            return False
        own = self._own(clone.source)
        if self.selection.everything and own.selection.everything:
            return True
        if clone.path is None:
            return False
        subject = Subject.of(clone.path, source=clone.source, kind=own.forge, key=clone.key)
        return self._selects(subject, own)

    def unsure(self, repo: RemoteRepo) -> tuple[str, ...]:
        """Conditions that leave a repository in only because its forge does not say."""
        own = self._own(repo.source)
        if self.selection.everything and own.selection.everything:
            return ()
        subject = _subject(repo, own)
        return self.selection.unsure(subject, self.now) + own.selection.unsure(subject, self.now)

    def kind_of(self, source: str) -> CopyKind:
        """What sort of clone a source's repositories get."""
        own = self._own(source)
        return self.kind if own.kind is None else own.kind

    def options_of(self, source: str, kind: CopyKind) -> CopyOptions:
        """How much of a source's repositories is kept in a clone of that kind."""
        own = self._own(source)
        options = self.options if own.options is None else own.options
        # A mirror has no files to check submodules out into.
        return replace(options, submodules=False) if kind is CopyKind.MIRROR else options

    def heals(self, kind: CopyKind) -> bool:
        """Whether a damaged clone of that kind is made anew."""
        return self.heal == "all" or (self.heal == "mirrors" and kind is CopyKind.MIRROR)

    def _own(self, source: str) -> SourcePolicy:
        return self.sources.get(source, _ORDINARY)

    def _selects(self, subject: Subject, own: SourcePolicy) -> bool:
        return self.selection.selects(subject, self.now) and own.selection.selects(
            subject, self.now
        )


def _subject(repo: RemoteRepo, own: SourcePolicy) -> Subject:
    return Subject.of(repo.path, source=repo.source, kind=own.forge, key=repo.key, repo=repo)
