"""What a pattern means."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import parse_clone_url
from mgit.errors import InvalidInput
from mgit.model import RemoteRepo, RepoKey, RepoPath, Visibility
from mgit.plan.filters import Condition, Fact, Has, Is, Label, Pushed, Size, parse_condition
from mgit.plan.select import Named, Pattern, Selection, Subject

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
        ("acme/shop/back/api", DEEP, True),
        ("acme/shop/*/api", DEEP, True),
        ("acme/shop/**", DEEP, True),
        ("acme/*/api", DEEP, False),
        ("acme/shop/back/api", PLAIN, False),
        ("**/back/**", DEEP, True),
        ("**/**", DEEP, True),
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
    "text",
    ["", "!", "a//b", "/a", "a/", "a/../b", "a\nb", "x" * 600, ":a", "work:", "/".join("a" * 33)],
)
def test_malformed_patterns_are_refused_with_advice(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Selection.parse([text])
    assert "ORG" in caught.value.advice
    assert caught.value.message.isprintable()


names = st.text(
    st.characters(exclude_characters="/*!:@", categories=["L", "N", "P", "S"]), min_size=1
)


@given(owner=names, name=names)
def test_every_name_is_matched_by_itself_and_by_stars(owner: str, name: str) -> None:
    path = RepoPath(owner, name)
    for text in ("*", "*/*", "**", f"{owner}/*"):
        if ".." not in text.split("/") and "." not in text.split("/"):
            assert Pattern.parse(text).matches(Subject.of(path))
    pattern = Pattern("", exclude=False, parts=(owner, name))
    assert pattern.matches(Subject.of(path))


@given(pattern=st.text("ab*", min_size=1, max_size=40), text=st.text("ab", min_size=1, max_size=60))
def test_matching_agrees_with_a_regular_expression(pattern: str, text: str) -> None:
    import re

    if pattern == "**":
        return
    squeezed = re.sub(r"\*+", "*", pattern)
    expected = re.fullmatch(squeezed.replace("*", ".*"), text) is not None
    assert Pattern.parse(pattern).matches(Subject.of(RepoPath("o", text))) is expected


def test_many_stars_stay_quick() -> None:
    pattern = Pattern.parse("a*" * 200 + "b")
    assert not pattern.matches(Subject.of(RepoPath("o", "a" * 5000)))


PREFIXED = Subject.of(
    NESTED, source="Work", kind="gitlab", key=RepoKey("git.example.com:8443", "1")
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("work:acme/*", True),
        ("WORK:**", True),
        ("gitlab:api", True),
        ("git.example.com:8443:acme/shop/api", True),
        ("*.example.com:8443:**", True),
        ("home:**", False),
        ("github:acme/*", False),
        ("git.example.com:**", False),
        ("work:other/*", False),
    ],
)
def test_a_prefix_is_a_source_a_kind_of_forge_or_a_host(pattern: str, *, expected: bool) -> None:
    assert Selection.parse([pattern]).selects(PREFIXED) is expected
    assert Selection.parse([f"!{pattern}"]).selects(PREFIXED) is not expected


def test_a_wiki_is_meant_where_its_repository_is_and_can_be_left_out_alone() -> None:
    home = repo("app")
    wiki = replace(
        home,
        key=RepoKey("forge.example", "1.wiki"),
        path=RepoPath("acme", "app.wiki"),
        wiki_of=home.key,
    )
    listed = Subject.of(wiki.path, key=wiki.key, repo=wiki)
    on_disk = Subject.of(wiki.path, key=wiki.key)
    for subject in (listed, on_disk):
        assert Selection.parse(["acme/app"]).selects(subject)
        assert Selection.parse(["acme/*.wiki"]).selects(subject)
        assert not Selection.parse(["!acme/app.wiki"]).selects(subject)
        assert not Selection.parse(["acme/ap"]).selects(subject)
    assert Selection.parse(["!acme/app.wiki"]).selects(Subject.of(home.path, repo=home))


NOW = datetime(2026, 11, 24, tzinfo=UTC)


def _at(*parts: int) -> Pushed:
    return Pushed(since=True, when=datetime(*parts, tzinfo=UTC))


def repo(name: str = "app", **facts: object) -> RemoteRepo:
    plain = RemoteRepo(
        RepoKey("forge.example", "1"),
        "work",
        RepoPath("acme", name),
        parse_clone_url("https://forge.example/acme/app.git"),
    )
    return replace(plain, **facts)


def judge(text: str, one: RemoteRepo, kind: str = "github") -> bool | None:
    subject = Subject.of(one.path, source=one.source, kind=kind, key=one.key, repo=one)
    return Selection.parse((), [text]).judge(subject, NOW)


@pytest.mark.parametrize(
    ("text", "facts", "expected"),
    [
        ("archived", {"archived": True}, True),
        ("!archived", {"archived": True}, False),
        ("archived=no", {"archived": False}, True),
        ("!fork", {"fork": False}, True),
        ("empty", {"empty": True}, True),
        ("empty", {"empty": None}, None),
        ("visibility=private", {"visibility": Visibility.PRIVATE}, True),
        ("visibility=private,internal", {"visibility": Visibility.PUBLIC}, False),
        ("visibility!=public", {"visibility": Visibility.PUBLIC}, False),
        ("!visibility=public", {"visibility": None}, None),
        ("topic=Backend", {"topics": ("web", "backend")}, True),
        ("topic=back*", {"topics": ("backend",)}, True),
        ("topic=backend", {"topics": ()}, False),
        ("!topic=legacy", {"topics": ()}, True),
        ("language=go", {"language": "Go"}, True),
        ("language=go,c++", {"language": "C++"}, True),
        ("language=go", {"language": None}, False),
        ("language=jupyter notebook", {"language": "Jupyter Notebook"}, True),
        ("size<100m", {"size_kib": 100 * 1024 - 1}, True),
        ("size<100m", {"size_kib": 100 * 1024}, False),
        ("size>=100m", {"size_kib": 100 * 1024}, True),
        ("!size>1G", {"size_kib": 5}, True),
        ("size>1g", {"size_kib": None}, None),
        ("pushed-since=90d", {"pushed_at": NOW - timedelta(days=89)}, True),
        ("pushed-since=90d", {"pushed_at": NOW - timedelta(days=91)}, False),
        ("pushed<90d", {"pushed_at": NOW - timedelta(days=89)}, True),
        ("pushed>90d", {"pushed_at": NOW - timedelta(days=89)}, False),
        ("pushed>2026-01-01", {"pushed_at": NOW}, True),
        ("pushed<2026-01-01", {"pushed_at": NOW}, False),
        ("pushed-before=2026-11-25", {"pushed_at": NOW}, True),
        ("!pushed-since=1w", {"pushed_at": NOW}, False),
        ("pushed-since=1y", {"pushed_at": None}, None),
    ],
)
def test_conditions(text: str, facts: dict[str, object], *, expected: bool | None) -> None:
    assert judge(text, repo(**facts)) is expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("topic=backend", "azuredevops"),
        ("language=go", "gitlab"),
        ("language=go", ""),
        ("archived", "manifest"),
    ],
)
def test_what_a_forge_never_says_leaves_a_repository_in_and_is_told(text: str, kind: str) -> None:
    subject = Subject.of(PLAIN, kind=kind, repo=repo())
    selection = Selection.parse((), [text])
    assert selection.selects(subject, NOW)
    assert selection.unsure(subject, NOW) == (text,)
    assert not Selection.parse(["other/*"], [text]).unsure(subject, NOW)


def test_only_a_clone_is_known() -> None:
    subject = Subject.of(PLAIN, source="work")
    assert Selection.parse(["acme/*"], ["archived"]).selects(subject, NOW)
    assert not Selection.parse(["other/*"], ["archived"]).selects(subject, NOW)


def test_all_conditions_must_hold() -> None:
    selection = Selection.parse((), ["!archived", "language=go"])
    for facts, expected in (({"language": "Go"}, True), ({"language": "C"}, False)):
        assert selection.selects(Subject.of(PLAIN, kind="github", repo=repo(**facts))) is expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not one"),
        ("!", "is not one"),
        ("archive", "did you mean archived?"),
        ("private", "did you mean visibility=private?"),
        ("lang=go", "did you mean language?"),
        ("archived=maybe", "must be archived or !archived"),
        ("visibility=secret", "must be one of public, internal, private"),
        ("visibility=privat", "did you mean private?"),
        ("topic", "must be topic=VALUE"),
        ("topic=a,,b", "must be topic=VALUE"),
        ("size=5", "must be like size<100m"),
        ("size<big", "must be like size<100m"),
        ("pushed=90d", "must be like pushed<90d"),
        ("pushed-since>90d", "must be like pushed-since=90d"),
        ("pushed-since=soon", "must be like pushed-since=90d"),
        ("topic=" + "a" * 300, "is not one"),
        ("topic=\x1b[31m", "is not one"),
    ],
)
def test_a_malformed_condition_is_told_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Selection.parse((), [text])
    assert says in caught.value.message
    assert caught.value.message.isprintable()
    assert "conditions: archived" in caught.value.advice


words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9)
moments = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Is, st.sampled_from(Fact), so=st.booleans()),
    st.builds(
        Has,
        st.sampled_from([Label.TOPIC, Label.LANGUAGE]),
        st.lists(words, min_size=1, max_size=3).map(tuple),
        so=st.booleans(),
    ),
    st.builds(Size, st.sampled_from(["<", "<=", ">", ">="]), st.integers(0, 10**12)),
    st.builds(
        Pushed,
        st.booleans(),
        st.one_of(moments, st.integers(0, 99_999).map(lambda hours: timedelta(hours=hours))),
    ),
)


@given(conditions)
def test_every_condition_is_read_as_it_is_written(condition: Condition) -> None:
    assert parse_condition(str(condition)) == condition


@given(conditions)
def test_turned_round_twice_it_is_the_same(condition: Condition) -> None:
    text = str(condition)
    turned = parse_condition(text[1:] if text.startswith("!") else f"!{text}")
    assert turned != condition
    assert parse_condition(str(turned)) == turned


@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_a_clear_error(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert parse_condition(str(parse_condition(text))) == parse_condition(text)


BACKEND = Named("@backend", Selection.parse(["acme/*"], ["topic=backend"]), frozenset({"work"}))


def test_a_saved_selection_stands_where_a_pattern_does() -> None:
    one, other = repo("app", topics=("backend",)), repo("site", topics=("web",))
    saved = {"backend": BACKEND}
    picked = Selection.parse(["@backend", "acme/site"], saved=saved)
    without = Selection.parse(["!@backend"], saved=saved)

    def of(what: RemoteRepo, source: str = "work") -> Subject:
        return Subject.of(what.path, source=source, kind="github", repo=what)

    assert [picked.selects(of(what)) for what in (one, other)] == [True, True]
    assert [without.selects(of(what)) for what in (one, other)] == [False, True]
    only = Selection.parse(["@backend"], saved=saved)
    assert [only.selects(of(what)) for what in (one, other)] == [True, False]
    assert not only.selects(of(one, "home")), "it is about another source"
    assert without.selects(Subject.of(one.path, source="work")), "what is not said leaves it in"


def test_a_selection_that_nobody_saved() -> None:
    with pytest.raises(InvalidInput, match="did you mean @backend") as caught:
        Selection.parse(["@backed"], saved={"backend": BACKEND})
    assert "@backend" in caught.value.advice
    with pytest.raises(InvalidInput, match="no selection named"):
        Selection.parse(["!@x"])


def test_ten_thousand_names_against_fifty_patterns() -> None:
    selection = Selection.parse([f"team-{n}/*-service" for n in range(50)])
    paths = [RepoPath(f"team-{n % 60}", f"app-{n}-service") for n in range(10_000)]
    assert sum(selection.matches(path) for path in paths) == sum(n % 60 < 50 for n in range(10_000))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("archived=true", Is(Fact.ARCHIVED, so=True)),
        ("archived = YES", Is(Fact.ARCHIVED, so=True)),
        ("fork=false", Is(Fact.FORK, so=False)),
        ("fork=No", Is(Fact.FORK, so=False)),
        ("fork!=true", Is(Fact.FORK, so=False)),
        ("!fork!=yes", Is(Fact.FORK, so=True)),
        ("Pushed_Since=90d", Pushed(since=True, when=timedelta(days=90))),
        ("pushed_before=2h", Pushed(since=False, when=timedelta(hours=2))),
        ("pushed-since=2026-01-31T10:00", _at(2026, 1, 31, 10)),
        ("pushed-since=2026-01-31T10:00+02:00", _at(2026, 1, 31, 8)),
    ],
)
def test_a_condition_may_be_written_in_other_ways(text: str, meaning: Condition) -> None:
    assert parse_condition(text) == meaning


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Size("<", 0), "size<0"),
        (Size("<", 3 << 20), "size<3m"),
        (Pushed(since=True, when=timedelta(hours=48)), "pushed-since=2d"),
        (Pushed(since=False, when=timedelta(hours=49)), "pushed-before=49h"),
        (Pushed(since=True, when=timedelta()), "pushed-since=0h"),
        (Pushed(since=False, when=datetime(2026, 1, 31, tzinfo=UTC)), "pushed-before=2026-01-31"),
        (_at(2026, 1, 31, 1), "pushed-since=2026-01-31T01:00:00+00:00"),
        (_at(2026, 1, 31, 0, 1), "pushed-since=2026-01-31T00:01:00+00:00"),
        (_at(2026, 1, 31, 0, 0, 1), "pushed-since=2026-01-31T00:00:01+00:00"),
        (_at(2026, 1, 31, 0, 0, 0, 1), "pushed-since=2026-01-31T00:00:00.000001+00:00"),
    ],
)
def test_a_condition_is_written_as_short_as_it_can_be(condition: Condition, text: str) -> None:
    assert str(condition) == text
    assert parse_condition(text) == condition


def test_the_moment_itself_is_since_and_not_before() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    one = repo(pushed_at=noon)
    assert judge("pushed-since=2026-01-31T12:00", one) is True
    assert judge("pushed-before=2026-01-31T12:00", one) is False


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("=", "is not one"),
        ("fork=maybe", "must be fork or !fork"),
        ("fork<1", "must be fork or !fork"),
        ("size=1m", "must be like size<100m or size>=1g"),
        ("size<much", "must be like size<100m or size>=1g"),
        ("pushed=90d", "must be like pushed<90d (within them) or pushed>90d (longer ago)"),
        ("pushed-since<90d", "must be like pushed-since=90d or pushed-since=2026-01-31"),
        ("topic=", "must be topic=VALUE"),
        ("topic<a", "must be topic=VALUE"),
        ("language=go,", "must be language=VALUE"),
        ("visibility=hidden", "must be one of public, internal, private"),
        ("private", "is not one; did you mean visibility=private?"),
        ("archive", "is not one; did you mean archived?"),
        ("x" * 256, "is not one"),
    ],
)
def test_what_is_wrong_with_a_condition_in_full(text: str, why: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_condition(text)
    assert caught.value.message == f"condition {text[:60]!a} {why}"
    assert caught.value.advice.startswith("conditions: archived, fork")


def test_a_condition_may_be_as_long_as_it_says() -> None:
    longest = f"topic={'x' * 250}"
    assert str(parse_condition(longest)) == longest
    with pytest.raises(InvalidInput):
        parse_condition(f"{longest}x")


def test_of_a_forge_that_nobody_knows_topics_are_believed() -> None:
    """No kind: a clone on disk, or a forge of the future. An empty list is no word of silence."""
    assert judge("topic=backend", repo(topics=()), kind="") is False
    assert judge("topic=backend", repo(topics=()), kind="manifest") is None
    assert judge("topic=backend", repo(topics=("backend",)), kind="manifest") is True


def test_the_names_that_are_saved_are_told() -> None:
    saved = {name: Named(f"@{name}", Selection()) for name in ("web", "api")}
    with pytest.raises(InvalidInput) as caught:
        Selection.parse([f"@{'n' * 61}"], saved=saved)
    assert caught.value.message == f"there is no selection named {'n' * 60!a}"
    expected = "selections of the configuration: @api, @web; add one as [selections.NAME]"
    assert caught.value.advice == expected
    with pytest.raises(InvalidInput) as caught:
        Selection.parse(["!@wep"], saved=saved)
    assert caught.value.message == "there is no selection named 'wep'; did you mean @web?"
    with pytest.raises(InvalidInput) as caught:
        Selection.parse(["@web"])
    assert "configuration: none yet; add" in caught.value.advice
