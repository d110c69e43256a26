"""Brings the refs of one clone to what upstream was seen to have. Never the work tree.

Only what a snapshot taken by `RefsClient` says is gone is removed; `git fetch --prune` would
believe an empty answer and empty the clone. New refs arrive in one atomic transaction.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mgit.errors import GitError, MgitError
from mgit.git.configuring import write_config
from mgit.git.damage import has_objects, leftovers
from mgit.git.disk import REMOTE, TAGS_SEEN, DiskRefs, snapshot
from mgit.git.inspect import refs_of
from mgit.git.keeping import (
    LossHeld,
    expired,
    keep,
    keeping,
    losing,
    moved_branches,
    moved_tags,
    refuse_rewritten,
)
from mgit.git.places import remove_leftover_packs, remove_stale_locks, temporary_packs
from mgit.git.runner import GitResult, GitRunner
from mgit.git.target import Target
from mgit.git.words import failure, what_is_run
from mgit.model import CopyKind, LossGuard, Reason, RefSnapshot, RemoteRepo

MIRROR_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
TAGS_REFSPEC = f"+refs/tags/*:{TAGS_SEEN}*"
_GENTLE_REFSPECS = tuple(one.removeprefix("+") for one in MIRROR_REFSPECS)
_WORKTREE_REFSPECS = (f"+refs/heads/*:{REMOTE}*", TAGS_REFSPEC)
_SHA256 = 64  # hex digits of an object id
# A branch of this name would be written through the symbolic ref origin/HEAD.
_NOT_HEAD = "^refs/heads/HEAD"

_FETCH = (
    "fetch",
    "--atomic",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-gc",
    "--no-recurse-submodules",
    "--quiet",
    "--stdin",
)
_GUARD = LossGuard()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch changed.

    Args:
        refs: how many of upstream's refs differ from before.
        kept: names of the refs whose old tips a mirror keeps from now on.
    """

    refs: int
    kept: tuple[str, ...] = ()


def fetch_refs(
    runner: GitRunner,
    target: Target,
    upstream: RefSnapshot,
    guard: LossGuard = _GUARD,
    now: datetime | None = None,
) -> Fetched:
    """Make a clone's refs equal to upstream's.

    Args:
        runner: starts git.
        target: where to.
        upstream: what upstream has. Empty means unknown: then nothing is removed, unless a
            person has acknowledged that everything is gone.
        guard: how much may be taken away.
        now: the moment (aware), None for the clock's.

    Raises:
        LossHeld: more would be lost than may be; refs are as before.
        GitError: git failed, or not all refs arrived. Refs are then as before, or some of
            those that upstream has no more are gone already.
    """
    before = refs_of(target.git_dir, runner)
    _refuse_loss(before, target, upstream, guard)
    now = now or datetime.now(UTC)
    if not before.refs and any(len(oid) == _SHA256 for oid in upstream.refs.values()):
        _become_sha256(runner, target.git_dir)
    stale = sorted(_stale(before, target.kind, upstream, guard))
    arriving = {_on_disk(name, target.kind) for name in upstream.refs} - set(before.refs)
    clash = _clashes(stale, arriving)
    if clash:  # `a` is to become `a/b`: both cannot exist at once, so the old one goes first
        _delete(runner, target, before, stale, now)
    kept = _bring(runner, target, before, upstream, guard, now)
    if not clash:
        _delete(runner, target, before, stale, now)
    _point_head(runner, target, before, upstream)
    after = refs_of(target.git_dir, runner)
    changed = _verify(snapshot(before, target.kind), after, target, upstream)
    if target.kind is CopyKind.MIRROR:
        kept += [name for name in stale if not name.startswith("refs/mgit/")]
    return Fetched(changed, tuple(kept))


def _refuse_loss(before: DiskRefs, target: Target, upstream: RefSnapshot, guard: LossGuard) -> None:
    loss = guard.objection(upstream, snapshot(before, target.kind))
    if loss is not None and loss.reason is not Reason.EMPTIED:  # which is taken for unknown
        raise LossHeld(loss)


def _is_emptied(before: DiskRefs, kind: CopyKind, upstream: RefSnapshot, guard: LossGuard) -> bool:
    """Whether upstream has nothing any more and a person has said so; else it is unknown."""
    known = snapshot(before, kind)
    return not upstream.refs and bool(known.refs) and guard.objection(upstream, known) is None


