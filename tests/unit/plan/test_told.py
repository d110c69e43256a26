"""What a plan says of a repository that is left alone: whole, and in words that help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mgit.address import parse_clone_url
from mgit.model import (
    Action,
    CopyKind,
    CopyOptions,
    FastForward,
    Fetch,
    Heal,
    Listing,
    LocalRepo,
    LostRef,
    Move,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Skip,
    WorkTree,
    loss_of,
)
from mgit.plan import SourcePolicy, SyncPolicy, Unreadable, Upstream, plan_sync
from mgit.plan.gone import plan_gone
from mgit.plan.moving import blocked
from mgit.plan.standing import Standing, stand

OLD, NEW = "a" * 40, "b" * 40
MAIN = "refs/heads/main"
BEFORE = RefSnapshot({MAIN: OLD}, MAIN)
AFTER = RefSnapshot({MAIN: NEW}, MAIN)
EMPTY = RefSnapshot()
REPO = RemoteRepo(
    RepoKey("forge.example", "1"),
    "work",
    RepoPath("acme", "app"),
    parse_clone_url("https://forge.example/acme/app.git"),
)
CLONE = LocalRepo(
    folder="old/place",
    kind=CopyKind.WORKTREE,
    key=REPO.key,
    url=REPO.url,
    refs=BEFORE,
    head_branch="main",
    head_oid=OLD,
    source="work",
    path=REPO.path,
)
HEALING = SyncPolicy(heal="all")


def plan(
    clone: LocalRepo,
    upstream: Upstream | None,
    policy: SyncPolicy | None = None,
    repo: RemoteRepo = REPO,
) -> list[Action]:
    refs = {} if upstream is None else {repo.key: upstream}
    return list(
        plan_sync([Listing("work", (repo,))], refs, [clone], policy or SyncPolicy()).actions
    )


def skipped(reason: Reason, detail: str, folder: str = "old/place") -> list[Action]:
    return [Skip("acme/app", folder, reason, detail, REPO.key)]


def test_what_cannot_be_read_or_is_empty() -> None:
    assert plan(CLONE, None) == skipped(Reason.UNREACHABLE, "its refs were not asked for")
    refused = Unreadable("no", Reason.REFUSED)
    assert plan(CLONE, refused) == skipped(Reason.REFUSED, "no")
    empty = replace(CLONE, refs=EMPTY)
    assert plan(empty, EMPTY) == skipped(Reason.EMPTY, "upstream has no commit yet")
    lost = "upstream shows no refs, the clone keeps its 1"
    loss = loss_of(Reason.EMPTIED, [LostRef(MAIN, OLD, "")])
    expected = Skip("acme/app", "old/place", Reason.EMPTIED, lost, REPO.key, loss)
    assert plan(CLONE, EMPTY) == [expected]


def test_what_the_forge_will_not_serve() -> None:
    closed = replace(REPO, unavailable="disabled by its owner")
    expected = skipped(Reason.UNAVAILABLE, "disabled by its owner")
    assert plan(CLONE, BEFORE, repo=closed) == expected


def test_a_clone_that_another_git_works_in() -> None:
    locked = replace(CLONE, locked="index.lock")
    detail = "another git works in it, or died there: index.lock"
    behind = replace(locked, worktree=_tree())
    assert plan(behind, AFTER) == skipped(Reason.LOCKED, detail)
    renamed = replace(locked, path=RepoPath("acme", "former"))
    assert plan(renamed, BEFORE) == skipped(Reason.LOCKED, detail)
    assert plan(locked, BEFORE) == skipped(Reason.CURRENT, "")


def test_a_damaged_clone_that_is_not_made_anew() -> None:
    broken = replace(CLONE, broken="HEAD is gone")
    plain = "HEAD is gone; `mgit sync --heal all` sets it aside and clones it anew"
    assert plan(broken, BEFORE) == skipped(Reason.BROKEN, plain)
    mirror = replace(broken, kind=CopyKind.MIRROR)
    words = "HEAD is gone; `mgit sync --heal mirrors` sets it aside and clones it anew"
    assert plan(mirror, BEFORE, SyncPolicy(heal="off")) == skipped(Reason.BROKEN, words)


@pytest.mark.parametrize(
    ("upstream", "unavailable", "why"),
    [
        (None, None, "its refs were not asked for"),
        (None, "disabled", "disabled"),
        (Unreadable("no answer", Reason.UNREACHABLE), None, "no answer"),
        (EMPTY, None, "upstream shows no refs"),
        (BEFORE, "disabled", "disabled"),
    ],
)
def test_a_damaged_clone_whose_upstream_cannot_be_read(
    upstream: Upstream | None, unavailable: str | None, why: str
) -> None:
    broken = replace(CLONE, broken="HEAD is gone")
    repo = replace(REPO, unavailable=unavailable)
    detail = f"HEAD is gone; not cloned anew, for upstream cannot be read: {why}"
    assert plan(broken, upstream, HEALING, repo) == skipped(Reason.BROKEN, detail)


def test_a_damaged_clone_in_which_another_git_works() -> None:
    broken = replace(CLONE, broken="HEAD is gone", locked="HEAD.lock")
    detail = "HEAD is gone; and another git may work in it: HEAD.lock"
    assert plan(broken, BEFORE, HEALING) == skipped(Reason.LOCKED, detail)


def test_a_clone_keeps_its_depth_and_gets_what_its_source_wants_beside() -> None:
    """Shallow stays shallow; contents of Git LFS and submodules follow the source's options."""
    own = CopyOptions(lfs=True, submodules=True, depth=5)
    policy = SyncPolicy(heal="all", sources={"work": SourcePolicy(options=own)})
    shallow = replace(CLONE, options=CopyOptions(depth=1, filter="blob:none"))
    kept = CopyOptions(depth=1, filter="blob:none", lfs=True, submodules=True)
    [heal] = plan(replace(shallow, broken="HEAD is gone"), BEFORE, policy)
    assert heal == Heal(REPO, "old/place", CopyKind.WORKTREE, "HEAD is gone", kept)
    [forward] = plan(replace(shallow, worktree=_tree()), AFTER, policy)
    assert isinstance(forward, FastForward)
    assert forward == FastForward(REPO, "old/place", "main", BEFORE, OLD, AFTER, kept)
    mirror = replace(shallow, kind=CopyKind.MIRROR)
    [fetch] = plan(mirror, AFTER, policy)
    assert isinstance(fetch, Fetch)
    assert fetch.options == replace(kept, submodules=False)


