"""Renames: chains and rings end in the places that the names ask for, whatever the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import parse_clone_url
from mgit.fleet.apply import group, in_order
from mgit.model import (
    Action,
    Clone,
    CopyKind,
    Fetch,
    Listing,
    LocalRepo,
    Move,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Skip,
    action_key,
)
from mgit.plan import Selection, SyncPolicy, plan_sync
from mgit.plan.moving import is_halfway

MAIN = "refs/heads/main"
REFS = RefSnapshot({MAIN: "a" * 40}, MAIN)
MOVED = RefSnapshot({MAIN: "b" * 40}, MAIN)


def remote(number: int, path: str) -> RemoteRepo:
    owner, *middle, name = path.split("/")
    return RemoteRepo(
        RepoKey("forge.example", str(number)),
        "work",
        RepoPath(owner, name, "/".join(middle) or None),
        parse_clone_url("https://forge.example/x.git"),
    )


def mirror(number: int, folder: str, **changes: object) -> LocalRepo:
    repo = remote(number, folder)
    clone = LocalRepo(
        folder, CopyKind.MIRROR, repo.key, repo.url, REFS, source="work", path=repo.path
    )
    return replace(clone, **changes)


def plan(
    repos: Sequence[RemoteRepo],
    clones: Sequence[LocalRepo],
    policy: SyncPolicy | None = None,
    refs: RefSnapshot = REFS,
) -> list[Action]:
    upstream = {repo.key: refs for repo in repos}
    result = plan_sync([Listing("work", tuple(repos))], upstream, clones, policy or SyncPolicy())
    return list(result.actions)


def moves(actions: Sequence[Action]) -> list[tuple[str, str]]:
    return [(one.folder, one.to) for one in actions if isinstance(one, Move)]


def carried_out(
    clones: Sequence[LocalRepo], actions: Sequence[Action], order: Sequence[int]
) -> list[LocalRepo]:
    """The clones after the moves, as they are applied: first steps in line, then second ones."""
    disk = {clone.folder: clone for clone in clones}
    groups = group(action for action in actions if isinstance(action, Move))
    groups.sort(key=lambda one: order[int(action_key(one[0]).id)])  # type: ignore[union-attr]
    second = [one[1] for one in groups[::-1] if len(one) > 1]
    for step in [*(one[0] for one in in_order(groups)), *second]:
        assert isinstance(step, Move)
        clone = disk.pop(step.folder)
        inside = [f for f in disk if f.startswith(f"{step.to}/") or step.to.startswith(f"{f}/")]
        assert step.to not in disk
        assert not inside
        disk[step.to] = replace(clone, folder=step.to, path=step.repo.path, url=step.repo.url)
    return list(disk.values())


def test_a_chain_ends_in_the_pretty_places() -> None:
    repos = [remote(1, "acme/b"), remote(2, "acme/c")]
    clones = [mirror(1, "acme/a"), mirror(2, "acme/b")]
    actions = plan(repos, clones)
    assert moves(actions) == [("acme/a", "acme/b"), ("acme/b", "acme/c")]
    assert len(carried_out(clones, actions, [0, 1, 2])) == 2


def test_who_waits_for_a_ring_need_not_step_aside() -> None:
    repos = [remote(1, "acme/b"), remote(2, "acme/a"), remote(3, "acme/c"), remote(4, "acme/d")]
    clones = [mirror(n, f"acme/{name}") for n, name in enumerate("abde", start=1)]
    clones[2] = mirror(3, "acme/d")
    actions = plan(repos, clones)
    assert len(moves(actions)) == 6, "two for each in the ring, one for each in the line"
    after = carried_out(clones, actions, [4, 3, 2, 1, 0])
    assert sorted(clone.folder for clone in after) == ["acme/a", "acme/b", "acme/c", "acme/d"]


def test_a_swap_ends_in_the_pretty_places_and_refs_follow_there() -> None:
    repos = [remote(1, "acme/b"), remote(2, "acme/a")]
    clones = [mirror(1, "acme/a"), mirror(2, "acme/b")]
    actions = plan(repos, clones, refs=MOVED)
    assert {one.folder for one in actions if isinstance(one, Fetch)} == {"acme/a", "acme/b"}
    after = carried_out(clones, actions, [0, 1, 2])
    assert {clone.key.id: clone.folder for clone in after if clone.key} == {
        "1": "acme/b",
        "2": "acme/a",
    }
    assert moves(plan(repos, after)) == []


def test_into_and_out_of_a_folder_of_the_own_name() -> None:
    group, inner = remote(1, "acme/store"), remote(2, "acme/shop")
    clones = [mirror(1, "acme/shop"), mirror(2, "acme/api/shop")]
    after = carried_out(clones, plan([group, inner], clones), [0, 1, 2])
    assert sorted(clone.folder for clone in after) == ["acme/shop", "acme/store"]
    up = [mirror(1, "acme/shop/api")]
    first, second = moves(plan([remote(1, "acme/shop")], up))
    assert is_halfway(first[1])
    assert second[1] == "acme/shop"


def test_a_crash_between_the_steps_is_made_good() -> None:
    repos = [remote(1, "acme/b"), remote(2, "acme/a")]
    clones = [mirror(1, "acme/a"), mirror(2, "acme/b")]
    aside = dict(moves(plan(repos, clones)))["acme/a"]
    halfway = [replace(mirror(1, "acme/b"), folder=aside), clones[1]]
    assert moves(plan(repos, halfway)) == [("acme/b", "acme/a"), (aside, "acme/b")]


def test_who_does_not_move_in_this_run_holds_up_who_waits_for_the_place() -> None:
    repos = [remote(1, "acme/b"), remote(2, "acme/c"), remote(3, "acme/a")]
    clones = [mirror(1, "acme/a"), mirror(2, "acme/b")]
    only = SyncPolicy(selection=Selection.parse(["acme/a", "acme/b"]))
    waiting, held, current = plan(repos, clones, only)
    assert isinstance(waiting, Skip)
    assert (waiting.name, waiting.reason) == ("acme/a", Reason.OCCUPIED)
    assert isinstance(held, Skip)
    assert (held.name, held.detail) == ("acme/b", "the repository acme/b is there")
    assert isinstance(current, Skip)
    assert (current.reason, current.folder) == (Reason.CURRENT, "acme/a")


@pytest.mark.parametrize("state", [{"broken": "HEAD is missing"}, {"locked": "index.lock"}])
def test_a_damaged_or_locked_clone_does_not_move(state: dict[str, str]) -> None:
    repos = [remote(1, "acme/b"), remote(2, "acme/c")]
    clones = [mirror(1, "acme/a"), mirror(2, "acme/b", **state)]
    assert moves(plan(repos, clones)) == []


def test_a_new_repository_gets_the_name_that_another_one_gave_up() -> None:
    repos = [remote(1, "acme/new"), remote(2, "acme/old")]
    actions = plan(repos, [mirror(1, "acme/old")])
    assert moves(actions) == [("acme/old", "acme/new")]
    assert [one.folder for one in actions if isinstance(one, Clone)] == ["acme/old"]


def test_a_second_copy_stands_in_the_way() -> None:
    clones = [mirror(1, "acme/a"), mirror(1, "acme/b", path=RepoPath("acme", "a"))]
    actions = plan([remote(1, "acme/b")], clones)
    assert moves(actions) == []


def test_a_wiki_waits_for_its_repository() -> None:
    repo = remote(1, "acme/b")
    wiki = replace(remote(3, "acme/b.wiki"), wiki_of=repo.key)
    clones = [
        mirror(1, "acme/a"),
        mirror(3, "acme/a.wiki"),
        LocalRepo("acme/b", CopyKind.WORKTREE, None),
    ]
    actions = plan([repo, wiki], clones)
    assert moves(actions) == []
    reasons = [one.reason for one in actions if isinstance(one, Skip)]
    assert reasons == [Reason.FOREIGN, Reason.CURRENT, Reason.OCCUPIED, Reason.CURRENT]


NAMES = ["acme/a", "acme/b", "acme/c", "acme/A", "acme/a/b", "acme/b/a", "zeta/a", "zeta/b/c/d"]


@given(st.permutations(range(6)), st.permutations(NAMES), st.permutations(range(6)))
def test_any_renaming_is_done_in_one_run_in_any_order(
    first: list[int], later: list[str], order: list[int]
) -> None:
    listed = plan([remote(number, NAMES[number]) for number in first], [])
    clones = [
        mirror(int(one.repo.key.id), one.folder, path=one.repo.path)
        for one in listed
        if isinstance(one, Clone)
    ]
    renamed = [remote(number, later[number]) for number in range(6)]

    after = carried_out(clones, plan(renamed, clones), order)

    assert moves(plan(renamed, after)) == []
    folders = {clone.folder.casefold() for clone in after}
    assert len(folders) == 6
    assert not any(is_halfway(folder) for folder in folders)
    pretty = {clone.folder for clone in after} & {str(repo.path) for repo in renamed}
    names = [path.casefold() for path in later[:6]]
    alone = {
        path
        for number, path in enumerate(later[:6])
        if path != NAMES[number]  # who was not renamed stays, with the suffix it once got
        and names.count(path.casefold()) == 1
        and not any(name.startswith(f"{path.casefold()}/") for name in names)
    }
    assert pretty >= alone
