"""What was pushed to of late, as the forges tell it. A feed is a hint: it may say too much."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mgit.credentials import Credential, Secret
from mgit.errors import AuthenticationError, ForgeError, NetworkError, NotFound, RateLimited
from mgit.forges import Changed, Forge, ForgeContext, Pacing, TellsChanges, api_base, open_forge
from mgit.forges.github_feed import OF_OWNER, OF_VIEWER
from mgit.transport import Transport
from sandbox.forge import SandboxForge
from sandbox.forge.github_graphql import selection

TOKEN = "canary-9ac210"
USER = "mona@example.com"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}
FEEDS = ["github", "gitea", "forgejo", "bitbucket"]
_WHOLE = re.MULTILINE | re.DOTALL
SCHEMA = Path(__file__).parents[1] / "data" / "forge-apis" / "github.graphql"


@pytest.fixture(params=FEEDS)
def flavour(request):
    return request.param


@pytest.fixture
def forge(flavour, tmp_path):
    """A forge whose repositories were all last pushed to long ago; pages hold two."""
    with SandboxForge(tmp_path, flavour, token=TOKEN, page_cap=2) as forge:
        forge.add_repos("acme", 5)
        forge.add_repo("mona", "own")
        age(forge)
        yield forge


def age(forge: SandboxForge) -> None:
    """Nothing was pushed since 2020, each a minute after the other."""
    with forge.store._lock:
        for number, repo in enumerate(forge.store.all()):
            forge.store._replace(repo, pushed_at=LONG_AGO + timedelta(minutes=number))


@pytest.fixture
def open_client(forge):
    with Transport(timeout=20.0) as transport:

        def client(*owners: str, token: str | None = TOKEN) -> Forge:
            api = api_base(forge.flavour, forge.url)
            credential = Credential(api.origin, USER, Secret(token), "a test") if token else None
            context = ForgeContext("work", transport, api, owners, credential)
            return open_forge(forge.flavour, context)

        yield client


Client = Callable[..., Forge]


def asked(client: Forge, since: datetime | None = None) -> Changed:
    assert isinstance(client, TellsChanges)
    return client.changed_since(since or datetime.now(UTC) - timedelta(hours=1))


def names(changed: Changed) -> list[str]:
    return [str(repo.path) for repo in changed.repos]


class TestEveryFeed:
    def test_only_what_was_pushed_to_is_told(self, forge, open_client: Client):
        forge.push("acme", "repo-003")
        changed = asked(open_client("acme"))
        assert changed.complete
        assert names(changed) == ["acme/repo-003"]

    def test_nothing_pushed_is_nothing_told(self, forge, open_client: Client):
        changed = asked(open_client("acme"))
        assert (changed.complete, changed.repos) == (True, ())

    def test_it_is_read_no_further_than_it_must(self, forge, open_client: Client):
        open_client("acme").list_repos()
        whole = len(forge.requests)
        forge.push("acme", "repo-003")
        forge.forget_requests()
        asked(open_client("acme"))
        lists = [r for r in forge.requests if r.method == "POST" or "updated" in r.path]
        assert len(lists) == 1
        assert len(forge.requests) < whole

    def test_it_is_read_as_far_as_it_must(self, forge, open_client: Client):
        for number in range(1, 5):
            forge.push("acme", f"repo-00{number}")
        assert sorted(names(asked(open_client("acme")))) == [
            f"acme/repo-00{number}" for number in range(1, 5)
        ]

    def test_the_newest_comes_first(self, forge, open_client: Client):
        changed = asked(open_client("acme"), LONG_AGO - timedelta(days=1))
        assert names(changed) == [f"acme/repo-00{number}" for number in range(5, 0, -1)]

    def test_a_push_in_the_very_second_is_told(self, forge, open_client: Client):
        changed = asked(open_client("acme"), LONG_AGO + timedelta(minutes=4))
        assert "acme/repo-005" in names(changed)

    def test_another_time_zone_is_the_same_moment(self, forge, open_client: Client):
        forge.push("acme", "repo-003")
        since = datetime.now(UTC).astimezone().replace(microsecond=1) - timedelta(hours=1)
        changed = asked(open_client("acme"), since)
        assert names(changed) == ["acme/repo-003"]
        assert changed.since == since

    def test_without_owners_all_that_the_token_sees_is_asked(self, forge, open_client: Client):
        forge.push("acme", "repo-003")
        forge.push("mona", "own")
        assert sorted(names(asked(open_client()))) == ["acme/repo-003", "mona/own"]

    def test_several_owners_make_one_answer(self, forge, open_client: Client):
        forge.push("acme", "repo-003")
        forge.push("mona", "own")
        changed = asked(open_client("acme", "mona"))
        assert sorted(names(changed)) == ["acme/repo-003", "mona/own"]

    def test_it_names_what_the_listing_names(self, forge, open_client: Client):
        forge.add_repo("acme", "rich", topics=("cli", "git"), private=True, archived=True)
        (told,) = asked(open_client("acme")).repos
        (listed,) = [r for r in open_client("acme").list_repos().repos if r.key == told.key]
        assert (told.key, told.path, told.url) == (listed.key, listed.path, listed.url)
        assert told.topics == listed.topics
        assert (told.archived, told.visibility) == (listed.archived, listed.visibility)
        assert told.default_branch == listed.default_branch

    def test_an_empty_one_is_no_trouble(self, forge, open_client: Client):
        forge.add_repo("acme", "hollow", commits=0)
        assert asked(open_client("acme")).complete

    def test_an_unknown_owner_is_told(self, forge, open_client: Client):
        with pytest.raises(NotFound, match="'nobody'"):
            asked(open_client("nobody"))
        changed = asked(open_client("nobody", "acme"))
        assert not changed.complete
        assert "'nobody'" in changed.problem

    def test_a_refused_credential_is_told(self, forge, open_client: Client):
        with pytest.raises(AuthenticationError):
            asked(open_client("acme", token="wrong"))


@pytest.mark.parametrize("flavour", ["github"])
class TestGraphQL:
    def refuse(self, forge, *errors: dict[str, object], data: object = None, times: int = 1):
        body = json.dumps({"data": data, "errors": list(errors)}).encode()
        forge.fail_next("/api/graphql", 200, JSON, body, times=times)

    def test_a_hundred_repositories_are_one_request(self, tmp_path, flavour):
        with SandboxForge(tmp_path / "large", flavour, token=TOKEN) as forge:
            forge.add_repos("acme", 3)
            with Transport(timeout=20.0) as transport:
                api = api_base(flavour, forge.url)
                credential = Credential(api.origin, USER, Secret(TOKEN), "a test")
                context = ForgeContext("work", transport, api, ("acme",), credential)
                asked(open_forge(flavour, context))
            assert [(r.method, r.path) for r in forge.requests] == [("POST", "/api/graphql")]

    def test_it_is_asked_beside_rest(self, flavour):
        class Wire(Transport):
            def request(self, method, origin, target, **rest):
                asked_of.append(f"{method} {origin}{target}")
                raise NetworkError("enough")

        for url, expected in {
            "https://github.com": "POST https://api.github.com/graphql",
            "https://corp.ghe.com": "POST https://corp.ghe.com/api/graphql",
            "https://git.corp.example/api/v3": "POST https://git.corp.example/api/graphql",
        }.items():
            asked_of: list[str] = []
            api = api_base(flavour, url)
            credential = Credential(api.origin, "", Secret(TOKEN), "a test")
            pacing = Pacing(attempts=1)
            context = ForgeContext("work", Wire(), api, ("a",), credential, pacing=pacing)
            with pytest.raises(NetworkError):
                asked(open_forge(flavour, context))
            assert asked_of == [expected]

    @pytest.mark.parametrize("status", [403, 404, 500, 502])
    def test_where_it_is_refused_rest_takes_its_place(self, forge, open_client, status):
        forge.push("acme", "repo-003")
        forge.fail_next("/api/graphql", status, JSON, b"{}", times=3)
        assert names(asked(open_client("acme"))) == ["acme/repo-003"]
        assert any("sort=pushed" in request.path for request in forge.requests)

    def test_a_question_that_is_not_understood_is_asked_of_rest(self, forge, open_client):
        forge.push("acme", "repo-003")
        self.refuse(forge, {"message": "Field 'pushedAt' doesn't exist on type 'Repository'"})
        assert names(asked(open_client("acme"))) == ["acme/repo-003"]

    def test_without_a_credential_rest_is_asked(self, forge, open_client):
        with pytest.raises(AuthenticationError):
            asked(open_client("acme", token=None))
        assert {request.method for request in forge.requests} == {"GET"}

    def test_a_limit_inside_of_a_good_answer_is_a_limit(self, forge, open_client):
        self.refuse(forge, {"type": "RATE_LIMITED", "message": "API rate limit exceeded"})
        with pytest.raises(RateLimited) as caught:
            asked(open_client("acme"))
        assert caught.value.retry_after == 60.0

    @pytest.mark.parametrize("kind", ["FORBIDDEN", "INSUFFICIENT_SCOPES"])
    def test_a_missing_right_inside_of_a_good_answer_is_told(self, forge, open_client, kind):
        self.refuse(forge, {"type": kind, "message": "SAML\x1b[31m enforcement"})
        with pytest.raises(AuthenticationError, match=r"SAML\\e\[31m enforcement"):
            asked(open_client("acme"))

    def test_an_owner_that_is_not_there_inside_of_a_good_answer(self, forge, open_client):
        self.refuse(forge, {"type": "NOT_FOUND", "message": "Could not resolve to a User"})
        changed = asked(open_client("nobody", "acme"))
        assert not changed.complete
        assert "'nobody'" in changed.problem

    def test_a_node_that_is_hidden_makes_it_incomplete(self, forge, open_client):
        turn = {"hasNextPage": False, "endCursor": None}
        scope = {"login": "acme", "repositories": {"pageInfo": turn, "nodes": [None]}}
        self.refuse(forge, data={"scope": scope})
        changed = asked(open_client("acme"))
        assert not changed.complete
        assert "left out" in changed.problem

    def test_cursors_in_circles_are_left(self, forge, open_client):
        turn = {"hasNextPage": True, "endCursor": "same"}
        scope = {"login": "acme", "repositories": {"pageInfo": turn, "nodes": []}}
        self.refuse(forge, data={"scope": scope}, times=9)
        changed = asked(open_client("acme"))
        assert not changed.complete
        assert "without end" in changed.problem
        assert len(forge.requests) == 2

    def test_what_an_owner_only_helps_with_is_not_told(self, forge, open_client):
        node = {
            "databaseId": 5,
            "name": "theirs",
            "owner": {"login": "elsewhere"},
            "url": f"{forge.url}/elsewhere/theirs",
            "visibility": "PUBLIC",
            "isArchived": False,
            "isDisabled": False,
            "isEmpty": False,
            "isFork": False,
        }
        turn = {"hasNextPage": False, "endCursor": None}
        scope = {"login": "mona", "repositories": {"pageInfo": turn, "nodes": [node]}}
        self.refuse(forge, data={"scope": scope})
        assert asked(open_client("mona")).repos == ()

    def test_every_member_and_argument_is_in_githubs_schema(self, flavour):
        types = schema(SCHEMA.read_text())
        for question, root in ((OF_OWNER, "repositoryOwner"), (OF_VIEWER, "viewer")):
            (below,) = selection(question).values()
            assert isinstance(below, dict)
            check(types, types["Query"][root].type, below)
            for name, value in re.findall(r"(\w+): \[?([A-Z_]+)\b", question):
                assert {"direction": "OrderDirection", "field": "RepositoryOrderField"}.get(
                    name, "RepositoryAffiliation"
                ) in types
                assert any(value in members for members in types.values()), value
            arguments = types["RepositoryOwner"]["repositories"].arguments
            for name in re.findall(r"(first|after|orderBy|ownerAffiliations):", question):
                assert name in arguments

    def test_that_check_would_notice_a_wrong_member(self, flavour):
        types = schema(SCHEMA.read_text())
        with pytest.raises(KeyError):
            check(types, "Repository", {"lastPushedAt": None})


@pytest.mark.parametrize("flavour", ["github"])
class TestInstallation:
    """The tokens of a GitHub App's installation, `ghs_…`."""

    @pytest.fixture
    def forge(self, flavour, tmp_path):
        with SandboxForge(tmp_path, flavour, token="ghs_canary", page_cap=2) as forge:
            forge.add_repos("acme", 5)
            age(forge)
            yield forge

    def test_it_lists_what_it_may_see_without_owners(self, forge, open_client):
        listing = open_client(token="ghs_canary").list_repos()
        assert listing.complete
        assert len(listing.repos) == 5
        assert {r.path.split("?")[0] for r in forge.requests} == {
            "/api/v3/installation/repositories"
        }

    def test_it_lists_an_owner_too(self, forge, open_client):
        assert len(open_client("acme", token="ghs_canary").list_repos().repos) == 5

    def test_it_is_proven_though_it_is_nobody(self, forge, open_client):
        account = open_client(token="ghs_canary").whoami()
        assert account.login == ""
        assert account.server_time is not None
        forge.token = "ghs_another"
        with pytest.raises(AuthenticationError):
            open_client(token="ghs_canary").whoami()

    def test_it_tells_what_was_pushed_to(self, forge, open_client):
        forge.push("acme", "repo-002")
        assert names(asked(open_client(token="ghs_canary"))) == ["acme/repo-002"]