def test_a_clone_that_moves_is_spoken_of_where_it_is_then() -> None:
    renamed = replace(CLONE, folder="acme/former", path=RepoPath("acme", "former"))
    move, rest = plan(renamed, BEFORE)
    assert move == Move(REPO, "acme/former", "acme/app")
    assert rest == Skip("acme/app", "acme/app", Reason.CURRENT, "", REPO.key)
    closed = replace(REPO, unavailable="disabled")
    assert plan(renamed, BEFORE, repo=closed)[1:] == [
        Skip("acme/app", "acme/app", Reason.UNAVAILABLE, "disabled", REPO.key)
    ]
    _, held = plan(replace(renamed, head_branch="own"), BEFORE)
    detail = "on branch own, which upstream does not have"
    assert held == Skip("acme/app", "acme/app", Reason.OTHER_BRANCH, detail, REPO.key)


def _tree(**changes: object) -> WorkTree:
    state = WorkTree(branch="main", oid=OLD, upstream="origin/main", ahead=0, behind=0)
    return replace(state, **changes)


@pytest.mark.parametrize(
    ("clone", "upstream", "held", "detail"),
    [
        (replace(CLONE, head_branch=None), AFTER, Reason.DETACHED, "no branch is checked out"),
        (CLONE, AFTER, Reason.DRIFTED, "the work tree was not looked at"),
        (
            replace(CLONE, worktree=_tree(branch="other")),
            AFTER,
            Reason.DRIFTED,
            "another branch was just checked out",
        ),
        (replace(CLONE, worktree=_tree(changed=1)), AFTER, Reason.DIRTY, "1 changed file"),
        (
            replace(CLONE, worktree=_tree(changed=2, conflicted=1)),
            AFTER,
            Reason.DIRTY,
            "3 changed files",
        ),
        (
            replace(CLONE, worktree=_tree(upstream=None)),
            AFTER,
            Reason.NO_UPSTREAM,
            "branch main follows no upstream branch",
        ),
        (
            replace(CLONE, worktree=_tree(upstream="origin/dev")),
            AFTER,
            Reason.OTHER_BRANCH,
            "branch main follows origin/dev",
        ),
        (
            replace(CLONE, worktree=_tree(ahead=1)),
            AFTER,
            Reason.DIVERGED,
            "1 commit of its own, and upstream moved",
        ),
        (
            replace(CLONE, head_oid=NEW, worktree=_tree(ahead=2, behind=1)),
            BEFORE,
            Reason.DIVERGED,
            "2 commits of its own, and upstream moved",
        ),
        (
            replace(CLONE, head_oid=NEW, worktree=_tree(ahead=1)),
            BEFORE,
            Reason.UNPUSHED,
            "1 commit to push",
        ),
        (
            replace(CLONE, head_oid=NEW, worktree=_tree(ahead=3)),
            BEFORE,
            Reason.UNPUSHED,
            "3 commits to push",
        ),
    ],
)
def test_why_a_work_tree_stays(
    clone: LocalRepo, upstream: RefSnapshot, held: Reason, detail: str
) -> None:
    assert stand(upstream, clone) == Standing(held=held, detail=detail)


