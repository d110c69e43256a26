"""Values that the tests of the command line print."""

from __future__ import annotations

from datetime import UTC, datetime

from mgit.address import parse_clone_url
from mgit.fleet.values import Change, ChangeKind, Ran
from mgit.model import (
    Action,
    Archive,
    Clone,
    CopyKind,
    FastForward,
    Fetch,
    Heal,
    LocalRepo,
    Move,
    Operation,
    Outcome,
    Plan,
    Reason,
    RefSnapshot,
    RemoteRepo,
    Remove,
    RepoKey,
    RepoPath,
    Result,
    Skip,
    SourceProblem,
    Visibility,
    WorkTree,
)

REFS = RefSnapshot({"refs/heads/main": "a" * 40}, "refs/heads/main")


def remote(name: str, number: int = 1) -> RemoteRepo:
    return RemoteRepo(
        key=RepoKey("git.example.com", str(number)),
        source="work",
        path=RepoPath("acme", name),
        url=parse_clone_url(f"https://git.example.com/acme/{number}.git"),
        default_branch="main",
        archived=True,
        visibility=Visibility.PRIVATE,
        size_kib=2048,
        pushed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


BARE = RemoteRepo(
    key=RepoKey("git.example.com", "9"),
    source="work",
    path=RepoPath("acme", "bare", "project"),
    url=parse_clone_url("https://git.example.com/acme/bare.git"),
    unavailable="disabled",
)
TREE = WorkTree(
    branch="main",
    oid="b" * 40,
    upstream="origin/main",
    ahead=1,
    behind=2,
    changed=3,
    untracked=4,
    conflicted=5,
    stashes=6,
    operation=Operation.REBASE,
)
LOCAL = LocalRepo(
    folder="acme/api",
    kind=CopyKind.WORKTREE,
    key=RepoKey("git.example.com", "1"),
    head_branch="main",
    head_oid="b" * 40,
    worktree=TREE,
    source="work",
    path=RepoPath("acme", "api"),
)
FOREIGN = LocalRepo(folder="other", kind=CopyKind.MIRROR, key=None, broken="HEAD is missing")

ACTIONS: tuple[Action, ...] = (
    Clone(remote("new", 2), "acme/new", CopyKind.MIRROR),
    Fetch(remote("dirty", 3), "acme/dirty", CopyKind.WORKTREE, REFS, held=Reason.DIRTY),
    Fetch(remote("held", 4), "acme/held", CopyKind.MIRROR, REFS),
    FastForward(remote("web", 5), "acme/web", "main", REFS, "a" * 40),
    FastForward(remote("unborn", 6), "acme/unborn", "main", REFS, ""),
    Move(remote("after", 7), "acme/before", "acme/after"),
    Archive(LOCAL, "acme/gone", ".mgit/archive/gone"),
    Skip("acme/same", "acme/same", Reason.CURRENT, key=RepoKey("git.example.com", "8")),
    Skip("other", "other", Reason.FOREIGN, "not made by mgit"),
    Remove(LOCAL, "acme/left"),
    Heal(remote("hurt", 10), "acme/hurt", CopyKind.MIRROR, "HEAD is missing"),
)
PROBLEM = SourceProblem("labs", "page 2 failed", "try again")
PLAN = Plan(ACTIONS, (PROBLEM,))
OUTCOMES = (
    Outcome(ACTIONS[0], Result.CLONED, seconds=1.23456, refs_changed=3),
    Outcome(ACTIONS[1], Result.FETCHED, Reason.DIRTY, "3 changed", refs_changed=1),
    Outcome(
        ACTIONS[2], Result.FAILED, Reason.UNREACHABLE, "timed out", "check the network", exit_code=4
    ),
    Outcome(ACTIONS[3], Result.FAST_FORWARDED, refs_changed=2),
    Outcome(ACTIONS[4], Result.FAST_FORWARDED),
    Outcome(ACTIONS[5], Result.MOVED),
    Outcome(Fetch(remote("after", 7), "acme/after", CopyKind.MIRROR, REFS), Result.FETCHED),
    Outcome(ACTIONS[6], Result.ARCHIVED),
    Outcome(ACTIONS[7], Result.CURRENT, Reason.CURRENT),
    Outcome(ACTIONS[8], Result.SKIPPED, Reason.FOREIGN, "not made by mgit"),
)
RAN = (
    Ran(LOCAL, 0, b"fine\n", 0.25),
    Ran(LOCAL, 2, b"\xff\xfe", 1.5),
    Ran(FOREIGN, None, b"", 5.0, "ended after 5 s"),
)
CHANGES = (
    Change(ChangeKind.RENAMED, "remote", "acme/new", LOCAL.key, "", "acme/old", "acme/new"),
    Change(ChangeKind.REF_MOVED, "local", "acme/api", None, "refs/heads/main", "a" * 40, "b", 0),
)
