"""What a run is about: the person's choice for it, and what each source has of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mgit.address import parse_clone_url
from mgit.model import CopyKind, LocalRepo, RemoteRepo, RepoKey, RepoPath
from mgit.plan import Selection, SourcePolicy, SyncPolicy
from mgit.plan.hints import meant
from mgit.plan.select import Named, Subject

NOW = datetime(2026, 6, 15, tzinfo=UTC)
REPO = RemoteRepo(
    RepoKey("git.example", "7"),
    "work",
    RepoPath("acme", "app"),
    parse_clone_url("https://git.example/acme/app.git"),
)
WIKI = RemoteRepo(
    RepoKey("git.example", "7.wiki"),
    "work",
    RepoPath("acme", "app.wiki"),
    parse_clone_url("https://git.example/acme/app.wiki.git"),
    wiki_of=REPO.key,
)


def clone_of(repo: RemoteRepo) -> LocalRepo:
    return LocalRepo("acme/app", CopyKind.WORKTREE, repo.key, source=repo.source, path=repo.path)


def policy(
    *patterns: str, filters: tuple[str, ...] = (), own: Selection | None = None
) -> SyncPolicy:
    source = SourcePolicy(selection=own or Selection(), forge="gitea")
    return SyncPolicy(
        selection=Selection.parse(patterns, filters), sources={"work": source}, now=NOW
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("work:acme/*", True),
        ("gitea:acme/*", True),
        ("git.example:acme/*", True),
        ("github:acme/*", False),
        ("play:acme/*", False),
        ("other.example:acme/*", False),
    ],
)
def test_a_prefix_is_known_of_what_is_listed_and_of_what_is_on_disk(
    pattern: str, *, expected: bool
) -> None:
    assert policy(pattern).wants(REPO) is expected
    assert policy(pattern).means(clone_of(REPO)) is expected


def test_both_the_run_and_the_source_decide() -> None:
    narrow = policy("acme/*", own=Selection.parse(["!acme/app"]))
    assert not narrow.wants(REPO)
    assert not narrow.means(clone_of(REPO))
    elsewhere = policy("other/*", own=Selection.parse(["acme/*"]))
    assert not elsewhere.wants(REPO)
    assert not elsewhere.means(clone_of(REPO))
    assert policy(own=Selection.parse(["acme/*"])).wants(REPO)


def test_a_wiki_on_disk_is_meant_where_its_repository_is() -> None:
    assert policy("acme/app").means(clone_of(WIKI))
    assert policy("acme/app").wants(WIKI)
    assert not policy("!acme/app.wiki").means(clone_of(WIKI))


def test_a_clone_without_a_name_is_meant_only_by_everything() -> None:
    nameless = replace(clone_of(REPO), path=None)
    assert SyncPolicy().means(nameless)
    assert not policy("acme/*").means(nameless)
    assert not policy(own=Selection.parse(["acme/*"])).means(nameless)


def test_ages_are_counted_from_the_moment_of_the_run() -> None:
    young = replace(REPO, pushed_at=NOW - timedelta(days=10))
    old = replace(REPO, pushed_at=NOW - timedelta(days=100))
    run = policy(filters=("pushed-since=90d",))
    assert (run.wants(young), run.wants(old)) == (True, False)
    own = policy(own=Selection.parse([], ["pushed-since=90d"]))
    assert (own.wants(young), own.wants(old)) == (True, False)
    assert run.unsure(young) == ()
    nobody_says = replace(run, now=None)
    assert nobody_says.wants(old)
    assert nobody_says.unsure(old) == ("pushed-since=90d",)


def test_what_nobody_says_is_told_once_for_the_run_and_once_for_the_source() -> None:
    run = policy(filters=("size<1m",), own=Selection.parse([], ["language=go", "!fork"]))
    gitlab = replace(run, sources={"work": replace(run.sources["work"], forge="gitlab")})
    assert gitlab.unsure(REPO) == ("size<1m", "language=go")
    assert gitlab.wants(REPO)
    known = replace(REPO, size_kib=1, language="go")
    assert gitlab.unsure(known) == ()
    assert SyncPolicy().unsure(REPO) == ()
    only_the_run = policy(filters=("size<1m",))
    assert only_the_run.unsure(REPO) == ("size<1m",)
    only_the_source = policy(own=Selection.parse([], ["size<1m"]))
    assert only_the_source.unsure(REPO) == ("size<1m",)


def test_what_a_saved_selection_leaves_open_is_told_too() -> None:
    saved = {"small": Named("@small", Selection.parse([], ["size<1m", "pushed-since=90d"]))}
    run = Selection.parse(["@small"], saved=saved)
    subject = Subject.of(REPO.path, source="work", repo=replace(REPO, pushed_at=NOW))
    assert run.unsure(subject, NOW) == ("size<1m",)
    assert run.unsure(subject, None) == ("size<1m", "pushed-since=90d")


def test_every_pattern_is_looked_for_until_all_are_found() -> None:
    paths = [RepoPath("acme", "app"), RepoPath("acme", "lib"), RepoPath("acme", "tool")]
    texts = ("acme/app", "acme/lib", "acme/gone")
    left = Selection.parse(texts).unmatched(paths)
    assert [one.text for one in left] == ["acme/gone"]
    assert Selection.parse(texts[:2]).unmatched(paths) == ()
    asked: list[RepoPath] = []

    def one_after_the_other() -> object:
        for path in paths:
            asked.append(path)
            yield path

    assert Selection.parse(texts[:1]).unmatched(one_after_the_other()) == ()
    assert asked == paths[:1], "ten thousand names are not read when all is found"


def test_a_word_that_nobody_knows() -> None:
    assert meant("acrhived", ("archived", "fork")) == "; did you mean archived?"
    assert meant("BACKEND", ("backend",), "@") == "; did you mean @backend?"
    assert meant("xyz", ("archived", "fork")) == ""
    assert meant("apx", ("api", "app")) in ("; did you mean api?", "; did you mean app?")
    # Half of it is another word: a guess that far off helps nobody.
    assert meant("size", ("since",)) == "; did you mean since?"
    assert meant("size", ("visibility",)) == ""
