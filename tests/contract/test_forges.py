"""What every forge's client must do. One suite for all of them."""

from __future__ import annotations

import json

import pytest

from mgit.address import parse_origin
from mgit.errors import AuthenticationError, ForgeError, NetworkError, NotFound, RateLimited
from mgit.forges import TellsRateLimit
from mgit.model import RepoPath, Visibility

JSON = {"Content-Type": "application/json; charset=utf-8"}


def names(listing) -> list[str]:
    return [str(repo.path) for repo in listing.repos]


def an_entry(bench, **changes):
    """One repository as the forge shows it, with changes."""
    from sandbox.forge import shapes_gitea, shapes_github

    repo = bench.forge.store.all()[0]
    store, web, api = bench.forge.store, bench.forge.url, bench.forge.api_url
    if bench.kind == "github":
        shown = shapes_github.repository(api, web, store, repo, person=False)
    else:
        shown = shapes_gitea.repository(api, web, store, repo, forgejo=bench.kind == "forgejo")
    return shown | changes


class TestListing:
    def test_every_page_is_read(self, bench):
        bench.forge.add_repos("acme", 5)
        listing = bench.client("acme").list_repos()
        assert listing.complete
        assert listing.problem == ""
        assert names(listing) == [f"acme/repo-00{n}" for n in range(1, 6)]
        assert bench.statuses() == [200, 200, 200]

    def test_a_repository_comes_with_all_that_is_known_of_it(self, bench):
        made = bench.forge.add_repo("acme", "Tool", private=True, archived=True, fork=True)
        (repo,) = bench.client("acme").list_repos().repos
        assert repo.source == "work"
        assert repo.key.id == str(made.id)
        assert repo.key.forge == parse_origin(bench.forge.url).authority
        assert repo.path == RepoPath("acme", "Tool")
        assert str(repo.url) == bench.forge.clone_url("acme", "Tool")
        assert repo.default_branch == "main"
        assert (repo.archived, repo.fork) == (True, True)
        assert repo.visibility is Visibility.PRIVATE
        assert repo.pushed_at is not None
        assert repo.pushed_at.tzinfo is not None
        assert repo.size_kib is not None

    def test_a_rename_keeps_the_identity(self, bench):
        bench.forge.add_repo("acme", "old")
        (before,) = bench.client("acme").list_repos().repos
        bench.forge.rename("acme", "old", "new", new_owner="umbrella")
        (after,) = bench.client("umbrella").list_repos().repos
        assert after.key == before.key
        assert str(after.path) == "umbrella/new"

    def test_an_empty_organisation_is_complete(self, bench):
        bench.forge.add_owner("void")
        listing = bench.client("void").list_repos()
        assert (listing.complete, listing.repos) == (True, ())

    def test_a_user_is_listed_like_an_organisation_private_ones_too(self, bench):
        bench.forge.add_repo("mona", "diary", private=True)
        assert names(bench.client("mona").list_repos()) == ["mona/diary"]

    def test_no_owner_means_all_that_the_token_sees(self, bench):
        bench.forge.add_repo("acme", "a")
        bench.forge.add_repo("mona", "b")
        assert names(bench.client().list_repos()) == ["acme/a", "mona/b"]

    def test_several_owners_make_one_listing(self, bench):
        bench.forge.add_repo("acme", "a")
        bench.forge.add_repo("umbrella", "b")
        listing = bench.client("acme", "umbrella").list_repos()
        assert listing.complete
        assert names(listing) == ["acme/a", "umbrella/b"]


class TestNothingChanged:
    def test_the_second_listing_costs_only_304s(self, bench):
        bench.forge.add_repos("acme", 5)
        first = bench.client("acme").list_repos()
        bench.forge.forget_requests()
        assert bench.client("acme").list_repos() == first
        assert bench.statuses() == [304, 304, 304]

    def test_a_change_is_seen_through_the_cache(self, bench):
        bench.forge.add_repos("acme", 4)
        bench.client("acme").list_repos()
        bench.forge.add_repo("acme", "new")
        bench.forge.archive("acme", "repo-001")
        listing = bench.client("acme").list_repos()
        assert "acme/new" in names(listing)
        assert len(listing.repos) == 5
        assert [str(r.path) for r in listing.repos if r.archived] == ["acme/repo-001"]

    def test_an_etag_that_cannot_be_sent_back_is_not_kept(self, bench):
        bench.forge.add_repo("acme", "a")
        body = json.dumps([an_entry(bench)]).encode()
        bench.forge.fail_next("*", 200, JSON | {"ETag": '"\xe9 x"'}, body)
        assert bench.client("acme").list_repos() == bench.client("acme").list_repos()

    def test_a_deletion_is_seen_through_the_cache(self, bench):
        bench.forge.add_repos("acme", 3)
        bench.client("acme").list_repos()
        bench.forge.delete("acme", "repo-002")
        assert names(bench.client("acme").list_repos()) == ["acme/repo-001", "acme/repo-003"]


