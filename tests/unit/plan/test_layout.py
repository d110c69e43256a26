"""Folders: readable, unique, and never outside of the root, whatever a name looks like."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import parse_clone_url
from mgit.model import CopyKind, LocalRepo, RemoteRepo, RepoKey, RepoPath
from mgit.plan.layout import Layout, assign_folders
from mgit.plan.moving import parents
from mgit.plan.names import decode_segment, encode_segment, with_suffix
from mgit.plan.select import fold

URL = parse_clone_url("https://forge.example/x")


def remote(number: int, owner: str, name: str, project: str | None = None) -> RemoteRepo:
    return RemoteRepo(
        RepoKey("forge.example", str(number)), "s", RepoPath(owner, name, project), URL
    )


def local(repo: RemoteRepo, folder: str, path: RepoPath | None = None) -> LocalRepo:
    return LocalRepo(folder, CopyKind.WORKTREE, repo.key, path=path or repo.path)


def folders(*repos: RemoteRepo, clones: tuple[LocalRepo, ...] = ()) -> list[str]:
    assigned = assign_folders(repos, clones, Layout.OWNER)
    return [assigned[repo.key] for repo in repos]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Layout.FLAT, "api"),
        (Layout.OWNER, "acme/shop/api"),
        (Layout.FORGE, "forge.example/acme/shop/api"),
    ],
)
def test_layouts(layout: Layout, expected: str) -> None:
    repo = remote(1, "acme", "api", "shop")
    assert assign_folders([repo], [], layout) == {repo.key: expected}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("api", "api"),
        ("Grüße", "Grüße"),
        ("with space", "with space"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        (".github", ".github"),
        (".MGIT", "%2EMGIT"),
        ("...", "%2E.%2E"),
        ("-rf", "%2Drf"),
        (".git", "%2Egit"),
        ("tool.git", "%74ool.git"),
        ("a/b", "a%2Fb"),
        ("a\\b", "a%5Cb"),
        ("a%2Fb", "a%252Fb"),
        ("nul", "%6Eul"),
        ("CON.txt", "%43ON.txt"),
        ("console", "console"),
        ("dot.", "dot%2E"),
        ("space ", "space%20"),
        ("a\u202egnp", "a%E2%80%AEgnp"),
        ("a\x1b[31m", "a%1B[31m"),
        ("git~1", "git%7E1"),
        ("new\nline", "new%0Aline"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert encode_segment(name) == expected
    assert decode_segment(expected) == name


any_name = st.text(min_size=1, max_size=300)


@given(any_name)
def test_every_name_becomes_one_safe_segment(name: str) -> None:
    segment = encode_segment(name)
    assert 0 < len(segment.encode()) <= 255
    assert segment.casefold() not in {".", "..", ".mgit"}
    assert not segment.startswith(("-", " "))
    assert not segment.endswith((".", " "))
    assert not segment.casefold().endswith(".git")
    assert not re.search(r"[/\\\x00-\x1f\x7f-\x9f]", segment)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in segment)
    assert decode_segment(segment) in (name, None)


@given(any_name, any_name)
def test_different_names_get_different_segments(one: str, other: str) -> None:
    assert (encode_segment(one) == encode_segment(other)) is (one == other)


@given(any_name, any_name)
def test_a_suffix_is_safe_too_and_never_looks_like_a_name(name: str, suffix: str) -> None:
    segment = with_suffix(encode_segment(name), suffix)
    assert len(segment.encode()) <= 255
    assert decode_segment(segment) is None
    assert not re.search(r"[/\\\x00-\x1f\x7f-\x9f]", segment)
    assert not segment.endswith((".", " "))


def test_long_names_are_cut_and_stay_apart() -> None:
    one, other = encode_segment("ü" * 200 + "1"), encode_segment("ü" * 200 + "2")
    assert one != other
    assert len(one.encode()) <= 255


def test_twins_by_case_or_composition_all_get_their_id() -> None:
    assert folders(remote(1, "acme", "App"), remote(2, "acme", "app")) == [
        "acme/App~1",
        "acme/app~2",
    ]
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert folders(remote(1, "acme", composed), remote(2, "acme", decomposed)) == [
        f"acme/{composed}~1",
        f"acme/{decomposed}~2",
    ]


def test_who_has_a_folder_keeps_it() -> None:
    first, second = remote(1, "acme", "app"), remote(2, "acme", "App")
    clone = local(first, "acme/app")
    assert folders(first, second, clones=(clone,)) == ["acme/app", "acme/App~2"]
    assert folders(second, first, clones=(clone,)) == ["acme/App~2", "acme/app"]


def test_who_was_renamed_upstream_moves_also_when_only_the_case_changed() -> None:
    repo = remote(1, "acme", "App")
    old = local(repo, "acme/app", RepoPath("acme", "app"))
    assert folders(repo, clones=(old,)) == ["acme/App"]


def test_a_folder_that_the_person_chose_is_kept() -> None:
    repo = remote(1, "acme", "app")
    assert folders(repo, clones=(local(repo, "work/app"),)) == ["work/app"]


def test_whoever_is_renamed_into_a_name_that_gets_free_gets_it() -> None:
    one, two = remote(1, "acme", "b"), remote(2, "acme", "c")
    clones = (
        local(one, "acme/a", RepoPath("acme", "a")),
        local(two, "acme/b", RepoPath("acme", "b")),
    )
    assert folders(one, two, clones=clones) == ["acme/b", "acme/c"]


def test_a_clone_that_a_crash_left_halfway_goes_on_to_its_place() -> None:
    repo = remote(1, "acme", "app")
    assert folders(repo, clones=(local(repo, "app~0123456789ab-moving"),)) == ["acme/app"]
    assert folders(repo, clones=(local(repo, "acme/App~moving"),)) == ["acme/app"]


def wiki_of(repo: RemoteRepo) -> RemoteRepo:
    path = RepoPath(repo.path.owner, f"{repo.path.name}.wiki", repo.path.project)
    key = RepoKey(repo.key.forge, f"{repo.key.id}.wiki")
    return replace(repo, key=key, path=path, wiki_of=repo.key)


def test_a_wiki_stands_beside_its_repository() -> None:
    repo = remote(1, "acme", "app")
    assert folders(repo, wiki_of(repo)) == ["acme/app", "acme/app.wiki"]
    there = local(repo, "work/mine")
    assert folders(repo, wiki_of(repo), clones=(there,)) == ["work/mine", "work/mine.wiki"]
    upper, lower = remote(1, "acme", "App"), remote(2, "acme", "app")
    assert folders(wiki_of(lower), lower, upper) == ["acme/app~2.wiki", "acme/app~2", "acme/App~1"]


def test_a_wiki_is_renamed_with_its_repository() -> None:
    old, new = remote(1, "acme", "app"), remote(1, "acme", "service")
    clones = (local(old, "acme/app"), local(wiki_of(old), "acme/app.wiki"))
    assert folders(new, wiki_of(new), clones=clones) == ["acme/service", "acme/service.wiki"]


def test_a_repository_that_is_named_like_a_wiki() -> None:
    repo, namesake = remote(1, "acme", "app"), remote(2, "acme", "app.wiki")
    wiki = wiki_of(repo)
    assert folders(repo, namesake, wiki) == ["acme/app", "acme/app.wiki", "acme/app.wiki~1.wiki"]
    kept = local(wiki, "acme/app.wiki")
    assert folders(namesake, wiki, clones=(kept,)) == ["acme/app.wiki~2", "acme/app.wiki"]


def test_a_wiki_of_a_long_name_is_cut() -> None:
    repo = remote(1, "acme", "a" * 255)
    folder = folders(repo, wiki_of(repo))[1]
    assert len(folder.removeprefix("acme/").encode()) <= 255
    assert folder.endswith("~wiki")


def test_the_folder_of_a_clone_that_is_not_listed_any_more_is_taken() -> None:
    old, new = remote(1, "acme", "app"), remote(2, "acme", "app")
    assert folders(new, clones=(local(old, "acme/app"),)) == ["acme/app~2"]


def test_a_repository_named_like_a_group_stands_beside_it() -> None:
    repo, inner = remote(1, "acme", "shop"), remote(2, "acme", "api", "shop")
    assert folders(repo, inner) == ["acme/shop~1", "acme/shop/api"]
    kept = local(repo, "acme/shop")
    assert folders(repo, inner, clones=(kept,)) == ["acme/shop", "acme/shop~group/api"]


def test_the_same_id_of_two_forges() -> None:
    here = RemoteRepo(RepoKey("a.example", "7"), "s", RepoPath("acme", "app"), URL)
    there = RemoteRepo(RepoKey("b.example", "7"), "s", RepoPath("acme", "app"), URL)
    assigned = assign_folders([here, there], [], Layout.OWNER)
    assert assigned[here.key] == "acme/app~7"
    assert assigned[there.key] != assigned[here.key]


repos = st.lists(
    st.tuples(
        st.sampled_from(["a", "A", "b", "..", "a~1"]),
        st.sampled_from([None, "a", "B", "b", "x/y"]),
        st.one_of(st.sampled_from(["a", "A", "b", "~1", "b~2", ".git", "x"]), any_name),
    ),
    max_size=12,
)


@given(repos, st.sampled_from(Layout))
def test_no_folder_is_shared_nested_or_outside(
    names: list[tuple[str, str | None, str]], layout: Layout
) -> None:
    inventory = [
        remote(number, owner, name, project) for number, (owner, project, name) in enumerate(names)
    ]

    assigned = assign_folders(inventory, [], layout)

    folded = [fold(folder) for folder in assigned.values()]
    assert len(set(folded)) == len(inventory)
    assert not any(
        fold(parent) in folded for folder in assigned.values() for parent in parents(folder)
    )
    assert not any(PurePosixPath(folder).is_absolute() or ".." in folder.split("/")
                   for folder in assigned.values())  # fmt: skip
    backwards = assign_folders(reversed(inventory), [], layout)
    assert backwards == assigned, "the order of the listing does not matter"
    clones = [local(repo, assigned[repo.key]) for repo in inventory]
    assert assign_folders(inventory, clones, layout) == assigned, "the second run agrees"


@given(repos, st.data())
def test_a_twin_that_disappears_moves_nobody(
    names: list[tuple[str, str | None, str]], data: st.DataObject
) -> None:
    inventory = [
        remote(number, owner, name, project) for number, (owner, project, name) in enumerate(names)
    ]
    assigned = assign_folders(inventory, [], Layout.OWNER)
    clones = [local(repo, assigned[repo.key]) for repo in inventory]
    left = [repo for repo in inventory if data.draw(st.booleans())]
    there = [clone for clone in clones if data.draw(st.booleans())]
    again = assign_folders(data.draw(st.permutations(left)), there, Layout.OWNER)
    for clone in there:
        assert clone.key is not None
        assert again.get(clone.key, clone.folder) == clone.folder