@pytest.mark.parametrize("flavour", ["gitea"])
def test_a_search_that_failed_says_so(forge, open_client):
    forge.fail_next("*/repos/search*", 200, JSON, b'{"ok": false, "data": []}')
    with pytest.raises(ForgeError, match="could not search"):
        asked(open_client("acme"))


@pytest.mark.parametrize("flavour", ["github", "gitea", "forgejo"])
def test_wikis_languages_and_topics_come_with_the_listing(forge, open_client):
    forge.add_repo("mona", "book", wiki=True, language="Go", topics=("docs",))
    listing = open_client("mona").list_repos()
    book, own = listing.repos
    assert (book.language, book.topics) == ("Go", ("docs",))
    assert str(book.wiki) == f"{forge.url}/mona/book.wiki.git"
    assert (own.wiki, own.topics) == (None, ())


class Member:
    """One member of a type: what it is, and what it may be asked with."""

    def __init__(self, type_: str, arguments: str) -> None:
        self.type = type_
        self.arguments = re.findall(r"(\w+):", arguments)


def schema(text: str) -> dict[str, dict[str, Member]]:
    """Type -> member -> what it is; of an enumeration the values. Enough for this one document."""
    types: dict[str, dict[str, Member]] = {}
    for head, body in re.findall(r"^(?:\w+) (\w+)[^{\n]*\{\n(.*?)^\}", text, _WHOLE):
        found = re.findall(r"^    (\w+)(?:\(([^)]*)\))?(?:: \[?(\w+))?", body, _WHOLE)
        types[head] = {name: Member(kind, arguments) for name, arguments, kind in found}
    return types


def check(types: dict[str, dict[str, Member]], name: str, wanted: dict[str, object]) -> None:
    """Walk a selection along the schema.

    Raises:
        KeyError: the schema has no such member.
    """
    for member, below in wanted.items():
        kind = types[name][member].type
        if isinstance(below, dict):
            check(types, kind, below)
