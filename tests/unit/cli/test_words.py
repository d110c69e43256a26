"""Words that come in: states for --fail-on, patterns that the shell expanded."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.cli.patterns import nothing_found, refuse_expanded
from mgit.cli.states import STATES, read_states, states_of
from mgit.errors import InvalidInput
from mgit.model import CopyKind, LocalRepo, RepoKey, WorkTree

from .cases import FOREIGN, LOCAL

KEY = RepoKey("git.example.com", "1")


def _with(tree: WorkTree) -> LocalRepo:
    return LocalRepo("a", CopyKind.WORKTREE, KEY, worktree=tree)


@pytest.mark.parametrize(
    ("tree", "states"),
    [
        (WorkTree("main", "a", "origin/main", 0, 0), ()),
        (WorkTree("main", "a", "origin/main", 2, 0), ("unpushed",)),
        (WorkTree("main", "a", "origin/main", 0, 2), ("behind",)),
        (WorkTree("main", "a", "origin/main", 1, 1), ("diverged", "unpushed", "behind")),
        (WorkTree(None, "a"), ("detached",)),
        (WorkTree("mine", "a"), ("no-upstream",)),
        (WorkTree("main", None), ()),
        (WorkTree("main", "a", "o/m", 0, 0, changed=1, untracked=1), ("dirty", "untracked")),
        (WorkTree("main", "a", "o/m", 0, 0, stashes=1, conflicted=1), ("conflicted", "stashed")),
    ],
)
def test_states_of_a_work_tree(tree: WorkTree, states: tuple[str, ...]) -> None:
    assert states_of(_with(tree)) == states


def test_states_of_what_is_damaged_or_not_ours() -> None:
    assert states_of(FOREIGN) == ("broken", "foreign")
    assert states_of(LOCAL)[0] == "operation"


def test_states_are_read_from_a_list() -> None:
    assert read_states("dirty, unpushed") == {"dirty", "unpushed"}
    assert read_states(None) == frozenset()
    assert read_states(",".join(STATES)) == set(STATES)
    with pytest.raises(InvalidInput, match="did you mean dirty"):
        read_states("dirty,drity")


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    for name in ("letter.txt", "notes.md", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "tax").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "patterns", [["letter.txt", "notes.md", "tax"], ["letter.txt", "notes.md"]]
)
def test_file_names_are_taken_for_an_expanded_star(documents: Path, patterns: list[str]) -> None:
    with pytest.raises(InvalidInput, match="turned a \\* into") as caught:
        refuse_expanded("sync", patterns, documents)
    assert caught.value.advice == "quote the pattern: mgit sync '*'"


@pytest.mark.parametrize(
    "patterns",
    [[], ["tax"], ["acme/*", "notes.md"], ["acme/api", "acme/web"], ["tax", "other"]],
)
def test_patterns_are_not_taken_for_file_names(documents: Path, patterns: list[str]) -> None:
    refuse_expanded("sync", patterns, documents)


def test_two_clones_named_by_hand_stay_possible(tmp_path: Path) -> None:
    for name in ("api", "web", "docs"):
        (tmp_path / "acme" / name).mkdir(parents=True)
    refuse_expanded("sync", ["acme/api", "acme/web"], tmp_path)


def test_nothing_found_says_what_to_look_at() -> None:
    assert "did you mean acme/Api?" in nothing_found(["acme/ap1"], ["acme/Api"]).message
    assert "no repository at all" in nothing_found([], []).message
