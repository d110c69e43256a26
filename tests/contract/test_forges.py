"""What every forge's client must do. One suite for all of them; `dialects` says how they differ."""

from __future__ import annotations

import json
from threading import Thread

import pytest

from mgit.address import parse_origin
from mgit.credentials import Credential, Secret
from mgit.errors import AuthenticationError
from mgit.forges import ForgeContext, TellsRateLimit, api_base, open_forge
from mgit.model import Visibility
from tests.contract.dialects import JSON


class TestListing:
    def test_every_page_is_read(self, bench):
        bench.forge.add_repos("acme", 5)
        listing = bench.client("acme").list_repos()
        assert listing.complete
        assert listing.problem == ""
        assert bench.names(listing) == [f"acme/repo-00{n}" for n in range(1, 6)]
        assert bench.statuses() == [200] * bench.dialect.requests_for(5)

    def test_a_repository_comes_with_all_that_is_known_of_it(self, bench):
        made = bench.forge.add_repo(
            "acme", "Tool", private=True, archived=True, fork=True, topics=("cli", "git")
        )
        (repo,) = bench.client("acme").list_repos().repos
        assert repo.source == "work"
        assert repo.key.id == bench.identity(made)
        assert repo.key.forge == parse_origin(bench.forge.url).authority
        assert str(repo.path) == f"{bench.dialect.prefix}acme/Tool"
        assert str(repo.url) == bench.forge.clone_url("acme", "Tool")
        dialect = bench.dialect
        assert repo.default_branch == ("main" if dialect.branched else None)
        assert (repo.archived, repo.fork) == (dialect.archived, dialect.fork)
        assert repo.visibility is Visibility.PRIVATE
        assert (repo.pushed_at is not None) == dialect.pushed_at
        assert repo.pushed_at is None or repo.pushed_at.tzinfo is not None
        assert (repo.size_kib is not None) == dialect.size
        assert repo.topics == (("cli", "git") if dialect.topics else ())

    def test_a_rename_keeps_the_identity(self, bench):
        bench.forge.add_repo("acme", "old")
        (before,) = bench.client("acme").list_repos().repos
        bench.forge.rename("acme", "old", "new", new_owner="umbrella")
        (after,) = bench.client("umbrella").list_repos().repos
        assert after.key == before.key
        assert str(after.path) == f"{bench.dialect.prefix}umbrella/new"

    def test_an_empty_organisation_is_complete(self, bench):
        bench.forge.add_owner("void")
        listing = bench.client("void").list_repos()
        assert (listing.complete, listing.repos) == (True, ())

    def test_a_user_is_listed_like_an_organisation_private_ones_too(self, bench):
        person = bench.dialect.person
        bench.forge.add_repo(person, "diary", private=True)
        assert bench.names(bench.client(person).list_repos()) == [f"{person}/diary"]

    def test_no_owner_means_all_that_the_token_sees(self, bench):
        bench.forge.add_repo("acme", "a")
        bench.forge.add_repo(bench.dialect.person, "b")
        listing = bench.client().list_repos()
        assert sorted(bench.names(listing)) == ["acme/a", f"{bench.dialect.person}/b"]

    def test_several_owners_make_one_listing(self, bench):
        bench.forge.add_repo("acme", "a")
        bench.forge.add_repo("umbrella", "b")
        listing = bench.client("acme", "umbrella").list_repos()
        assert listing.complete
        assert bench.names(listing) == ["acme/a", "umbrella/b"]