class TestCredential:
    def test_a_wrong_token_is_an_authentication_error_with_advice(self, bench):
        bench.forge.add_repo("acme", "a")
        with pytest.raises(AuthenticationError) as caught:
            bench.client("acme", token="wrong-token-123").list_repos()
        assert caught.value.exit_code == 3
        assert "mgit login work" in caught.value.advice
        assert "wrong-token-123" not in str(caught.value)
        assert len(bench.forge.requests) == 1

    def test_no_token_is_an_authentication_error(self, bench):
        with pytest.raises(AuthenticationError, match="wants a credential"):
            bench.client("acme", token=None).list_repos()

    def test_a_token_that_expires_between_two_pages_is_told_at_once(self, bench):
        bench.forge.add_repos("acme", 3)
        bench.forge.fail_next("*page=2*", 401, JSON, b'{"message": "Bad credentials"}')
        with pytest.raises(AuthenticationError):
            bench.client("acme").list_repos()

    def test_a_credential_of_another_host_is_never_sent(self, bench):
        from mgit.credentials import Credential, Secret
        from mgit.forges import ForgeContext, api_base, open_forge

        api = api_base(bench.kind, bench.forge.url)
        foreign = Credential(parse_origin("https://elsewhere.example"), "x", Secret("t"), "a test")
        context = ForgeContext("work", bench.transport, api, ("acme",), foreign)
        with pytest.raises(AuthenticationError, match=r"belongs to https://elsewhere\.example"):
            open_forge(bench.kind, context)
        assert bench.forge.requests == ()

    def test_whoami_tells_the_account_and_the_clock(self, bench):
        account = bench.client().whoami()
        assert (account.login, account.name) == ("mona", "Mona")
        assert account.server_time is not None
        with pytest.raises(AuthenticationError):
            bench.client(token="wrong").whoami()

    def test_a_missing_right_is_told_in_the_forges_words(self, bench):
        body = json.dumps({"message": "needs scope\x1b[31m read:org"}).encode()
        bench.forge.fail_next(f"{bench.base}/user", 403, JSON, body)
        with pytest.raises(AuthenticationError, match=r"needs scope\\e\[31m read:org"):
            bench.client().whoami()

    def test_single_sign_on_is_named(self, bench):
        head = JSON | {"X-GitHub-SSO": "required; url=https://github.com/orgs/acme/sso"}
        bench.forge.fail_next("*/orgs/acme/repos*", 403, head, b"{}")
        with pytest.raises(AuthenticationError, match="single sign-on"):
            bench.client("acme").list_repos()

    def test_one_forbidden_owner_does_not_hide_the_others(self, bench):
        bench.forge.add_repo("acme", "a")
        bench.forge.fail_next("*/orgs/closed/repos*", 403, JSON, b"{}")
        listing = bench.client("closed", "acme").list_repos()
        assert not listing.complete
        assert listing.exit_code == 3
        assert names(listing) == ["acme/a"]


