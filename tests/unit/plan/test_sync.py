"""Every rule of `plan_sync`, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mgit.address import parse_clone_url
from mgit.model import (
    Action,
    Archive,
    Clone,
    CopyKind,
    CopyOptions,
    FastForward,
    Fetch,
    Heal,
    Listing,
    LocalRepo,
    Move,
    Operation,
    Reason,
    RefSnapshot,
    RemoteRepo,
    Remove,
    RepoKey,
    RepoPath,
    Skip,
    WorkTree,
)
from mgit.plan import (
    Selection,
    SourcePolicy,
    SyncPolicy,
    Unreadable,
    Upstream,
    may_be_removed,
    needs_worktree,
    plan_sync,
    same_refs,
    summarise,
)

OLD, NEW, MINE = "a" * 40, "b" * 40, "c" * 40
MAIN = "refs/heads/main"
BEFORE = RefSnapshot({MAIN: OLD}, MAIN)
AFTER = RefSnapshot({MAIN: NEW}, MAIN)
ELSEWHERE = RefSnapshot({MAIN: OLD, "refs/heads/topic": NEW}, MAIN)
EMPTY = RefSnapshot()


def remote(name: str = "app", number: int = 1, source: str = "work") -> RemoteRepo:
    return RemoteRepo(
        RepoKey("forge.example", str(number)),
        source,
        RepoPath("acme", name),
        parse_clone_url(f"https://forge.example/acme/{name}.git"),
    )


def clone_of(repo: RemoteRepo, **changes: object) -> LocalRepo:
    local = LocalRepo(
        folder=f"acme/{repo.path.name}",
        kind=CopyKind.WORKTREE,
        key=repo.key,
        url=repo.url,
        refs=BEFORE,
        head_branch="main",
        head_oid=OLD,
        source=repo.source,
        path=repo.path,
    )
    return replace(local, **changes)


def tree(**changes: object) -> WorkTree:
    state = WorkTree(branch="main", oid=OLD, upstream="origin/main", ahead=0, behind=0)
    return replace(state, **changes)


def plan(
    repos: Sequence[RemoteRepo],
    local: Sequence[LocalRepo],
    upstream: Upstream | None = BEFORE,
    policy: SyncPolicy | None = None,
    **listing: object,
) -> list[Action]:
    source = repos[0].source if repos else "work"
    answered = Listing(source, tuple(repos), **listing)
    refs = {repo.key: upstream for repo in repos} if upstream is not None else {}
    return list(plan_sync([answered], refs, local, policy or SyncPolicy()).actions)


def only(actions: list[Action]) -> Action:
    assert len(actions) == 1
    return actions[0]


def reason(action: Action) -> Reason | None:
    assert isinstance(action, Skip)
    return action.reason


def test_what_is_missing_is_cloned() -> None:
    repo = remote()
    assert plan([repo], []) == [Clone(repo, "acme/app", CopyKind.WORKTREE)]
    mirror = SyncPolicy(sources={"work": SourcePolicy(kind=CopyKind.MIRROR)})
    assert plan([repo], [], policy=mirror) == [Clone(repo, "acme/app", CopyKind.MIRROR)]


def test_what_the_forge_will_not_serve_is_not_asked_for() -> None:
    repo = replace(remote(), unavailable="disabled by its owner")
    action = only(plan([repo], []))
    assert action == Skip(
        "acme/app", "acme/app", Reason.UNAVAILABLE, "disabled by its owner", repo.key
    )
    assert reason(only(plan([repo], [clone_of(repo)]))) is Reason.UNAVAILABLE


def test_what_is_equal_is_current() -> None:
    repo = remote()
    assert reason(only(plan([repo], [clone_of(repo)]))) is Reason.CURRENT


def test_a_moved_branch_is_fast_forwarded() -> None:
    repo = remote()
    local = clone_of(repo, worktree=tree())
    assert only(plan([repo], [local], AFTER)) == FastForward(
        repo, "acme/app", "main", BEFORE, OLD, AFTER
    )


def test_another_branch_moved() -> None:
    repo = remote()
    expected = Fetch(repo, "acme/app", CopyKind.WORKTREE, BEFORE, None, ELSEWHERE)
    assert only(plan([repo], [clone_of(repo)], ELSEWHERE)) == expected


def test_only_the_default_branch_changed() -> None:
    repo = remote()
    refs = {MAIN: OLD, "refs/heads/next": OLD}
    local = clone_of(repo, refs=RefSnapshot(refs, MAIN))
    action = only(plan([repo], [local], RefSnapshot(refs, "refs/heads/next")))
    assert isinstance(action, Fetch)


def test_an_upstream_that_does_not_tell_its_head_is_no_difference() -> None:
    assert same_refs(RefSnapshot({MAIN: OLD}, None), BEFORE)
    assert not same_refs(BEFORE, RefSnapshot({MAIN: OLD}, None))


def test_a_mirror_is_fetched() -> None:
    repo = remote()
    local = clone_of(repo, kind=CopyKind.MIRROR)
    assert only(plan([repo], [local], AFTER)) == Fetch(
        repo, "acme/app", CopyKind.MIRROR, BEFORE, None, AFTER
    )


@pytest.mark.parametrize(
    ("state", "held", "detail"),
    [
        (tree(changed=1), Reason.DIRTY, "1 changed file"),
        (tree(changed=2, conflicted=1), Reason.DIRTY, "3 changed files"),
        (
            tree(operation=Operation.REBASE, branch=None),
            Reason.OPERATION,
            "a rebase is not finished",
        ),
        (tree(branch=None), Reason.DETACHED, "no branch is checked out"),
        (tree(upstream=None), Reason.NO_UPSTREAM, "branch main follows no upstream branch"),
        (tree(upstream="fork/main"), Reason.OTHER_BRANCH, "branch main follows fork/main"),
        (tree(ahead=2), Reason.DIVERGED, "2 commits of its own, and upstream moved"),
        (tree(ahead=1, behind=3), Reason.DIVERGED, "1 commit of its own, and upstream moved"),
        (tree(branch="just-now"), Reason.DRIFTED, "another branch was just checked out"),
        (None, Reason.DRIFTED, "the work tree was not looked at"),
    ],
)
def test_a_work_tree_that_may_not_move(state: WorkTree | None, held: Reason, detail: str) -> None:
    repo = remote()
    local = clone_of(repo, worktree=state)
    action = only(plan([repo], [local], AFTER))
    assert isinstance(action, Fetch)
    assert action.held is held

    fetched = replace(local, refs=AFTER)
    again = only(plan([repo], [fetched], AFTER))
    if held is Reason.DIVERGED and state is not None and not state.behind:
        assert reason(again) is Reason.UNPUSHED
    else:
        assert isinstance(again, Skip)
        assert (again.reason, again.detail) == (held, detail)


def test_untracked_files_are_no_obstacle() -> None:
    repo = remote()
    action = only(plan([repo], [clone_of(repo, worktree=tree(untracked=3))], AFTER))
    assert isinstance(action, FastForward)


def test_refs_that_the_person_fetched_still_move_the_branch() -> None:
    repo = remote()
    local = clone_of(repo, refs=AFTER, worktree=tree(behind=1))
    assert isinstance(only(plan([repo], [local], AFTER)), FastForward)


def test_a_detached_head_and_a_branch_of_ones_own() -> None:
    repo = remote()
    detached = clone_of(repo, head_branch=None)
    assert reason(only(plan([repo], [detached]))) is Reason.DETACHED
    own = clone_of(repo, head_branch="idea", head_oid=MINE)
    skip = only(plan([repo], [own]))
    assert isinstance(skip, Skip)
    assert skip.detail == "on branch idea, which upstream does not have"
    fetch = only(plan([repo], [own], AFTER))
    assert isinstance(fetch, Fetch)
    assert fetch.held is Reason.OTHER_BRANCH


@pytest.mark.parametrize(
    ("changes", "upstream", "expected"),
    [
        ({}, BEFORE, False),
        ({}, AFTER, True),
        ({}, ELSEWHERE, False),
        ({"head_oid": MINE}, BEFORE, True),
        ({"head_branch": None}, AFTER, False),
        ({"head_branch": "idea"}, AFTER, False),
        ({"kind": CopyKind.MIRROR}, AFTER, False),
        ({"key": None}, AFTER, False),
        ({"broken": "HEAD is missing"}, AFTER, False),
        ({"head_branch": "main", "head_oid": None, "refs": EMPTY}, AFTER, True),
        ({"head_branch": "trunk", "head_oid": None, "refs": EMPTY}, AFTER, True),
        ({"head_branch": "main", "head_oid": None, "refs": EMPTY}, EMPTY, False),
    ],
)
def test_git_is_asked_about_a_work_tree_only_where_it_matters(
    changes: dict[str, object], upstream: RefSnapshot, *, expected: bool
) -> None:
    assert needs_worktree(upstream, clone_of(remote(), **changes)) is expected


def test_an_empty_repository() -> None:
    repo = remote()
    empty = clone_of(repo, refs=EMPTY, head_oid=None)
    assert reason(only(plan([repo], [empty], EMPTY))) is Reason.EMPTY
    unborn = replace(empty, worktree=tree(oid=None, ahead=None, behind=None))
    assert only(plan([repo], [unborn], AFTER)) == FastForward(
        repo, "acme/app", "main", EMPTY, "", AFTER
    )
    trunk = replace(unborn, head_branch="trunk", worktree=tree(branch="trunk", oid=None))
    action = only(plan([repo], [trunk], AFTER))
    assert isinstance(action, FastForward)
    assert action.branch == "main"


def test_an_upstream_that_lost_everything_is_not_believed() -> None:
    repo = remote()
    skip = only(plan([repo], [clone_of(repo)], EMPTY))
    assert isinstance(skip, Skip)
    assert (skip.reason, skip.detail) == (
        Reason.EMPTIED,
        "upstream shows no refs, the clone keeps its 1",
    )


@pytest.mark.parametrize("why", [Reason.UNREACHABLE, Reason.REFUSED])
def test_an_upstream_that_could_not_be_read(why: Reason) -> None:
    repo = remote()
    skip = only(plan([repo], [clone_of(repo)], Unreadable("no answer", why)))
    assert isinstance(skip, Skip)
    assert (skip.reason, skip.detail) == (why, "no answer")


def test_an_upstream_that_nobody_asked() -> None:
    repo = remote()
    actions = plan_sync([Listing("work", (repo,))], {}, [clone_of(repo)], SyncPolicy()).actions
    assert reason(only(list(actions))) is Reason.UNREACHABLE


def test_a_damaged_work_tree_is_left_as_it_is_unless_asked_for() -> None:
    repo = remote()
    damaged = clone_of(repo, broken="HEAD is missing", options=CopyOptions(depth=5))
    skip = only(plan([repo], [damaged], AFTER))
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.BROKEN
    assert skip.detail.startswith("HEAD is missing; `mgit sync --heal all`")
    healed = only(plan([repo], [damaged], AFTER, SyncPolicy(heal="all")))
    assert healed == Heal(
        repo, "acme/app", CopyKind.WORKTREE, "HEAD is missing", CopyOptions(depth=5)
    )


def test_a_damaged_mirror_is_healed_unless_that_is_off() -> None:
    repo = remote()
    damaged = clone_of(repo, kind=CopyKind.MIRROR, broken="HEAD is missing")
    assert isinstance(only(plan([repo], [damaged], AFTER)), Heal)
    skip = only(plan([repo], [damaged], AFTER, SyncPolicy(heal="off")))
    assert isinstance(skip, Skip)
    assert "--heal mirrors" in skip.detail


@pytest.mark.parametrize(
    ("upstream", "says"),
    [
        (EMPTY, "upstream shows no refs"),
        (Unreadable("no answer", Reason.UNREACHABLE), "no answer"),
        (None, "not asked for"),
    ],
)
def test_nothing_is_healed_from_an_upstream_that_cannot_be_read(
    upstream: Upstream, says: str
) -> None:
    repo = remote()
    damaged = clone_of(repo, kind=CopyKind.MIRROR, broken="HEAD is missing")
    skip = only(plan([repo], [damaged], upstream))
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.BROKEN
    assert says in skip.detail


def test_a_clone_in_which_another_git_works_is_left_alone_where_there_is_something_to_do() -> None:
    repo = remote()
    local = clone_of(repo, locked="index.lock", worktree=tree())
    assert reason(only(plan([repo], [local]))) is Reason.CURRENT
    for upstream in (AFTER, ELSEWHERE):
        skip = only(plan([repo], [local], upstream))
        assert isinstance(skip, Skip)
        assert skip.reason is Reason.LOCKED
        assert "index.lock" in skip.detail
    renamed = only(plan([remote("service")], [local]))
    assert reason(renamed) is Reason.LOCKED


def test_how_much_is_kept_goes_with_new_clones_and_stays_with_old_ones() -> None:
    repo = remote()
    wanted = CopyOptions(1, "blob:none", lfs=True, submodules=True)
    policy = SyncPolicy(options=wanted)
    assert plan([repo], [], policy=policy) == [Clone(repo, "acme/app", CopyKind.WORKTREE, wanted)]
    mirrors = SyncPolicy(kind=CopyKind.MIRROR, options=wanted)
    [clone] = plan([repo], [], policy=mirrors)
    assert isinstance(clone, Clone)
    assert not clone.options.submodules, "a mirror has no files to check out"
    fetch = only(plan([repo], [clone_of(repo)], ELSEWHERE, policy))
    assert isinstance(fetch, Fetch)
    assert fetch.options == CopyOptions(lfs=True, submodules=True)
    own = SyncPolicy(options=wanted, sources={"work": SourcePolicy(options=CopyOptions(depth=9))})
    [clone] = plan([repo], [], policy=own)
    assert isinstance(clone, Clone)
    assert clone.options == CopyOptions(depth=9)


def test_a_rename_is_a_move_and_then_whatever_is_due() -> None:
    old, repo = remote("app"), remote("service")
    local = clone_of(old, worktree=tree())
    move, skip = plan([repo], [local])
    assert move == Move(repo, "acme/app", "acme/service")
    assert isinstance(skip, Skip)
    assert (skip.reason, skip.folder) == (Reason.CURRENT, "acme/service")
    move, forward = plan([repo], [local], AFTER)
    assert isinstance(forward, FastForward)
    assert forward.folder == "acme/service"


def test_a_new_url_alone_is_recorded_in_place() -> None:
    repo = replace(remote(), url=parse_clone_url("https://new.example/acme/app.git"))
    move, skip = plan([repo], [clone_of(remote())])
    assert move == Move(repo, "acme/app", "acme/app")
    assert reason(skip) is Reason.CURRENT


def test_a_new_name_that_asks_for_the_same_folder_is_recorded_in_place() -> None:
    repo = remote()
    old = clone_of(repo, path=RepoPath("before", "app"))
    move, skip = plan([repo], [old])
    assert move == Move(repo, "acme/app", "acme/app")
    assert reason(skip) is Reason.CURRENT


def test_a_rename_into_an_occupied_folder_waits_and_the_clone_is_kept_current() -> None:
    repo = remote("service")
    foreign = LocalRepo("acme/service", CopyKind.WORKTREE, None)
    blocked, fetch = plan([repo], [clone_of(remote("app")), foreign], ELSEWHERE)
    assert reason(blocked) is Reason.FOREIGN
    assert isinstance(fetch, Fetch)
    assert fetch.folder == "acme/app"


def test_a_foreign_repository_in_the_way() -> None:
    repo = remote()
    there = LocalRepo("acme/App", CopyKind.WORKTREE, None)
    assert reason(only(plan([repo], [there]))) is Reason.FOREIGN
    above = LocalRepo("acme", CopyKind.WORKTREE, None)
    assert reason(only(plan([repo], [above]))) is Reason.OCCUPIED
    beside = LocalRepo("acme/notes", CopyKind.WORKTREE, None)
    assert isinstance(only(plan([repo], [beside])), Clone), "and it is not even mentioned"


def test_a_second_copy_is_mentioned_and_left_alone() -> None:
    repo = remote()
    first, second = clone_of(repo), clone_of(repo, folder="work/copy")
    current, copy = plan([repo], [second, first])
    assert reason(current) is Reason.CURRENT
    assert isinstance(copy, Skip)
    assert (copy.reason, copy.folder) == (Reason.FOREIGN, "work/copy")


def test_a_repository_that_is_not_listed_any_more() -> None:
    repo, gone = remote("app", 1), remote("gone", 2)
    local = [clone_of(repo), clone_of(gone)]
    kept = plan([repo], local)[1]
    assert isinstance(kept, Skip)
    assert (kept.reason, kept.name) == (Reason.GONE, "acme/gone")
    archived = plan([repo], local, policy=SyncPolicy(gone="archive"))[1]
    assert archived == Archive(local[1], "acme/gone", ".mgit/archive/acme/gone")


def test_an_incomplete_listing_removes_nothing() -> None:
    repo, gone = remote("app", 1), remote("gone", 2)
    actions = plan(
        [repo],
        [clone_of(repo), clone_of(gone)],
        policy=SyncPolicy(gone="archive"),
        complete=False,
        problem="page 2 failed",
    )
    assert reason(actions[1]) is Reason.LISTING_INCOMPLETE
    assert "page 2 failed" in actions[1].detail  # type: ignore[union-attr]


def test_an_empty_listing_removes_nothing() -> None:
    gone = remote("gone", 2)
    actions = plan([], [clone_of(gone)], policy=SyncPolicy(gone="archive"))
    assert reason(only(actions)) is Reason.LISTING_INCOMPLETE


def vanished(count: int, stay: int, policy: SyncPolicy, **changes: object) -> list[Action]:
    """What becomes of some clones that are not listed any more, beside some that are."""
    stays = [remote(f"stays-{n}", 100 + n) for n in range(stay)] or [remote("new", 99)]
    gone = [clone_of(remote(f"gone-{n}", n), **changes) for n in range(count)]
    there = [clone_of(repo) for repo in stays] if stay else []
    actions = plan(stays, [*there, *gone], policy=policy)
    return [action for action in actions if "gone" in action.folder]


ARCHIVE = SyncPolicy(gone="archive")


@pytest.mark.parametrize(
    ("count", "stay", "believed"),
    [(1, 9, True), (3, 2, True), (4, 16, True), (4, 15, False), (5, 1, False), (2, 0, False)],
)
def test_so_many_may_vanish_at_once(count: int, stay: int, *, believed: bool) -> None:
    actions = vanished(count, stay, ARCHIVE)
    assert len(actions) == count
    if believed:
        assert all(isinstance(action, Archive) for action in actions)
    else:
        assert {reason(action) for action in actions} == {Reason.GONE}
        assert all("--acknowledge-gone" in action.detail for action in actions)  # type: ignore[union-attr]
    acknowledged = vanished(count, stay, replace(ARCHIVE, acknowledge_gone=True))
    assert all(isinstance(action, Archive) for action in acknowledged)
    kept = vanished(count, stay, SyncPolicy())
    assert all("--acknowledge" not in action.detail for action in kept)  # type: ignore[union-attr]


def test_asking_for_one_after_the_other_does_not_get_round_the_limit() -> None:
    one = Selection.parse(["acme/gone-1", "acme/stays-0"])
    actions = vanished(5, 1, replace(ARCHIVE, selection=one))
    assert [reason(action) for action in actions] == [Reason.GONE]


def test_not_even_an_acknowledgement_makes_an_empty_or_broken_listing_believed() -> None:
    policy = SyncPolicy(gone="delete", acknowledge_gone=True)
    gone = clone_of(remote("gone", 2), kind=CopyKind.MIRROR)
    for listing in ({}, {"complete": False, "problem": "page 2 failed"}):
        repos = [remote()] if listing else []
        actions = plan(repos, [gone], policy=policy, **listing)
        assert reason(actions[-1]) is Reason.LISTING_INCOMPLETE


DELETE = SyncPolicy(gone="delete")
CLEAN = {"worktree": tree(), "head_oid": OLD}


@pytest.mark.parametrize(
    "changes", [{"kind": CopyKind.MIRROR}, CLEAN, {"worktree": tree(oid=None), "head_oid": None}]
)
def test_what_holds_nothing_else_is_deleted_where_the_policy_says_so(
    changes: dict[str, object],
) -> None:
    [action] = vanished(1, 9, DELETE, **changes)
    assert isinstance(action, Remove)
    assert action.local.folder == action.folder == "acme/gone-0"


@pytest.mark.parametrize(
    "state",
    [
        None,
        tree(changed=1),
        tree(untracked=1),
        tree(stashes=1),
        tree(ahead=1),
        tree(ahead=None, upstream=None),
        tree(branch=None),
        tree(operation=Operation.BISECT),
        tree(oid=MINE),
    ],
)
def test_what_may_hold_something_of_the_persons_is_archived_instead(state: WorkTree | None) -> None:
    [action] = vanished(1, 9, DELETE, worktree=state)
    assert isinstance(action, Archive)


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"broken": "HEAD is missing"}, Reason.BROKEN), ({"locked": "index.lock"}, Reason.LOCKED)],
)
def test_what_is_gone_and_damaged_or_locked_stays(changes: dict[str, object], why: Reason) -> None:
    for policy in (ARCHIVE, DELETE):
        assert [reason(action) for action in vanished(1, 9, policy, **changes)] == [why]


def test_git_is_asked_about_work_trees_that_may_be_deleted_and_no_others() -> None:
    repo = remote()
    listed, gone = clone_of(repo), clone_of(remote("gone", 2))
    bare = clone_of(remote("bare", 3), kind=CopyKind.MIRROR)
    other = clone_of(remote("other", 4, source="home"))
    broken = clone_of(remote("broken", 5), broken="HEAD is missing")
    clones = [listed, gone, bare, other, broken]
    listing = Listing("work", (repo,))
    assert may_be_removed(clones, [listing], DELETE) == [gone]
    assert may_be_removed(clones, [replace(listing, complete=False)], DELETE) == []
    assert may_be_removed(clones, [listing], ARCHIVE) == []


def test_what_a_filter_leaves_out_today_is_not_gone() -> None:
    repo, old = remote("app", 1), replace(remote("old", 2), archived=True)
    policy = replace(DELETE, sources={"work": SourcePolicy(Selection.parse((), ["!archived"]))})
    actions = plan([repo, old], [clone_of(repo), clone_of(old)], policy=policy)
    assert [reason(action) for action in actions] == [Reason.CURRENT]


def test_another_sources_clones_are_not_judged() -> None:
    repo, other = remote("app", 1), remote("other", 2, source="home")
    actions = plan([repo], [clone_of(repo), clone_of(other)], policy=SyncPolicy(gone="archive"))
    assert len(actions) == 1


def test_what_is_not_selected_is_not_mentioned() -> None:
    repo, other, gone = remote("app", 1), remote("other", 2), remote("gone", 3)
    policy = SyncPolicy(selection=Selection.parse(["acme/app"]), gone="archive")
    local = [clone_of(other), clone_of(gone)]
    assert plan([repo, other], local, policy=policy) == [Clone(repo, "acme/app", CopyKind.WORKTREE)]


def test_what_a_source_leaves_out_is_neither_cloned_nor_gone() -> None:
    repo, out = remote("app", 1), remote("legacy-x", 2)
    own = SourcePolicy(Selection.parse(["!acme/legacy-*"]))
    policy = SyncPolicy(gone="archive", sources={"work": own})
    actions = plan([repo], [clone_of(repo), clone_of(out)], policy=policy)
    assert [reason(action) for action in actions] == [Reason.CURRENT]
    assert len(plan([repo, out], [clone_of(repo)], policy=policy)) == 1


def test_a_repository_that_two_sources_list_counts_once() -> None:
    repo = remote()
    listings = [Listing("work", (repo,)), Listing("home", (replace(repo, source="home"),))]
    result = plan_sync(listings, {}, [], SyncPolicy())
    assert result.actions == (Clone(repo, "acme/app", CopyKind.WORKTREE),)


def test_problems_come_along_and_the_summary_adds_up() -> None:
    repos = [remote("a", 1), remote("b", 2), remote("c", 3)]
    listing = Listing("work", tuple(repos), complete=False, problem="page 2 failed")
    result = plan_sync([listing], {}, [clone_of(repos[0])], SyncPolicy())
    assert [problem.message for problem in result.problems] == ["page 2 failed"]
    assert summarise(result) == {"clone": 2, "skip": 1}


def test_the_order_of_the_input_does_not_matter() -> None:
    repos = [remote(name, number) for number, name in enumerate("dbca")]
    local = [clone_of(repo) for repo in repos[:2]]
    forward = plan(repos, local, AFTER)
    assert forward == plan(repos[::-1], local[::-1], AFTER)
    assert [action.folder for action in forward] == ["acme/a", "acme/b", "acme/c", "acme/d"]
