"""What is GitLab's alone: groups in groups, shared projects, keysets, the hour, the token."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import parse_origin
from mgit.credentials import Credential, Secret
from mgit.errors import InvalidInput
from mgit.forges import ForgeContext, TellsChanges, api_base, open_forge
from mgit.model import RepoPath
from mgit.transport import Response, Transport
from tests.contract.dialects import JSON


@pytest.fixture
def kind() -> str:
    return "gitlab"


class TestGroups:
    def test_groups_in_a_group_come_with_it(self, bench):
        bench.forge.add_repo("acme", "top")
        bench.forge.add_repo("acme/backend", "api")
        bench.forge.add_repo("acme/backend/tools", "lint")
        bench.forge.add_repo("acmeleon", "other")
        listing = bench.client("acme").list_repos()
        assert listing.complete
        assert {repo.path for repo in listing.repos} == {
            RepoPath("acme", "top"),
            RepoPath("acme", "api", "backend"),
            RepoPath("acme", "lint", "backend/tools"),
        }

    def test_an_owner_may_be_a_group_in_a_group(self, bench):
        bench.forge.add_repo("acme", "top")
        bench.forge.add_repo("acme/backend", "api")
        assert bench.names(bench.client("acme/backend").list_repos()) == ["acme/backend/api"]

    def test_a_group_that_only_holds_groups_is_no_user(self, bench):
        bench.forge.add_repo("acme/backend", "api")
        assert bench.names(bench.client("acme").list_repos()) == ["acme/backend/api"]

    def test_what_is_shared_into_a_group_is_not_listed_with_it(self, bench):
        bench.forge.add_repo("acme", "own")
        bench.forge.add_repo("umbrella", "lent")
        bench.forge.share("umbrella", "lent", "acme")
        assert bench.names(bench.client("acme").list_repos()) == ["acme/own"]
        both = bench.client("acme", "umbrella").list_repos()
        assert bench.names(both) == ["acme/own", "umbrella/lent"]

    def test_the_forge_would_have_listed_it_had_it_not_been_asked_otherwise(self, bench):
        bench.forge.add_repo("acme/backend", "api")
        bench.forge.add_repo("umbrella", "lent")
        bench.forge.share("umbrella", "lent", "acme")
        answer = bench.transport.request(
            "GET",
            parse_origin(bench.forge.url),
            bench.listing_of("acme"),
            headers={"Authorization": f"Bearer {bench.forge.token}"},
        )
        assert [shown["name"] for shown in json.loads(answer.body)] == ["lent"]

    @pytest.mark.parametrize("owner", ["..", "a/../b", "/a", "a/", "a//b"])
    def test_an_owner_that_climbs_is_not_asked_for(self, bench, owner):
        with pytest.raises(InvalidInput, match="cannot be used"):
            bench.client(owner).list_repos()
        assert bench.forge.requests == ()

    def test_a_clone_url_below_a_relative_root_is_fine(self, bench):
        url = "https://git.example/gitlab"
        seen: list[str] = []

        class Answers(Transport):
            def request(self, method, origin, target, **_) -> Response:
                seen.append(target)
                shown = bench.entry(http_url_to_repo=f"{url}/acme/good.git")
                return Response(200, tuple(JSON.items()), json.dumps([shown]).encode())

        bench.forge.add_repo("acme", "good")
        api = api_base("gitlab", url)
        credential = Credential(api.origin, "x", Secret("t"), "a test")
        context = ForgeContext("work", Answers(), api, ("acme",), credential)
        (repo,) = open_forge("gitlab", context).list_repos().repos
        assert str(repo.url) == f"{url}/acme/good.git"
        assert seen[0].startswith("/gitlab/api/v4/groups/acme/projects?")


class TestPages:
    def test_everything_is_read_by_the_keyset(self, bench):
        bench.forge.add_repos("acme", 5)
        assert len(bench.client().list_repos().repos) == 5
        asked = [request.path for request in bench.forge.requests]
        assert len(asked) == 4  # the last one is empty
        assert all("pagination=keyset" in path for path in asked)
        assert sum("id_after=" in path for path in asked) == 3

    def test_a_project_behind_a_full_last_page_is_seen_through_the_cache(self, bench):
        bench.forge.add_repos("acme", 4)
        bench.client("acme").list_repos()
        bench.client().list_repos()
        bench.forge.add_repo("acme", "new")
        assert len(bench.client("acme").list_repos().repos) == 5
        assert len(bench.client().list_repos().repos) == 5

    def test_more_than_ten_thousand_come_without_a_count(self, bench):
        bench.forge.add_repo("acme", "good")
        listing = Endless(bench.entry(), pages=101).client().list_repos()
        assert listing.complete
        assert len(listing.repos) == 10_100


class Endless(Transport):
    """Answers any request with the next of many pages."""

    def __init__(self, entry: dict[str, object], pages: int) -> None:
        super().__init__()
        self._entry = entry
        self._pages = pages
        self._sent = 0

    def client(self):
        api = api_base("gitlab", "https://git.example")
        return open_forge("gitlab", ForgeContext("work", self, api, ("acme",)))

    def request(self, method, origin, target, **_) -> Response:
        first = self._sent * 100
        page = [
            self._entry
            | {
                "id": number + 1,
                "path": f"r{number}",
                "path_with_namespace": f"acme/r{number}",
                "http_url_to_repo": f"https://git.example/acme/r{number}.git",
            }
            for number in range(first, first + 100)
        ]
        self._sent += 1
        more = self._sent < self._pages
        link = {"Link": f'<{origin}{target}&p={self._sent}>; rel="next"'} if more else {}
        return Response(200, tuple((JSON | link).items()), json.dumps(page).encode())


@given(st.text(max_size=12), st.text(max_size=30), st.text(max_size=12))
def test_no_name_that_a_forge_invents_climbs_or_splits(name, whole, branch):
    entry = {
        "id": 1,
        "path": name,
        "path_with_namespace": f"{whole}/{name}",
        "http_url_to_repo": "https://git.example/a.git",
        "default_branch": branch,
    }
    listing = hears([entry]).list_repos()
    assert listing.complete == bool(listing.repos)
    for repo in listing.repos:
        parts = str(repo.path).split("/")
        assert not {"", ".", ".."} & set(parts)
        assert parts == [*whole.split("/"), name]


def hears(entries):
    """A client that hears these entries."""

    class Once(Transport):
        def request(self, *args, **kwargs) -> Response:
            return Response(200, tuple(JSON.items()), json.dumps(entries).encode())

    api = api_base("gitlab", "https://git.example")
    return open_forge("gitlab", ForgeContext("work", Once(), api, ("acme",)))


class TestEntries:
    @pytest.mark.parametrize(
        ("members", "reason"),
        [
            ({"marked_for_deletion_on": "2026-12-01"}, "marked for deletion"),
            ({"repository_access_level": "disabled"}, "switched off"),
            ({"import_status": "failed", "empty_repo": True}, "import failed"),
            ({"import_status": "started", "empty_repo": True}, "being imported"),
            ({"import_status": "failed", "empty_repo": False}, None),
            ({"import_status": "failed", "empty_repo": True, "mirror": True}, None),
            ({"import_status": "finished", "empty_repo": True}, None),
        ],
    )
    def test_what_the_forge_will_not_serve_is_told(self, bench, members, reason):
        bench.forge.add_repo("acme", "good")
        bench.answer_next(bench.entry(**members))
        (repo,) = bench.client("acme").list_repos().repos
        assert (repo.unavailable is None) == (reason is None)
        assert reason is None or reason in repo.unavailable

    def test_a_wiki_is_named_where_it_is_switched_on(self, bench):
        bench.forge.add_repo("acme", "with", wiki=True)
        bench.forge.add_repo("acme", "without")
        with_, without = bench.client("acme").list_repos().repos
        assert str(with_.wiki) == bench.forge.clone_url("acme", "with.wiki")
        assert without.wiki is None

    def test_the_short_form_of_a_project_is_read_too(self, bench):
        bench.forge.add_repo("acme", "good", commits=0)
        keep = ("id", "path", "path_with_namespace", "http_url_to_repo", "default_branch")
        shown = bench.entry()
        bench.answer_next({name: shown[name] for name in keep})
        listing = bench.client("acme").list_repos()
        assert listing.complete
        assert (listing.repos[0].default_branch, listing.repos[0].empty) == (None, None)

    def test_a_name_that_does_not_fit_its_groups_is_left_out(self, bench):
        bench.forge.add_repo("acme", "good")
        bench.answer_next(bench.entry(path="evil"), bench.entry(path_with_namespace="good"))
        listing = bench.client("acme").list_repos()
        assert (listing.repos, listing.complete) == ((), False)

    def test_groups_without_end_are_left_out(self, bench):
        bench.forge.add_repo("acme", "good")
        bench.answer_next(bench.entry(path_with_namespace="a/" * 40 + "good"))
        assert "groups deep" in bench.client("acme").list_repos().problem

    def test_the_size_is_told_where_statistics_are(self, bench):
        bench.forge.add_repo("acme", "good", commits=40)
        (repo,) = bench.client().list_repos().repos
        assert repo.size_kib == bench.forge.store.size_kib(bench.forge.store.get("acme", "good"))


class TestChanges:
    def test_a_push_within_the_hour_is_not_lost(self, bench):
        bench.forge.add_repo("acme", "quiet")
        since = datetime.now(UTC)
        bench.forge.push("acme", "quiet")
        (repo,) = bench.client("acme").list_repos().repos
        assert repo.pushed_at <= since  # the forge did not rewrite its time
        client = bench.client("acme")
        assert isinstance(client, TellsChanges)
        found = client.changed_since(since)
        assert found.complete
        assert [repo.path.name for repo in found.repos] == ["quiet"]

    def test_what_lay_still_for_longer_is_not_told(self, bench):
        bench.forge.add_repos("acme", 2)
        since = datetime.now(UTC) + timedelta(hours=2)
        assert bench.client("acme").changed_since(since).repos == ()
        assert bench.client().changed_since(since).repos == ()

    def test_the_list_is_read_no_further_than_needed(self, bench):
        bench.forge.add_repos("acme", 9)
        bench.client("acme").changed_since(datetime.now(UTC) + timedelta(hours=2))
        assert len(bench.forge.requests) == 1
        bench.client("acme").changed_since(datetime.now(UTC) - timedelta(hours=2))
        assert len(bench.forge.requests) == 1 + 5

    def test_groups_in_groups_and_users_are_asked_too(self, bench):
        bench.forge.add_repo("acme/backend", "api")
        bench.forge.add_repo("mona", "own")
        found = bench.client("acme", "mona").changed_since(datetime.now(UTC))
        assert {str(repo.path) for repo in found.repos} == {"acme/backend/api", "mona/own"}


class TestToken:
    def test_scopes_and_end_are_told(self, bench):
        account = bench.client().whoami()
        assert account.scopes == ("read_api", "read_repository")
        assert account.expires == datetime(2099, 12, 31, tzinfo=UTC)

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_token_that_may_not_be_asked_is_proven_all_the_same(self, bench, status):
        bench.forge.fail_next("*/personal_access_tokens/self", status, JSON, b"{}")
        account = bench.client().whoami()
        assert (account.login, account.scopes, account.expires) == ("mona", (), None)

    def test_git_gets_the_name_that_goes_with_any_token(self, bench):
        assert bench.client().git_username == "oauth2"
