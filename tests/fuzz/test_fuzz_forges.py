"""What a forge answers: heads, links and pages of every kind of forge, read or refused."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import msgspec
import pytest
from hypothesis import strategies as st

from mgit.address import Origin, parse_clone_url
from mgit.credentials import Credential, CredentialBook, Secret
from mgit.errors import MgitError, NetworkError
from mgit.forges import ApiBase, ForgeContext, Pacing, open_forge
from mgit.forges.interface import TellsChanges
from mgit.forges.limits import asked_to_slow_down, is_rate_limit, rate_limit, wait_asked_for
from mgit.git.refs import RefsClient
from mgit.transport import Response, Transport
from mgit.transport.answer import Answer
from mgit.transport.body import read_body
from tests.fuzz.support import DIGITS, JSON, byte_pieces, changed, fuzz, pieces

ORIGIN = Origin("https", "git.test", 443)
KINDS = {
    "github": "/api/v3",
    "gitlab": "/api/v4",
    "azuredevops": "/acme",
    "bitbucket": "/2.0",
    "bitbucket-datacenter": "/rest/api/latest",
    "gitea": "/api/v1",
    "forgejo": "/api/v1",
}
WORDS = pieces(
    "seconds", "=", ";", ",", "<https://git.test/api/v3/user/repos?page=2>", '; rel="next"', "<", ">",
    "rel=next", "Mon, 23 Nov 2026 10:00:00 GMT", "Mon, 1 Jan 99999 10:00:00 +9999", "-", "0", " ",
)  # fmt: skip
HEADS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Link", "Retry-After", "Date", "ETag", "X-RateLimit-Limit", "X-RateLimit-Remaining",
                "X-RateLimit-Reset", "X-RateLimit-Delay", "Location", "X-Total-Count", "X-Next-Page",
                "github-authentication-token-expiration", "X-OAuth-Scopes",
            ]
        ),
        WORDS | DIGITS,
    ),
    max_size=5,
).map(tuple)  # fmt: skip
# A repository as one of the forges might show it: most members are what one of them wants.
NAME = st.sampled_from(["acme", "app", "..", "", "a/b", "\x1b[31m", "x" * 2000])
ANY = st.integers(-1, 9) | st.booleans() | st.none() | NAME | JSON
URLS = st.sampled_from(
    ["https://git.test/acme/app.git", "https://evil.test/a.git", "ext::sh", "https:/"]
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(1, 99) | st.just("0-9") | ANY,
        "uuid": st.just("{a}") | ANY,
        "name": NAME,
        "path": NAME,
        "slug": NAME,
        "full_name": st.just("acme/app") | ANY,
        "path_with_namespace": st.sampled_from(["acme/app", "a/b/c/d", "/", "acme"]) | ANY,
        "owner": st.fixed_dictionaries({"login": NAME}) | ANY,
        "workspace": st.fixed_dictionaries({"slug": NAME}) | ANY,
        "project": st.fixed_dictionaries({"name": NAME, "key": NAME, "visibility": ANY}) | ANY,
        "private": st.booleans() | ANY,
        "fork": st.booleans() | ANY,
        "archived": st.booleans() | ANY,
        "empty": st.booleans() | ANY,
        "html_url": URLS,
        "clone_url": URLS,
        "http_url_to_repo": URLS,
        "remoteUrl": URLS,
        "links": st.fixed_dictionaries(
            {"clone": st.lists(st.fixed_dictionaries({"href": URLS, "name": NAME}), max_size=2)}
        )
        | ANY,
        "default_branch": st.sampled_from(["main", "-x", "a..b", ""]) | ANY,
        "defaultBranch": st.just("refs/heads/main") | ANY,
        "pushed_at": st.sampled_from(
            ["2026-01-31T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"]
        )
        | ANY,
        "last_activity_at": st.just("2026-01-31T00:00:00Z") | ANY,
        "updated_at": st.just("2026-01-31T00:00:00Z") | ANY,
        "size": st.integers() | ANY,
        "topics": st.lists(NAME, max_size=2) | ANY,
        "language": NAME | ANY,
        "visibility": st.just("internal") | ANY,
        "has_wiki": st.booleans(),
        "scm": st.just("git"),
    },
)
PAGE = (
    st.lists(ENTRY, max_size=3)
    | st.fixed_dictionaries(
        {},
        optional={
            "values": st.lists(ENTRY, max_size=3) | ANY,
            "value": st.lists(ENTRY, max_size=3) | ANY,
            "count": ANY,
            "isLastPage": st.booleans() | ANY,
            "nextPageStart": st.integers() | ANY,
            "next": URLS | st.just("https://git.test/2.0/repositories?page=2") | ANY,
            "repositories": st.lists(ENTRY, max_size=2) | ANY,
            "data": JSON,
            "errors": JSON,
            "login": NAME,
            "username": NAME,
            "displayName": NAME,
            "authenticatedUser": JSON,
            "scopes": JSON,
            "expires_at": JSON,
        },
    )
    | JSON
)
BODIES = PAGE.map(lambda page: json.dumps(page).encode("utf-8", "surrogatepass")) | byte_pieces(
    b"[", b"{", b'"id":', b"\xff", b"1e999", b"[" * 3000, b"}", b"]", b'"\\ud800"', b","
)
ANSWERS = st.lists(
    st.tuples(
        st.sampled_from([200, 200, 200, 200, 301, 304, 401, 403, 404, 429, 500, 503]),
        HEADS,
        st.sampled_from(["application/json", "application/json; charset=utf-8", "text/html", ""]),
        BODIES,
    ),
    min_size=1,
    max_size=4,
)


class _Canned:
    """A transport that gives prepared answers, one after the other, and then a broken line."""

    closed = False

    def __init__(self, answers: list[tuple[int, tuple[tuple[str, str], ...], str, bytes]]) -> None:
        self._answers = iter(answers)

    def request(
        self, method: str, origin: Origin, target: str, *, headers: Mapping[str, str], **_: Any
    ) -> Response:
        assert origin == ORIGIN, "the credential would go elsewhere"
        assert target.isascii()
        assert target.isprintable()
        assert " " not in target
        for status, heads, kind, body in self._answers:
            return Response(status, (*heads, ("Content-Type", kind)), body)
        raise NetworkError("the line is broken")


def _slept(seconds: float) -> None:
    assert 0 <= seconds <= 60


@pytest.mark.parametrize("kind", KINDS)
@fuzz(answers=ANSWERS, owner=st.none() | st.just("acme"), signed=st.booleans())
def test_whatever_a_forge_answers_is_a_listing_or_an_error_in_words(
    kind: str, answers: list[Any], owner: str | None, signed: bool
) -> None:
    credential = Credential(ORIGIN, "mona", Secret.from_text("canary"), "test") if signed else None
    context = ForgeContext(
        "work",
        cast("Transport", _Canned(answers)),
        ApiBase(ORIGIN, KINDS[kind]),
        owners=(owner,) if owner else (),
        credential=credential,
        pacing=Pacing(sleep=_slept, clock=lambda: 1.8e9, jitter=lambda: 0.5),
    )
    with suppress(MgitError):
        forge = open_forge(kind, context)
        listing = forge.list_repos()
        for repo in listing.repos:
            assert repo.url.origin == forge.git_origin
            assert not {"", ".", ".."} & {repo.path.owner, repo.path.name}
        assert listing.complete or listing.problem
        forge.whoami()


@pytest.mark.parametrize("kind", ["github", "gitea"])
@fuzz(answers=ANSWERS)
def test_whatever_a_feed_says_is_a_hint_or_an_error_in_words(kind: str, answers: list[Any]) -> None:
    from datetime import UTC, datetime

    context = ForgeContext(
        "work",
        cast("Transport", _Canned(answers)),
        ApiBase(ORIGIN, KINDS[kind]),
        credential=Credential(ORIGIN, "mona", Secret.from_text("canary"), "test"),
        pacing=Pacing(sleep=_slept, clock=lambda: 1.8e9, jitter=lambda: 0.5),
    )
    forge = open_forge(kind, context)
    if isinstance(forge, TellsChanges):
        with suppress(MgitError):
            forge.changed_since(datetime(2026, 1, 31, tzinfo=UTC))


@fuzz(st.sampled_from([200, 403, 429, 503]), HEADS, st.binary(max_size=20))
def test_what_a_head_says_of_waiting_is_a_time_or_nothing(
    status: int, heads: tuple[tuple[str, str], ...], body: bytes
) -> None:
    response = Response(status, heads, body)
    is_rate_limit(response)
    rate_limit(response)
    for read in (wait_asked_for, asked_to_slow_down):
        seconds = read(response, lambda: 1.8e9)
        assert seconds is None or 0 <= seconds < 1e17


@fuzz(ANSWERS)
def test_whatever_answers_in_place_of_git_is_refused_in_words(answers: list[Any]) -> None:
    client = RefsClient(_Canned(answers), CredentialBook(()))  # type: ignore[arg-type]
    with suppress(MgitError):
        client.ls_refs(parse_clone_url("https://git.test/acme/app.git"))


SOUND = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
)


@fuzz(
    changed(st.just(SOUND))
    | byte_pieces(
        b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 ", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n",
        b"\r\n", b": ", b"9" * 5000, b"-5", b"2;x\r\n", b"Content-Encoding: gzip\r\n", b" folded",
        b"HTTP/1.1 100 Continue\r\n\r\n", b"\x1f\x8b\x08", b"ffffffffffffffffffff\r\n",
    )
)  # fmt: skip
def test_an_answer_on_the_wire_is_read_or_refused(data: bytes) -> None:
    import http.client

    class Wire:
        def makefile(self, mode: str) -> io.BufferedReader:
            return io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]

    answer = Answer(cast("Any", Wire()), method="GET")
    with suppress(http.client.HTTPException, OSError, MgitError):
        answer.begin()
        assert len(read_body(answer, ORIGIN, 4096)) <= 4096


def test_an_entry_is_worth_fuzzing() -> None:
    """A sound entry of a forge passes: else nothing behind the first check would be reached."""
    entry = {
        "id": 1, "name": "app", "owner": {"login": "acme"}, "private": False, "fork": False,
        "html_url": "https://git.test/acme/app", "clone_url": "https://git.test/acme/app.git",
    }  # fmt: skip
    answer = (200, (), "application/json", msgspec.json.encode([entry]))
    context = ForgeContext(
        "work", cast("Transport", _Canned([answer])), ApiBase(ORIGIN, KINDS["github"])
    )
    assert open_forge("github", context).list_repos().repos