def _bring(
    runner: GitRunner,
    target: Target,
    before: DiskRefs,
    upstream: RefSnapshot,
    guard: LossGuard,
    now: datetime,
) -> list[str]:
    """Let git fetch; returns the refs whose old tips had to be kept."""
    if _is_emptied(before, target.kind, upstream, guard):
        return []
    if target.kind is CopyKind.WORKTREE or target.options.depth is not None:
        # A shallow clone cannot tell a branch that was rewritten from one that went far ahead.
        _fetch(runner, target, before, _refspecs(before, target.kind, upstream))
        return []
    lost = moved_tags(before, upstream)
    if moved_branches(before, upstream):
        # Without force first: git refuses a branch that would lose commits, and has all objects.
        gently = (*_GENTLE_REFSPECS, _NOT_HEAD)
        if _fetch(runner, target, before, gently, gentle=True):
            return []
        branches = losing(runner, target, before, upstream)
        refuse_rewritten(guard, branches, before, upstream)
        lost += [one.name for one in branches]
    keep(runner, target, {name: before.refs[name] for name in lost}, now)
    _fetch(runner, target, before, _refspecs(before, target.kind, upstream))
    return lost


def same_url(repo: RemoteRepo) -> tuple[str, str]:
    """Configuration that keeps git at the checked URL: it beats any shorter `insteadOf`."""
    return f"url.{repo.url}.insteadOf", str(repo.url)


def _become_sha256(runner: GitRunner, git_dir: Path) -> None:
    """Let the clone of an empty repository follow upstream's object format.

    Gits before 2.41 clone every empty repository as SHA-1. While there is no object, the format is
    but a word in the configuration; afterwards it can never change, and git refuses the fetch.
    """
    if has_objects(git_dir) or (git_dir / "index").exists():
        return
    write_config(runner, git_dir, "core.repositoryFormatVersion", "1")
    write_config(runner, git_dir, "extensions.objectFormat", "sha256")


def _refspecs(before: DiskRefs, kind: CopyKind, upstream: RefSnapshot) -> Iterator[str]:
    if kind is CopyKind.MIRROR:
        yield from (*MIRROR_REFSPECS, _NOT_HEAD)
        return
    yield from (*_WORKTREE_REFSPECS, _NOT_HEAD)
    for name, oid in upstream.refs.items():
        if name.startswith("refs/tags/") and _is_upstreams(name, oid, before):
            yield f"+{name}:{name}"


def _is_upstreams(name: str, oid: str, before: DiskRefs) -> bool:
    """Whether a tag of a work tree may be written: absent, or as it once came from upstream.

    A tag that the person made, or moved, stays theirs, also when upstream has one of that name.
    """
    here = before.refs.get(name)
    if here == oid:
        return False
    return here is None or here == before.refs.get(_on_disk(name, CopyKind.WORKTREE))


def _stale(
    before: DiskRefs, kind: CopyKind, upstream: RefSnapshot, guard: LossGuard
) -> Iterator[str]:
    """Refs that came from upstream, and that upstream has no more; and what was kept for long."""
    if not upstream.refs and not _is_emptied(before, kind, upstream, guard):
        return
    if kind is CopyKind.MIRROR:
        prefixes = ("refs/heads/", "refs/tags/")
        yield from expired(before.refs, datetime.now(UTC))
        yield from (n for n in before.refs if n.startswith(prefixes) and n not in upstream.refs)
        return
    for name, oid in before.refs.items():
        if name.startswith(REMOTE) and name != f"{REMOTE}HEAD":
            if f"refs/heads/{name.removeprefix(REMOTE)}" not in upstream.refs:
                yield name
        elif name.startswith(TAGS_SEEN):
            tag = f"refs/tags/{name.removeprefix(TAGS_SEEN)}"
            if tag not in upstream.refs:
                yield name
                if before.refs.get(tag) == oid:
                    yield tag


def _on_disk(name: str, kind: CopyKind) -> str:
    """Where a ref of upstream is kept."""
    if kind is CopyKind.MIRROR:
        return name
    if name.startswith("refs/tags/"):
        return TAGS_SEEN + name.removeprefix("refs/tags/")
    return REMOTE + name.removeprefix("refs/heads/")


def _clashes(stale: Iterable[str], arriving: Iterable[str]) -> bool:
    """Whether a folder of refs would have to be where a ref is, or the other way round."""
    old, new = set(stale), set(arriving)
    return any(above in new for name in old for above in _above(name)) or any(
        above in old for name in new for above in _above(name)
    )


def _above(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:count]) for count in range(3, len(parts)))