class TestTrouble:
    def test_an_unknown_owner_is_not_found(self, bench):
        with pytest.raises(NotFound, match="no organisation or user 'nobody'") as caught:
            bench.client("nobody").list_repos()
        assert caught.value.exit_code == 4

    def test_an_unknown_owner_beside_a_known_one_makes_it_incomplete(self, bench):
        bench.forge.add_repo("acme", "a")
        listing = bench.client("nobody", "acme").list_repos()
        assert not listing.complete
        assert "'nobody'" in listing.problem
        assert names(listing) == ["acme/a"]

    def test_a_failing_second_page_makes_it_incomplete(self, bench):
        bench.forge.add_repos("acme", 5)
        bench.forge.fail_next("*page=2*", 500, times=9)
        listing = bench.client("acme").list_repos()
        assert not listing.complete
        assert "in trouble (500)" in listing.problem
        assert len(listing.repos) == 2
        assert listing.exit_code == 4

    def test_trouble_that_passes_is_waited_out(self, bench):
        bench.forge.add_repos("acme", 3)
        bench.forge.fail_next("*page=2*", 502, times=1)
        bench.forge.fail_next("*page=2*", 0, hang_up=True, times=2)
        listing = bench.client("acme").list_repos()
        assert listing.complete
        assert len(listing.repos) == 3
        assert bench.naps.taken == [0.5, 1.0]

    def test_a_storm_is_not_answered_with_a_storm(self, bench):
        bench.forge.fail_next("*", 500, times=99)
        with pytest.raises(ForgeError):
            bench.client("acme", "umbrella").list_repos()
        assert len(bench.forge.requests) == 6  # three for each owner

    def test_a_forge_that_is_down_is_asked_for_one_owner_only(self, bench):
        bench.forge.fail_next("*", 0, hang_up=True, times=99)
        with pytest.raises(NetworkError):
            bench.client("acme", "umbrella").list_repos()
        assert len(bench.forge.requests) == 3

    def test_a_sign_in_page_is_recognised(self, bench):
        page = b"<html>Please sign in</html>"
        bench.forge.fail_next("*", 200, {"Content-Type": "text/html"}, page)
        with pytest.raises(ForgeError, match="in place of JSON") as caught:
            bench.client("acme").list_repos()
        assert "url" in caught.value.advice

    @pytest.mark.parametrize("body", [b"", b"{", b'{"ok": true}', b"[" * 100_000])
    def test_an_answer_of_another_form_is_refused(self, bench, body):
        bench.forge.fail_next("*", 200, JSON, body)
        with pytest.raises(ForgeError):
            bench.client("acme").list_repos()

    def test_a_list_without_end_is_left(self, bench):
        bench.forge.add_repo("acme", "a")
        url = f"{bench.forge.api_url}/orgs/acme/repos"
        head = JSON | {"Link": f'<{url}?page=1>; rel="next"'}
        bench.forge.fail_next("*", 200, head, b"[]", times=99)
        listing = bench.client("acme").list_repos()
        assert not listing.complete
        assert "without end" in listing.problem
        assert len(bench.forge.requests) == 2


class TestOtherHosts:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_to_another_host_never_gets_the_token(self, bench, start, status):
        other = start()
        other.add_repo("acme", "a")
        location = {"Location": f"{other.api_url}/orgs/acme/repos"}
        bench.forge.fail_next("*", status, location)
        with pytest.raises(ForgeError, match="redirects at another address"):
            bench.client("acme").list_repos()
        assert other.requests == ()

    def test_a_redirect_on_the_same_host_is_followed(self, bench):
        bench.forge.add_repo("acme", "a")
        location = {"Location": f"{bench.base}/orgs/acme/repos"}
        bench.forge.fail_next("*/orgs/old/repos*", 301, location)
        assert names(bench.client("old").list_repos()) == ["acme/a"]

    def test_redirects_in_circles_are_left(self, bench):
        location = {"Location": f"{bench.base}/user"}
        bench.forge.fail_next("*", 302, location, times=99)
        with pytest.raises(ForgeError, match="in circles"):
            bench.client().whoami()

    @pytest.mark.parametrize(
        "address",
        [
            "http://127.0.0.2:1/api/v3/x",
            "//evil.example/x",
            "/elsewhere",
            "file:///etc",
            "\\\\x",
            "?page=\xe9",
        ],
    )
    def test_a_next_page_elsewhere_never_gets_the_token(self, bench, address):
        bench.forge.add_repo("acme", "a")
        body = json.dumps([an_entry(bench)]).encode()
        bench.forge.fail_next("*", 200, JSON | {"Link": f'<{address}>; rel="next"'}, body)
        listing = bench.client("acme").list_repos()
        assert not listing.complete
        assert "another address" in listing.problem
        assert names(listing) == ["acme/a"]
        assert len(bench.forge.requests) == 1


