"""What upstream takes back, a mirror keeps for a while: under `refs/mgit/kept/`, named by when.

A clone's own refs there are never compared with upstream's and never pushed. A work tree needs
none: its reflogs hold what a fetch replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from mgit.errors import GitError
from mgit.git.disk import DiskRefs
from mgit.git.runner import GitRunner
from mgit.git.target import Target
from mgit.model import LossGuard, LostRef, Reason, RefLoss, RefSnapshot, loss_of

KEPT = "refs/mgit/kept/"
"""Where a mirror keeps what upstream took back: `refs/mgit/kept/20260131T120000123456Z/heads/main`.

To the microsecond: two fetches of one second keep `a` and `a/b` side by side.
"""

KEPT_SECONDS = 90 * 86400
"""How long; the same that git's own reflogs last."""

_STAMP = "%Y%m%dT%H%M%S%fZ"
_KEPT = re.compile(rf"{KEPT}(\d{{8}}T\d{{12}}Z)/")


class LossHeld(GitError):
    """Nothing was done, for more would be lost than may be.

    Args:
        loss: what.
    """

    def __init__(self, loss: RefLoss) -> None:
        super().__init__(loss.sentence)
        self.loss = loss


def kept_name(name: str, now: datetime) -> str:
    """Where an old tip is kept.

    Args:
        name: full name of the ref that loses it.
        now: the moment (aware).
    """
    return f"{KEPT}{now.astimezone(UTC).strftime(_STAMP)}/{name.removeprefix('refs/')}"


def expired(refs: Iterable[str], now: datetime) -> Iterator[str]:
    """The kept refs whose time is over."""
    for name in refs:
        if found := _KEPT.match(name):
            since = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
            if (now - since).total_seconds() > KEPT_SECONDS:
                yield name


def moved_tags(before: DiskRefs, upstream: RefSnapshot) -> list[str]:
    """Tags that mean something else now; git alone would just replace them."""
    return [
        name
        for name, oid in upstream.refs.items()
        if name.startswith("refs/tags/") and before.refs.get(name, oid) != oid
    ]


def moved_branches(before: DiskRefs, upstream: RefSnapshot) -> list[str]:
    """Branches that are elsewhere now, ahead or not."""
    return [
        name
        for name, oid in upstream.refs.items()
        if name.startswith("refs/heads/") and before.refs.get(name, oid) != oid
    ]


def losing(
    runner: GitRunner, target: Target, before: DiskRefs, upstream: RefSnapshot
) -> list[LostRef]:
    """The branches with commits that no ref of upstream holds any more.

    Their objects must be here; asked only after git itself refused to move a branch.

    Raises:
        GitError: git failed.
    """
    tips = "".join(f"^{oid}\n" for oid in dict.fromkeys(upstream.refs.values()))

    def loses(names: Iterable[str]) -> bool:
        wanted = "".join(f"{before.refs[name]}\n" for name in names)
        found = runner.run(
            ["rev-list", "--max-count=1", "--ignore-missing", "--stdin"],
            git_dir=target.git_dir,
            stdin=f"{wanted}{tips}".encode(),
        )
        return bool(found.stdout.strip())

    moved = moved_branches(before, upstream)
    if not moved or not loses(moved):
        return []
    return [
        LostRef(name, before.refs[name], upstream.refs[name]) for name in moved if loses([name])
    ]


def refuse_rewritten(
    guard: LossGuard, lost: list[LostRef], before: DiskRefs, upstream: RefSnapshot
) -> None:
    """Hold a mirror whose default branch would lose commits, unless that is wanted.

    Raises:
        LossHeld: it is not.
    """
    default = before.symbolic.get("HEAD", upstream.head)  # as the mirror has known it
    if guard.follow_rewritten or all(one.name != default for one in lost):
        return
    loss = loss_of(Reason.REWRITTEN, lost)
    if not guard.accepts(loss):
        raise LossHeld(loss)


def keep(runner: GitRunner, target: Target, tips: Mapping[str, str], now: datetime) -> None:
    """Keep old tips, by the names of the refs that lose them.

    Raises:
        GitError: git failed; then nothing was kept.
    """
    commands = keeping(tips, now)
    if commands:
        runner.run(
            ["update-ref", "--stdin", "-z"],
            git_dir=target.git_dir,
            stdin=commands.encode("utf-8", "surrogateescape"),
        )


def keeping(tips: Mapping[str, str], now: datetime) -> str:
    """The same, as lines for `git update-ref --stdin -z`."""
    return "".join(f"update {kept_name(name, now)}\0{oid}\0\0" for name, oid in tips.items())