class TestNothingChanged:
    def test_the_second_listing_costs_only_304s(self, bench):
        bench.forge.add_repos("acme", 5)
        first = bench.client("acme").list_repos()
        bench.forge.forget_requests()
        assert bench.client("acme").list_repos() == first
        assert set(bench.statuses()) == {304}
        assert len(bench.forge.requests) == bench.dialect.requests_for(5)

    def test_a_change_is_seen_through_the_cache(self, bench):
        bench.forge.add_repos("acme", 4)
        bench.client("acme").list_repos()
        bench.forge.add_repo("acme", "new")
        bench.forge.archive("acme", "repo-001")
        listing = bench.client("acme").list_repos()
        assert "acme/new" in bench.names(listing)
        assert len(listing.repos) == 5
        archived = [r.path.name for r in listing.repos if r.archived]
        assert archived == (["repo-001"] if bench.dialect.archived else [])

    def test_an_etag_that_cannot_be_sent_back_is_not_kept(self, bench):
        bench.forge.add_repo("acme", "a")
        bench.answer_next(bench.entry(), ETag='"\xe9 x"')
        assert bench.client("acme").list_repos() == bench.client("acme").list_repos()

    def test_a_deletion_is_seen_through_the_cache(self, bench):
        bench.forge.add_repos("acme", 3)
        bench.client("acme").list_repos()
        bench.forge.delete("acme", "repo-002")
        assert bench.names(bench.client("acme").list_repos()) == ["acme/repo-001", "acme/repo-003"]


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
        bench.forge.fail_next(bench.second_page, 401, JSON, b'{"message": "Bad credentials"}')
        with pytest.raises(AuthenticationError):
            bench.client("acme").list_repos()

    def test_a_credential_of_another_host_is_never_sent(self, bench):
        api = api_base(bench.kind, bench.dialect.site(bench.forge))
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
        bench.forge.fail_next(f"{bench.base}{bench.dialect.whoami}*", 403, JSON, body)
        with pytest.raises(AuthenticationError, match=r"needs scope\\e\[31m read:org"):
            bench.client().whoami()

    def test_single_sign_on_is_named(self, bench):
        head = JSON | {"X-GitHub-SSO": "required; url=https://github.com/orgs/acme/sso"}
        bench.forge.fail_next(f"{bench.listing_of('acme')}*", 403, head, b"{}")
        with pytest.raises(AuthenticationError, match="single sign-on"):
            bench.client("acme").list_repos()

    def test_one_forbidden_owner_does_not_hide_the_others(self, bench):
        bench.forge.add_repo("acme", "a")
        bench.forge.fail_next(f"{bench.listing_of('closed')}*", 403, JSON, b"{}")
        listing = bench.client("closed", "acme").list_repos()
        assert not listing.complete
        assert listing.exit_code == 3
        assert bench.names(listing) == ["acme/a"]


def test_an_allowance_is_told_where_there_is_one(bench):
    client = bench.client()
    client.whoami()
    assert isinstance(client, TellsRateLimit)
    assert (client.rate_limit is not None) == bench.dialect.tells_limit


COUNTS = {"gitea": "X_Total_Count", "forgejo": "X_Total_Count", "gitlab": "X_Total"}
counting = pytest.mark.parametrize("kind", COUNTS)  # the others do not


@counting
def test_a_count_that_does_not_fit_makes_it_incomplete(bench):
    bench.forge.add_repo("acme", "a")
    bench.answer_next(bench.entry(), **{COUNTS[bench.kind]: "3"})
    listing = bench.client("acme").list_repos()
    assert not listing.complete
    assert "counts 3 repositories" in listing.problem


@counting
def test_a_deletion_that_shifts_another_over_the_page_border_is_noticed(bench):
    bench.forge.add_repos("acme", 5)
    listings = []
    with bench.forge.hold(bench.second_page) as held:
        thread = Thread(target=lambda: listings.append(bench.client("acme").list_repos()))
        thread.start()
        assert held.arrived.wait(10)
        listed_first = ("repo-001", "repo-005")  # by the oldest, by the newest
        bench.forge.delete("acme", listed_first[bench.kind == "gitlab"])
    thread.join(20)
    (listing,) = listings
    assert not listing.complete
    assert "counts 5 repositories of 'acme' but listed 4" in listing.problem