class TestRateLimits:
    def test_a_short_pause_is_made(self, bench):
        bench.forge.add_repo("acme", "a")
        bench.forge.fail_next("*", 429, JSON | {"Retry-After": "7"}, b"{}")
        assert bench.client("acme").list_repos().complete
        assert bench.naps.taken == [7.0]

    def test_a_long_pause_is_told_and_not_made(self, bench):
        bench.forge.fail_next("*", 403, JSON | {"Retry-After": "900"}, b"{}")
        with pytest.raises(RateLimited) as caught:
            bench.client("acme").list_repos()
        assert caught.value.retry_after == 900
        assert bench.naps.taken == []

    def test_an_empty_allowance_is_waited_for_by_the_servers_clock(self, bench):
        bench.forge.add_repo("acme", "a")
        head = JSON | {
            "Date": "Mon, 23 Nov 2026 10:00:00 GMT",
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "1795428020",  # 20 s later
        }
        bench.forge.fail_next("*", 403, head, b"{}")
        assert bench.client("acme").list_repos().complete
        assert bench.naps.taken == [20.0]

    def test_a_secondary_limit_without_a_time_means_a_minute(self, bench):
        bench.forge.add_repo("acme", "a")
        body = b'{"message": "You have exceeded a secondary rate limit."}'
        bench.forge.fail_next("*", 403, JSON, body)
        assert bench.client("acme").list_repos().complete
        assert bench.naps.taken == [60.0]

    def test_waiting_has_an_end(self, bench):
        bench.forge.fail_next("*", 429, JSON | {"Retry-After": "50"}, b"{}", times=99)
        with pytest.raises(RateLimited):
            bench.client("acme", attempts=99, total_wait=120.0).list_repos()
        assert sum(bench.naps.taken) <= 120.0

    def test_a_limit_between_two_pages_makes_it_incomplete(self, bench):
        bench.forge.add_repos("acme", 3)
        bench.forge.fail_next("*page=2*", 429, JSON | {"Retry-After": "900"}, b"{}")
        listing = bench.client("acme", "umbrella").list_repos()
        assert not listing.complete
        assert "900 s" in listing.problem
        assert not any("umbrella" in request.path for request in bench.forge.requests)


class TestHostileEntries:
    @pytest.mark.parametrize(
        "changes",
        [
            {"name": ".."},
            {"name": ""},
            {"name": "a/b"},
            {"name": "a\x00b"},
            {"id": -1},
            {"id": "1"},
            {"clone_url": "https://evil.example/acme/a.git"},
            {"clone_url": "ext::sh -c touch% /tmp/x"},
            {"clone_url": "--upload-pack=touch /tmp/x"},
            {"clone_url": "file:///etc/passwd"},
            {"default_branch": "--exec"},
            {"default_branch": "a..b"},
            {"default_branch": "x\n"},
        ],
    )
    def test_one_is_left_out_and_the_listing_is_incomplete(self, bench, changes):
        bench.forge.add_repo("acme", "good")
        body = json.dumps([an_entry(bench, id=7) | changes, an_entry(bench)]).encode()
        bench.forge.fail_next("*", 200, JSON, body)
        listing = bench.client("acme").list_repos()
        assert names(listing) == ["acme/good"]
        assert not listing.complete
        assert "left out acme/good" in listing.problem
        assert listing.problem.isprintable()

    @pytest.mark.parametrize("entry", [b"17", b"null", b'{"id": 1}', b'{"name": "\xff"}'])
    def test_what_is_no_repository_at_all_is_left_out(self, bench, entry):
        bench.forge.add_repo("acme", "good")
        body = b"[" + entry + b"," + json.dumps(an_entry(bench)).encode() + b"]"
        bench.forge.fail_next("*", 200, JSON, body)
        listing = bench.client("acme").list_repos()
        assert names(listing) == ["acme/good"]
        assert not listing.complete

    def test_strange_names_are_let_through_for_the_layout_to_encode(self, bench):
        bench.forge.add_repo("acme", "good")
        body = json.dumps([an_entry(bench, name="-rf \u202e\x1b[31m")]).encode()
        bench.forge.fail_next("*", 200, JSON, body)
        listing = bench.client("acme").list_repos()
        assert listing.complete
        assert listing.repos[0].path.name == "-rf \u202e\x1b[31m"

    def test_a_thousand_of_them_make_one_short_line(self, bench):
        bench.forge.add_repo("acme", "good")
        body = json.dumps([an_entry(bench, name="..")] * 1000).encode()
        bench.forge.fail_next("*", 200, JSON, body)
        problem = bench.client("acme").list_repos().problem
        assert problem.endswith("and 997 more")
        assert len(problem) < 1000


def test_only_github_tells_an_allowance(bench):
    client = bench.client()
    client.whoami()
    assert isinstance(client, TellsRateLimit)
    limit = client.rate_limit
    assert (limit.remaining == 4999 if limit else None) is (
        True if bench.kind == "github" else None
    )


@pytest.mark.parametrize("kind", ["gitea", "forgejo"])  # GitHub does not count
def test_a_count_that_does_not_fit_makes_it_incomplete(bench):
    bench.forge.add_repo("acme", "a")
    body = json.dumps([an_entry(bench)]).encode()
    bench.forge.fail_next("*", 200, JSON | {"X-Total-Count": "3"}, body)
    listing = bench.client("acme").list_repos()
    assert not listing.complete
    assert "counts 3 repositories" in listing.problem
