"""Providers of mgit 0.x in today's words."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.cli.providers_of_0x import OldProvider, free_name, translate, unique_names
from mgit.cli.yaml_of_0x import Tree, parse_old
from mgit.config import Environment
from mgit.config.document import check_source_name
from mgit.config.edit import NewSource
from mgit.errors import InvalidInput

HERE = Environment({"SET": "value", "TOKEN": "t0ken"})


def one(name: str = "work", **entry: Tree) -> OldProvider:
    [found] = translate({"providers": {name: dict(entry)}}, HERE).providers
    return found


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"url": "https://api.github.com"}, NewSource("work", "github")),
        ({"url": "https://github.com/acme"}, NewSource("work", "github", owners=("acme",))),
        ({"type": "github", "workspace": "a"}, NewSource("work", "github", owners=("a",))),
        (
            {"url": "https://ghe.example.com/api/v3/"},
            NewSource("work", "github", "https://ghe.example.com/api/v3"),
        ),
        (
            {"url": "https://ghe.example.com/acme", "type": "github"},
            NewSource("work", "github", "https://ghe.example.com", ("acme",)),
        ),
        (
            {"url": "https://github.example.com"},
            NewSource("work", "github", "https://github.example.com"),
        ),
        (
            {"url": "https://dev.azure.com/${SET}"},
            NewSource("work", "azuredevops", "https://dev.azure.com/value"),
        ),
        (
            {"url": "https://dev.azure.com", "workspace": "org"},
            NewSource("work", "azuredevops", "https://dev.azure.com/org"),
        ),
        (
            {"url": "https://org.visualstudio.com"},
            NewSource("work", "azuredevops", "https://org.visualstudio.com"),
        ),
        ({"url": "https://gitlab.com"}, NewSource("work", "gitlab", "https://gitlab.com")),
        (
            {"url": "https://api.bitbucket.org/2.0", "user": "me@example.com"},
            NewSource("work", "bitbucket", user="me@example.com"),
        ),
    ],
)
def test_a_provider_becomes_a_source(entry: dict[str, Tree], expected: NewSource) -> None:
    assert one(**entry).source == expected


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"url": "https://git.example.com"}, "neither its address nor a type"),
        ({"url": "https://[broken"}, "neither its address nor a type"),
        ({"type": "svn"}, "its type 'svn' is none"),
        ({"url": "http://github.example.com"}, "plain http"),
        ({"url": "https://u:secret@github.com"}, "must not hold a password"),
        ({"url": "https://${UNSET}.example.com", "type": "github"}, "the variable UNSET"),
        ({"url": "https://dev.azure.com"}, "does not name the organization"),
        ({"type": "gitea"}, "its url must be"),
    ],
)
def test_a_provider_that_cannot_be_taken_over_says_why(entry: dict[str, Tree], says: str) -> None:
    found = one(**entry)
    assert found.source is None
    assert says in found.problem
    assert "secret" not in found.problem


def test_tokens() -> None:
    named = one(url="https://github.com", token="${TOKEN}")
    assert (named.source.token_env, named.token) == ("TOKEN", None)  # type: ignore[union-attr]
    plain = one(url="https://github.com", token=" plain ")
    assert plain.token is not None
    assert plain.token.reveal() == "plain"
    mixed = one(url="https://github.com", token="x-${TOKEN}")
    assert mixed.token is not None
    assert mixed.token.reveal() == "x-t0ken"
    assert "plain" not in repr(plain)
    for bad in ("x-${UNSET}", "two\nlines"):
        found = one(url="https://github.com", token=bad)
        assert (found.token, found.problem) == (None, "")
        assert "mgit login work" in found.notes[0]


def test_names_are_made_fit_and_kept_apart() -> None:
    entry: Tree = {"url": "https://github.com"}
    names = ["My Hub", "my-hub", "my_hub", "é", "_", "x" * 50]
    old = translate({"providers": dict.fromkeys(names, entry)}, HERE)
    found = [one.source.name for one in unique_names(old.providers) if one.source]
    assert found == ["my-hub", "my-hub-2", "my_hub-3", "imported", "imported-2", "x" * 32]
    assert free_name("x" * 32, {"x" * 32}) == "x" * 30 + "-2"


@pytest.mark.parametrize(
    ("common", "concurrency", "notes"),
    [
        ({"default_concurrency": "4"}, 4, 0),
        ({"default_concurrency": "500"}, 64, 1),
        ({"default_concurrency": "many"}, None, 1),
        ({"default_update_mode": "pull", "default_provider": ""}, None, 0),
        ({"default_update_mode": "force", "other": "x"}, None, 2),
        ([], None, 0),
        ("x", None, 1),
    ],
)
def test_what_was_global(common: Tree, concurrency: int | None, notes: int) -> None:
    old = translate({"global": common}, HERE)
    assert (old.concurrency, len(old.notes)) == (concurrency, notes)


trees: st.SearchStrategy[Tree] = st.recursive(
    st.text(max_size=20),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=8,
)
entries = st.dictionaries(
    st.one_of(st.sampled_from(["url", "type", "user", "token", "workspace"]), st.text(max_size=5)),
    trees,
    max_size=6,
)


@given(st.dictionaries(st.text(max_size=40), entries, max_size=4), trees)
def test_no_old_file_is_too_strange(providers: dict[str, Tree], common: Tree) -> None:
    old = translate({"global": common, "providers": providers}, HERE)
    assert [one.was for one in old.providers] == list(providers)
    found = [one.source for one in unique_names(old.providers) if one.source]
    for source in found:
        check_source_name(source.name, "a name")
    assert len({source.name.replace("_", "-") for source in found}) == len(found)


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_no_bytes_make_the_reader_fail_in_another_way(raw: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        parse_old(raw, "old.yaml")


def test_scalars_stay_the_text_they_are() -> None:
    raw = b"a: 012\nb: yes\nc: 1e3\nd: ~\ne: '~'\nf: 2026-01-01\n"
    assert parse_old(raw, "x") == {
        "a": "012",
        "b": "yes",
        "c": "1e3",
        "d": "",
        "e": "~",
        "f": "2026-01-01",
    }
    assert parse_old(b"", "x") == {}