def test_a_commit_of_ones_own_on_the_unborn_branch_of_an_emptied_upstream() -> None:
    """Once there is a commit, the branch is the person's, whatever upstream calls its own."""
    elsewhere = RefSnapshot({"refs/heads/trunk": NEW}, "refs/heads/trunk")
    born = replace(CLONE, worktree=_tree())
    expected = "on branch main, which upstream does not have"
    assert stand(elsewhere, born) == Standing(held=Reason.OTHER_BRANCH, detail=expected)
    unborn = replace(CLONE, head_oid=None, refs=EMPTY, worktree=_tree(oid=None, ahead=None))
    assert stand(elsewhere, unborn) == Standing(forward="trunk")
    unborn_detached = replace(unborn, head_branch=None)
    assert stand(elsewhere, unborn_detached).held is Reason.DETACHED


def gone(clones: Sequence[LocalRepo], policy: SyncPolicy, **listing: object) -> list[Action]:
    other = replace(REPO, key=RepoKey("forge.example", "2"))
    answered = Listing("work", (other,), **listing)
    return list(plan_gone(clones, clones, [answered], policy))


def test_what_is_not_listed_and_why_it_stays() -> None:
    archiving = SyncPolicy(gone="archive", acknowledge_gone=True)
    broken = replace(CLONE, broken="HEAD is gone")
    told = "HEAD is gone; and it is not listed any more"
    assert gone([broken], archiving) == skipped(Reason.BROKEN, told)
    locked = replace(CLONE, locked="index.lock")
    told = "index.lock is there; and it is not listed"
    assert gone([locked], archiving) == skipped(Reason.LOCKED, told)
    told = "source work does not list it any more"
    assert gone([CLONE], SyncPolicy()) == skipped(Reason.GONE, told)
    nameless = replace(CLONE, path=None)
    assert gone([nameless], SyncPolicy()) == [
        Skip("old/place", "old/place", Reason.GONE, told, REPO.key)
    ]


def test_a_listing_that_is_not_whole() -> None:
    policy = SyncPolicy(gone="archive")
    empty = list(plan_gone([CLONE], [CLONE], [Listing("work", ())], policy))
    told = "source work did not list everything: it answered without a single repository"
    assert empty == skipped(Reason.LISTING_INCOMPLETE, told)
    partial = gone([CLONE], policy, complete=False, problem="page 2 is missing")
    told = "source work did not list everything: page 2 is missing"
    assert partial == skipped(Reason.LISTING_INCOMPLETE, told)


def test_too_many_at_once() -> None:
    clones = [replace(CLONE, key=RepoKey("forge.example", str(n))) for n in range(10, 20)]
    policy = SyncPolicy(gone="archive", gone_limit=0.25)
    acknowledge = "kept: type `mgit sync --acknowledge-gone` if they are really gone"
    [first, *_] = gone(clones, policy)
    assert isinstance(first, Skip)
    assert first.detail == f"10 of 10 at once are more than 25%; {acknowledge}"
    [first, _] = gone(clones[:2], policy)
    assert isinstance(first, Skip)
    assert first.detail == f"all 2 at once are too many to believe; {acknowledge}"
    [single] = gone(clones[:1], policy)
    assert not isinstance(single, Skip), "one of one: that is how a small source ends"
    # Of a source without clones that mgit made and keeps, nobody can tell a share.
    nobody = list(plan_gone(clones[:1], [], [Listing("work", (REPO,))], policy))
    assert not isinstance(nobody[0], Skip)


def test_what_stands_in_the_way() -> None:
    own = replace(CLONE, folder="acme/other")
    foreign = LocalRepo("acme/app", CopyKind.WORKTREE, None)
    told = "a repository that mgit did not make is there"
    expected = Skip("acme/app", "acme/app", Reason.FOREIGN, told, REPO.key)
    assert blocked(REPO, "acme/app", [foreign]) == expected
    # One that leaves is passed over; who comes after it still counts.
    assert blocked(REPO, "acme/app", [own, foreign], {"acme/other"}) == expected
    damaged = replace(foreign, broken="HEAD is gone")
    assert blocked(REPO, "acme/app", [damaged]) == replace(
        expected, detail=f"{told}, and it is damaged: HEAD is gone"
    )
    occupied = Skip(
        "acme/app", "acme/app", Reason.OCCUPIED, "the repository acme/other is there", REPO.key
    )
    assert blocked(REPO, "acme/app", [own]) == occupied
    assert blocked(REPO, "acme/app", [own], {"acme/other"}) is None
