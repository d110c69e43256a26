"""What every forge's client makes of trouble, limits and lies. One suite for all of them."""

from __future__ import annotations

import json

import pytest

from mgit.errors import AuthenticationError, ForgeError, NetworkError, NotFound, RateLimited
from tests.contract.dialects import JSON


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
        assert bench.names(listing) == ["acme/a"]

    def test_a_failing_second_page_makes_it_incomplete(self, bench):
        bench.forge.add_repos("acme", 5)
        bench.forge.fail_next(bench.second_page, 500, times=9)
        listing = bench.client("acme").list_repos()
        assert not listing.complete
        assert "in trouble (500)" in listing.problem
        assert len(listing.repos) == 2
        assert listing.exit_code == 4

    def test_trouble_that_passes_is_waited_out(self, bench):
        bench.forge.add_repos("acme", 3)
        bench.forge.fail_next(bench.last_page, 502, times=1)
        bench.forge.fail_next(bench.last_page, 0, hang_up=True, times=2)
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
        kind, words = ForgeError, "in place of JSON"
        if bench.dialect.signs_in:
            kind, words = AuthenticationError, "refused the credential"
        with pytest.raises(kind, match=words) as caught:
            bench.client("acme").list_repos()
        assert "url" in caught.value.advice

    @pytest.mark.parametrize("body", [b"", b"{", b'{"ok": true}', b"17", b"[" * 100_000])
    def test_an_answer_of_another_form_is_refused(self, bench, body):
        bench.forge.fail_next("*", 200, JSON, body)
        with pytest.raises(ForgeError):
            bench.client("acme").list_repos()

    def test_a_list_without_end_is_left(self, bench):
        bench.forge.add_repo("acme", "a")
        if bench.dialect.more is None:
            pytest.skip("this forge gives no addresses of pages")
        url = f"{bench.forge.url}{bench.listing_of('acme')}?page=1"
        bench.answer_next(after=url, times=99)
        listing = bench.client("acme").list_repos()
        assert not listing.complete
        assert "without end" in listing.problem
        assert len(bench.forge.requests) == 2


class TestOtherHosts:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_to_another_host_never_gets_the_token(self, bench, start, status):
        other = start()
        other.add_repo("acme", "a")
        location = {"Location": f"{other.url}{bench.listing_of('acme')}"}
        bench.forge.fail_next("*", status, location)
        kind, words = ForgeError, "redirects at another address"
        if bench.dialect.signs_in:
            kind, words = AuthenticationError, "refused the credential"
        with pytest.raises(kind, match=words):
            bench.client("acme").list_repos()
        assert other.requests == ()

    def test_a_redirect_on_the_same_host_is_followed(self, bench):
        if not bench.dialect.moves:
            pytest.skip("all owners of this forge are in one list")
        bench.forge.add_repo("acme", "a")
        location = {"Location": bench.listing_of("acme") + bench.dialect.query}
        bench.forge.fail_next(f"{bench.listing_of('old')}*", 301, location)
        assert bench.names(bench.client("old").list_repos()) == ["acme/a"]

    def test_redirects_in_circles_are_left(self, bench):
        location = {"Location": f"{bench.base}{bench.dialect.whoami}"}
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
        if bench.dialect.more is None:
            pytest.skip("this forge gives no addresses of pages")
        bench.forge.add_repo("acme", "a")
        bench.answer_next(bench.entry(), after=address)
        listing = bench.client("acme").list_repos()
        assert not listing.complete
        assert "another address" in listing.problem
        assert bench.names(listing) == ["acme/a"]
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
        bench.forge.fail_next(bench.second_page, 429, JSON | {"Retry-After": "900"}, b"{}")
        listing = bench.client("acme", "umbrella").list_repos()
        assert not listing.complete
        assert "900 s" in listing.problem
        assert not any("umbrella" in request.path for request in bench.forge.requests)


class TestHostileEntries:
    """An entry that mgit does not believe is left out, and the listing says so."""

    @pytest.mark.parametrize("name", ["..", "", "a/b", "a\x00b", "a" * 1025])
    def test_a_name_that_could_lead_elsewhere(self, bench, name):
        refused(bench, bench.dialect.named(name))

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/acme/a.git",
            "ext::sh -c touch% /tmp/x",
            "--upload-pack=touch /tmp/x",
            "file:///etc/passwd",
        ],
    )
    def test_a_clone_url_that_leads_elsewhere(self, bench, url):
        refused(bench, bench.dialect.located(url))

    @pytest.mark.parametrize("branch", ["--exec", "a..b", "x\n"])
    def test_a_branch_that_git_would_not_allow(self, bench, branch):
        if bench.dialect.branched is None:
            pytest.skip("this forge's lists tell no branch")
        refused(bench, bench.dialect.branched(branch))

    def test_an_id_that_is_none(self, bench):
        for bad in bench.dialect.bad_ids:
            refused(bench, bench.dialect.identified(bad))

    @pytest.mark.parametrize("entry", [17, None, {"id": 1}, "\x00"])
    def test_what_is_no_repository_at_all_is_left_out(self, bench, entry):
        bench.forge.add_repo("acme", "good")
        bench.answer_next(entry, bench.entry())
        listing = bench.client("acme").list_repos()
        assert bench.names(listing) == ["acme/good"]
        assert not listing.complete

    def test_bytes_that_are_no_text_are_left_out(self, bench):
        bench.forge.add_repo("acme", "good")
        bad = bench.entry() | bench.dialect.identified(bench.dialect.other_id)
        named = bad | bench.dialect.named("HERE")
        head, body = bench.dialect.answer([named, bench.entry()])
        bench.forge.fail_next("*", 200, head, json.dumps(body).encode().replace(b"HERE", b"\xff"))
        listing = bench.client("acme").list_repos()
        assert bench.names(listing) == ["acme/good"]
        assert not listing.complete

    def test_strange_names_are_let_through_for_the_layout_to_encode(self, bench):
        bench.forge.add_repo("acme", "good")
        bench.answer_next(bench.entry() | bench.dialect.named("-rf \u202e\x1b[31m"))
        listing = bench.client("acme").list_repos()
        assert listing.complete
        assert listing.repos[0].path.name == "-rf \u202e\x1b[31m"

    def test_a_thousand_of_them_make_one_short_line(self, bench):
        bench.forge.add_repo("acme", "good")
        bench.answer_next(*[bench.entry() | bench.dialect.named("..")] * 1000)
        problem = bench.client("acme").list_repos().problem
        assert problem.endswith("and 997 more")
        assert len(problem) < 1000


def refused(bench, changes) -> None:
    """An entry with these changes is left out, the one beside it is not."""
    if not bench.forge.store.all():
        bench.forge.add_repo("acme", "good")
    bad = bench.entry() | bench.dialect.identified(bench.dialect.other_id) | changes
    bench.answer_next(bad, bench.entry())
    listing = bench.client("acme").list_repos()
    assert bench.names(listing) == ["acme/good"]
    assert not listing.complete
    assert listing.malformed == 1
    assert "left out " in listing.problem
    assert listing.problem.isprintable()
