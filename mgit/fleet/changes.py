"""What is different since somebody last asked: on the forges, and in the clones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from mgit.fleet.kit import Kit
from mgit.fleet.meaning import meant_clones
from mgit.fleet.values import Change, ChangeKind
from mgit.model import CopyKind, Listing, LocalRepo, RefSnapshot, RemoteRepo, RepoKey, Shard
from mgit.plan.policy import SyncPolicy
from mgit.plan.select import Selection
from mgit.plan.shard import holds
from mgit.state import StoredRefs
from mgit.state.remembered import Remembered

Selected = Callable[[RemoteRepo], bool]


def told_of_forges(
    kit: Kit,
    listings: Iterable[Listing],
    policy: SyncPolicy,
    *,
    since: float | None,
    remember: bool,
    note: Callable[[str], None],
) -> Iterator[Change]:
    """What is different on the forges; each source is remembered when all of it was told.

    Args:
        kit: has the memory.
        listings: what the sources list now.
        policy: says which repositories are meant.
        since: see `remote_changes`.
        remember: whether the next call compares with what is there now.
        note: told what else a person should know.
    """
    memory = kit.state.remembered
    for now in listings:
        kept = memory.listing(now.source)
        before = None if kept is None else kept.listing
        if before is not None:
            yield from remote_changes(before, now, policy.wants, since)
        elif now.complete:
            note(f"{now.source}: nothing to compare with yet")
        baseline = next_baseline(before, now, policy.wants)
        if remember and baseline is not None:
            memory.store_listing(baseline)


def told_of_clones(kit: Kit, selection: Selection, *, remember: bool) -> Iterator[Change]:
    """What is different in the clones."""
    root = kit.settings.root
    memory, shard = kit.state.remembered, kit.settings.serve.shard
    changes = LocalChanges(root, memory, selection.everything, shard)
    yield from changes.compare(meant_clones(kit, root, selection))
    if remember:
        changes.remember()


def remote_changes(
    before: Listing, now: Listing, selected: Selected, since: float | None
) -> Iterator[Change]:
    """How a source's listing differs from an earlier one. Pure.

    Args:
        before: a whole listing.
        now: what the source lists; what is not there is gone only where it is complete.
        selected: which repositories are meant.
        since: also tell of every push after this moment (seconds since 1970), and leave out
            pushes before it.
    """
    known = {repo.key: repo for repo in before.repos}
    for repo in now.repos:
        if selected(repo):
            old = known.get(repo.key)
            yield from _new(repo) if old is None else _different(old, repo, since)
    if now.complete:
        there = {repo.key for repo in now.repos}
        for old in before.repos:
            if old.key not in there and selected(old):
                yield _remote(ChangeKind.GONE, old, before=str(old.path))


def next_baseline(before: Listing | None, now: Listing, selected: Selected) -> Listing | None:
    """What to compare with next time; None where nothing can be remembered.

    What was not told of, because it was not selected or not listed, stays as it was.
    """
    if before is None:
        return now if now.complete else None
    there = {repo.key for repo in now.repos}
    told = tuple(repo for repo in now.repos if selected(repo))
    told_keys = {repo.key for repo in told}
    left = tuple(
        repo
        for repo in before.repos
        if repo.key not in told_keys
        and not (now.complete and repo.key not in there and selected(repo))
    )
    return replace(now, repos=told + left, complete=True, problem="", advice="")


@dataclass(slots=True)
class LocalChanges:
    """How the refs of clones differ from those that are remembered.

    Args:
        root: folder of the clones.
        remembered: the memory.
        everything: whether all clones are looked at; only then can one be gone.
        shard: only its clones are looked at; None for all.
    """

    root: Path
    remembered: Remembered
    everything: bool
    shard: Shard | None = None
    _store: list[StoredRefs] = field(default_factory=list)
    _gone: list[str] = field(default_factory=list)

    def compare(self, clones: Iterable[LocalRepo]) -> Iterator[Change]:
        """Tell of every difference, clone by clone."""
        known = self.remembered.clones(self.root)
        seen: set[str] = set()
        for clone in clones:
            name = _name(clone)
            if name in seen:  # a second copy; the first one stands for both
                continue
            seen.add(name)
            now = _refs(clone)
            before = self.remembered.refs(self.root, name) if name in known else None
            if before is None or before.refs != now.refs or known[name] != clone.folder:
                self._store.append(StoredRefs(name, clone.folder, now))
            if before is None:
                if known:
                    yield Change(ChangeKind.NEW, "local", clone.folder, clone.key)
                continue
            yield from _ref_changes(clone, before.refs, now.refs)
        if self.everything:
            for name, folder in known.items():
                if name not in seen and self._own(_key(name)):
                    self._gone.append(name)
                    yield Change(ChangeKind.GONE, "local", folder, _key(name), before=folder)

    def _own(self, key: RepoKey | None) -> bool:
        return self.shard is None or key is None or holds(self.shard, key)

    def remember(self) -> None:
        """Compare with what was found now from now on."""
        self.remembered.store_refs(self.root, self._store, self._gone)


def _new(repo: RemoteRepo) -> Iterator[Change]:
    yield _remote(ChangeKind.NEW, repo, after=str(repo.path), at=_seconds(repo.pushed_at))


def _different(old: RemoteRepo, new: RemoteRepo, since: float | None) -> Iterator[Change]:
    if old.path != new.path:
        yield _remote(ChangeKind.RENAMED, new, before=str(old.path), after=str(new.path))
    if old.archived != new.archived:
        what = ChangeKind.ARCHIVED if new.archived else ChangeKind.UNARCHIVED
        yield _remote(what, new)
    if new.default_branch is not None and old.default_branch not in (None, new.default_branch):
        yield _remote(
            ChangeKind.DEFAULT_BRANCH,
            new,
            before=old.default_branch or "",
            after=new.default_branch,
        )
    pushed = _seconds(new.pushed_at)
    if pushed is None or (since is not None and pushed < since):
        return
    if since is not None or old.pushed_at != new.pushed_at:
        yield _remote(
            ChangeKind.PUSHED,
            new,
            before=_words(old.pushed_at),
            after=_words(new.pushed_at),
            at=pushed,
        )


def _remote(
    what: ChangeKind,
    repo: RemoteRepo,
    *,
    before: str = "",
    after: str = "",
    at: float | None = None,
) -> Change:
    return Change(what, "remote", str(repo.path), repo.key, "", before, after, at)


def _ref_changes(
    clone: LocalRepo, before: Mapping[str, str], now: Mapping[str, str]
) -> Iterator[Change]:
    for ref in sorted(before.keys() | now.keys()):
        old, new = before.get(ref, ""), now.get(ref, "")
        if old != new:
            what = (
                ChangeKind.REF_MOVED
                if old and new
                else ChangeKind.REF_NEW
                if new
                else ChangeKind.REF_GONE
            )
            yield Change(what, "local", clone.folder, clone.key, ref, old, new)


def _refs(clone: LocalRepo) -> RefSnapshot:
    """What upstream had when it was last fetched, and where the person is."""
    refs = dict(clone.refs.refs)
    if clone.kind is CopyKind.WORKTREE and clone.head_oid is not None:
        refs["HEAD"] = clone.head_oid
    return RefSnapshot(refs)


def _name(clone: LocalRepo) -> str:
    return clone.folder if clone.key is None else str(clone.key)


def _key(name: str) -> RepoKey | None:
    forge, mark, id_ = name.partition("#")
    return RepoKey(forge, id_) if mark else None


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _words(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