def _fetch(
    runner: GitRunner,
    target: Target,
    before: DiskRefs,
    refspecs: Iterable[str],
    *,
    gentle: bool = False,
) -> bool:
    """Let git fetch.

    Args:
        runner: starts git.
        target: where to.
        before: its refs.
        refspecs: what.
        gentle: whether git may refuse to move a ref.

    Returns:
        False when git refused to; all objects are here then, and no ref was touched.
    """
    url = target.repo.url
    lines = "".join(f"{refspec}\n" for refspec in refspecs)
    source, config = str(url), [same_url(target.repo)]
    if target.options.filter:
        # Only a remote can be told to leave objects out, an address cannot. This one is made up
        # for the one command: the clone's own `origin` may be anybody's by now.
        source = f"mgit-{secrets.token_hex(8)}"
        config += [
            (f"remote.{source}.url", str(url)),
            (f"remote.{source}.promisor", "true"),
            (f"remote.{source}.partialCloneFilter", target.options.filter),
        ]
    looks = "--show-forced-updates" if gentle else "--no-show-forced-updates"
    args = [*_FETCH, looks, *_depth(target, before), "--end-of-options", source]
    for leftover in list(leftovers(target.git_dir)):
        leftover.unlink(missing_ok=True)
    theirs = temporary_packs(target.git_dir) if target.kind is CopyKind.WORKTREE else ()

    def run() -> bool:
        result = runner.run(
            args,
            git_dir=target.git_dir,
            origin=url.origin,
            stdin=lines.encode("utf-8", "surrogateescape"),
            config=config,
            check=False,
        )
        if result.returncode and not (gentle and _is_refusal(result)):
            raise failure(what_is_run(args, url.origin), result.stderr, result.returncode)
        return result.returncode == 0

    try:
        return run()
    except MgitError as error:
        remove_leftover_packs(target.git_dir, before=theirs)
        if ".lock': File exists" not in error.message or not _unlock(target):
            raise
        return run()


def _is_refusal(result: GitResult) -> bool:
    """Whether git only refused to move refs: 1, and no word of trouble but an empty `error:`."""
    trouble = re.compile(r"^(fatal:|error: *\S)", re.MULTILINE)
    return result.returncode == 1 and not trouble.search(result.stderr)


def _depth(target: Target, before: DiskRefs) -> list[str]:
    """How much of a shallow clone's new history to ask for.

    As much as when it was made; but all of it where the person has commits of their own: cut
    anew, the history would not reach down to where theirs begin.
    """
    if target.options.depth is None:
        return []
    if target.kind is CopyKind.WORKTREE:
        known = set(snapshot(before, target.kind).refs.values())
        own = ("refs/heads/", "refs/stash")
        theirs = {oid for name, oid in before.refs.items() if name.startswith(own)}
        if before.head_oid is not None:
            theirs.add(before.head_oid)
        if not theirs <= known:
            return []
    return [f"--depth={target.options.depth}"]


def _unlock(target: Target) -> int:
    """Remove locks of a killed git from refs that only mgit writes. The root lock is held."""
    if target.kind is CopyKind.MIRROR:
        beside = ("packed-refs.lock", "HEAD.lock", "shallow.lock")
        return remove_stale_locks(target.git_dir, ["refs"], beside)
    return remove_stale_locks(target.git_dir, ["refs/remotes/origin", "refs/mgit"])


def _delete(
    runner: GitRunner, target: Target, before: DiskRefs, names: Iterable[str], now: datetime
) -> None:
    """Delete refs in one transaction, each only if it is still what it was.

    A mirror keeps what they were in the same transaction.
    """
    commands = [f"option no-deref\0delete {name}\0{before.refs[name]}\0" for name in names]
    if target.kind is CopyKind.MIRROR:
        tips = {name: before.refs[name] for name in names if not name.startswith("refs/mgit/")}
        commands.append(keeping(tips, now))
    if any(commands):
        stdin = "".join(commands).encode("utf-8", "surrogateescape")
        _write(runner, target, ["update-ref", "--stdin", "-z"], stdin)


def _write(runner: GitRunner, target: Target, args: list[str], stdin: bytes | None = None) -> None:
    """Let git write refs; where the lock of a killed git is in the way, once more without it."""
    try:
        runner.run(args, git_dir=target.git_dir, stdin=stdin)
    except GitError as error:
        if ".lock': File exists" not in error.message or not _unlock(target):
            raise
        runner.run(args, git_dir=target.git_dir, stdin=stdin)


def _point_head(runner: GitRunner, target: Target, before: DiskRefs, upstream: RefSnapshot) -> None:
    if upstream.head is None:
        return
    name = "HEAD" if target.kind is CopyKind.MIRROR else f"{REMOTE}HEAD"
    branch = _on_disk(upstream.head, target.kind)
    if before.symbolic.get(name) != branch:
        _write(runner, target, ["symbolic-ref", name, branch])


def _verify(before: RefSnapshot, disk: DiskRefs, target: Target, upstream: RefSnapshot) -> int:
    after = snapshot(disk, target.kind)
    # Upstream may have moved on since it was asked: a ref that is neither old nor as asked for
    # is newer. One that is still the old one did not arrive, whatever git's exit code says.
    missing = [
        name
        for name, oid in upstream.refs.items()
        if after.refs.get(name) != oid and after.refs.get(name) in (None, before.refs.get(name))
    ]
    if missing:
        raise GitError(
            f"git fetch from {target.repo.url.origin} ended well, but {len(missing)} of "
            f"{len(upstream.refs)} refs did not arrive",
            advice="something between here and the forge answers wrongly; run mgit again",
        )
    names = before.refs.keys() | after.refs.keys()
    return sum(before.refs.get(name) != after.refs.get(name) for name in names)
