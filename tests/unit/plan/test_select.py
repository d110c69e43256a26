"""What a pattern means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.model import RepoPath
from mgit.plan.select import Pattern, Selection

PLAIN = RepoPath("Acme", "API")
NESTED = RepoPath("acme", "api", "Shop")
DEEP = RepoPath("acme", "api", "shop/back")


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", PLAIN, True),
        ("api", PLAIN, True),
        ("api", NESTED, True),
        ("ap", PLAIN, False),
        ("acme/api", PLAIN, True),
        ("ACME/api", NESTED, True),
        ("acme/shop", NESTED, False),
        ("acme/shop/api", NESTED, True),
        ("acme/*/api", NESTED, True),
        ("acme/other/api", NESTED, False),
        ("acme/anything/api", PLAIN, True),
        ("acme/*", PLAIN, True),
        ("acme/*", NESTED, True),
        ("ac*e/a*i", PLAIN, True),
        ("*/a*p*i", PLAIN, True),
        ("*/a*x*i", PLAIN, False),
        ("acme/**", DEEP, True),
        ("**", DEEP, True),
        ("acme/**/api", DEEP, True),
        ("acme/**/api", PLAIN, True),
        ("acme/shop/api", DEEP, False),
        ("other/**", DEEP, False),
        ("acme/a", PLAIN, False),
        ("aa*aa", RepoPath("o", "aaa"), False),
    ],
)
def test_patterns(pattern: str, path: RepoPath, *, expected: bool) -> None:
    assert Selection.parse([pattern]).matches(path) is expected


def test_exclusion_wins_whatever_the_order() -> None:
    for patterns in (["acme/*", "!acme/legacy-*"], ["!acme/legacy-*", "acme/*"]):
        selection = Selection.parse(patterns)
        assert selection.matches(RepoPath("acme", "api"))
        assert not selection.matches(RepoPath("acme", "legacy-api"))
        assert not selection.matches(RepoPath("other", "api"))


def test_only_exclusions_mean_all_the_rest() -> None:
    selection = Selection.parse(["!*/attic"])
    assert selection.matches(PLAIN)
    assert not selection.matches(RepoPath("acme", "attic"))
    assert not selection.everything
    assert Selection.parse([]).everything


def test_a_pattern_that_matches_nothing_can_be_told() -> None:
    selection = Selection.parse(["acme/api", "acme/apl", "!acme/x"])
    assert [pattern.text for pattern in selection.unmatched([PLAIN])] == ["acme/apl"]


@pytest.mark.parametrize(
    "text", ["", "!", "a//b", "/a", "a/", "a/b/c/d", "a/../b", "a\nb", "x" * 600]
)
def test_malformed_patterns_are_refused_with_advice(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Selection.parse([text])
    assert "ORG" in caught.value.advice
    assert caught.value.message.isprintable()


names = st.text(
    st.characters(exclude_characters="/*!", categories=["L", "N", "P", "S"]), min_size=1
)


@given(owner=names, name=names)
def test_every_name_is_matched_by_itself_and_by_stars(owner: str, name: str) -> None:
    path = RepoPath(owner, name)
    for text in ("*", "*/*", "**", f"{owner}/*"):
        if ".." not in text.split("/") and "." not in text.split("/"):
            assert Pattern.parse(text).matches(path)
    pattern = Pattern("", exclude=False, parts=(owner, name))
    assert pattern.matches(path)


@given(pattern=st.text("ab*", min_size=1, max_size=40), text=st.text("ab", min_size=1, max_size=60))
def test_matching_agrees_with_a_regular_expression(pattern: str, text: str) -> None:
    import re

    if pattern == "**":
        return
    squeezed = re.sub(r"\*+", "*", pattern)
    expected = re.fullmatch(squeezed.replace("*", ".*"), text) is not None
    assert Pattern.parse(pattern).matches(RepoPath("o", text)) is expected


def test_many_stars_stay_quick() -> None:
    pattern = Pattern.parse("a*" * 200 + "b")
    assert not pattern.matches(RepoPath("o", "a" * 5000))
