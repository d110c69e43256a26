"""What is special about Bitbucket, Cloud and Data Center."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest

from mgit.credentials import Credential, Secret
from mgit.errors import AuthenticationError, ForgeError
from mgit.forges import Forge, ForgeContext, api_base, open_forge
from mgit.transport import Response, Transport
from sandbox.forge import SandboxForge

TOKEN = "canary-31be77"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def transport():
    with Transport(timeout=20.0) as transport:
        yield transport


@pytest.fixture
def cloud(tmp_path):
    with SandboxForge(tmp_path / "cloud", "bitbucket", token=TOKEN, page_cap=2) as forge:
        yield forge


@pytest.fixture
def center(tmp_path):
    with SandboxForge(
        tmp_path / "center", "bitbucket-datacenter", token=TOKEN, page_cap=2
    ) as forge:
        yield forge


def client(forge: SandboxForge, transport, *owners: str, user: str = "") -> Forge:
    api = api_base(forge.flavour, forge.url)
    credential = Credential(api.origin, user, Secret(TOKEN), "a test")
    return open_forge(forge.flavour, ForgeContext("work", transport, api, owners, credential))


class Scripted(Transport):
    """Gives the answers of a table, path by path, and keeps what it was sent."""

    def __init__(self, answers: dict[str, object]) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[str] = []
        self.authorization: list[str] = []

    def request(self, method, origin, target, **rest) -> Response:
        self.asked.append(target)
        self.authorization.append(rest["headers"].get("Authorization", ""))
        parts = urlsplit(target)
        body = self.answers.get(target, self.answers.get(parts.path))
        status = 404 if body is None else 200
        head = (("Content-Type", "application/json"), ("X-AUSERNAME", "jane%40corp"))
        return Response(status, head, json.dumps(body or {}).encode())


class TestCloudAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "https://bitbucket.org",
            "https://www.bitbucket.org/",
            "https://api.bitbucket.org",
            "https://api.bitbucket.org/2.0",
        ],
    )
    def test_all_ways_to_write_it_lead_to_one_api(self, url):
        assert str(api_base("bitbucket", url)) == "https://api.bitbucket.org/2.0"

    def test_clones_come_from_another_host_than_answers(self):
        api = api_base("bitbucket")
        forge = open_forge("bitbucket", ForgeContext("work", Transport(), api))
        assert str(forge.git_origin) == "https://bitbucket.org"


class TestCloudTokens:
    def test_an_e_mail_makes_it_an_api_token(self, cloud, transport):
        cloud.add_repo("acme", "tool")
        forge = client(cloud, transport, "acme", user="jane@example.com")
        assert forge.git_username == "x-bitbucket-api-token-auth"
        assert forge.list_repos().complete

    def test_without_one_it_is_an_access_token(self, cloud, transport):
        cloud.add_repo("acme", "tool")
        forge = client(cloud, transport, "acme")
        assert forge.git_username == "x-token-auth"
        assert forge.list_repos().complete

    def test_what_is_sent(self):
        api = api_base("bitbucket")
        pairs = {"jane@example.com": "Basic ", "x-token-auth": "Bearer ", "": "Bearer "}
        for user, scheme in pairs.items():
            wire = Scripted({"/2.0/repositories/acme": {"values": []}})
            credential = Credential(api.origin, user, Secret(TOKEN), "a test")
            context = ForgeContext("work", wire, api, ("acme",), credential)
            open_forge("bitbucket", context).list_repos()
            (sent,) = wire.authorization
            assert sent.startswith(scheme)
            if scheme == "Basic ":
                pair = base64.b64decode(sent.removeprefix("Basic ")).decode()
                assert pair == f"{user}:{TOKEN}"

    def test_a_refused_one_is_told_about_app_passwords(self, cloud, transport):
        cloud.add_repo("acme", "tool")
        cloud.token = "another"
        with pytest.raises(AuthenticationError) as caught:
            client(cloud, transport, "acme").list_repos()
        assert "app passwords no longer work" in caught.value.advice
        assert "mgit login work" in caught.value.advice

    @pytest.mark.parametrize("user", ["", "jane@example.com"])
    def test_real_git_clones_with_the_name_that_goes_with_the_token(self, cloud, tmp_path, user):
        cloud.add_repo("acme", "tool")
        with Transport(timeout=20.0) as transport:
            forge = client(cloud, transport, "acme", user=user)
            (repo,) = forge.list_repos().repos
        assert "@" not in str(repo.url)
        assert clone(str(repo.url), forge.git_username, tmp_path / "here") == 0

    def test_an_access_token_is_nobody_but_proves_itself_by_a_list(self, cloud, transport):
        cloud.add_repo("acme", "tool")
        body = b'{"type": "error", "error": {"message": "needs read:user:bitbucket"}}'
        cloud.fail_next("/2.0/user", 403, JSON, body, times=2)
        assert client(cloud, transport, "acme").whoami().login == ""
        with pytest.raises(AuthenticationError, match="needs read:user:bitbucket"):
            client(cloud, transport).whoami()


class TestCloudLists:
    def test_the_next_page_is_where_the_answer_says(self, cloud, transport):
        cloud.add_repos("acme", 5)
        listing = client(cloud, transport, "acme").list_repos()
        assert len(listing.repos) == 5
        assert listing.complete
        assert len(cloud.requests) == 3

    def test_only_the_members_that_are_read_are_asked_for(self, cloud, transport):
        cloud.add_repo("acme", "tool")
        client(cloud, transport, "acme").list_repos()
        query = parse_qs(urlsplit(cloud.requests[0].path).query)
        assert query["pagelen"] == ["100"]
        fields = query["fields"][0].split(",")
        assert "next" in fields
        assert "values.links.clone" in fields
        assert "values.description" not in fields

    def test_without_owners_every_workspace_is_listed(self, cloud, transport):
        for owner in ("acme", "umbrella", "mona"):
            cloud.add_repo(owner, "tool")
        listing = client(cloud, transport).list_repos()
        assert [str(r.path) for r in listing.repos] == ["acme/tool", "mona/tool", "umbrella/tool"]
        assert cloud.requests[0].path.startswith("/2.0/user/workspaces")

    def test_workspaces_that_cannot_be_listed_list_nothing(self, cloud, transport):
        cloud.add_repo("acme", "tool")
        cloud.fail_next("/2.0/user/workspaces*", 500, times=9)
        with pytest.raises(ForgeError, match="in trouble"):
            client(cloud, transport).list_repos()

    def test_all_that_is_told(self, cloud, transport):
        cloud.add_repo("acme", "tool", language="python", private=True, fork=True)
        cloud.add_repo("acme", "hollow", commits=0)
        hollow, tool = client(cloud, transport, "acme").list_repos().repos
        assert (tool.language, tool.fork, tool.empty) == ("python", True, False)
        assert tool.key.id.startswith("{")
        assert tool.size_kib == cloud.store.size_kib(cloud.store.get("acme", "tool"))
        assert (hollow.empty, hollow.default_branch, hollow.language) == (True, None, None)
        assert (tool.wiki, tool.topics, tool.archived) == (None, (), False)

    def test_a_wiki_lies_below_its_repository(self, cloud, transport):
        cloud.add_repo("acme", "book", wiki=True)
        (book,) = client(cloud, transport, "acme").list_repos().repos
        assert str(book.wiki) == f"{cloud.url}/acme/book.git/wiki"

    def test_a_workspace_that_is_gone_is_told_with_what_it_may_be(self, cloud, transport):
        cloud.add_repo("acme", "tool")
        body = b'{"type": "error", "error": {"message": "account marked as spam"}}'
        cloud.fail_next("*/repositories/acme*", 410, JSON, body)
        with pytest.raises(ForgeError, match="account marked as spam") as caught:
            client(cloud, transport, "acme").list_repos()
        assert "API token" in caught.value.advice


class TestDataCenter:
    def test_archived_repositories_are_asked_for(self, center, transport):
        center.add_repo("PRJ", "old", archived=True)
        center.add_repo("PRJ", "new")
        for owners in ((), ("PRJ",)):
            repos = client(center, transport, *owners).list_repos().repos
            assert [(repo.path.name, repo.archived) for repo in repos] == [
                ("new", False),
                ("old", True),
            ]

    def test_the_next_page_begins_where_the_answer_says(self, center, transport):
        center.add_repos("PRJ", 5)
        listing = client(center, transport, "PRJ").list_repos()
        assert listing.complete
        assert len(listing.repos) == 5
        starts = [parse_qs(urlsplit(r.path).query).get("start") for r in center.requests]
        assert starts == [None, ["5"], ["10"]]  # two a page, three that nobody may see

    def test_a_list_that_never_ends_is_left(self):
        page = {"values": [], "isLastPage": False, "nextPageStart": 25}
        wire = Scripted({"/rest/api/latest/repos": page})
        api = api_base("bitbucket-datacenter", "https://corp.example")
        listing = open_forge("bitbucket-datacenter", ForgeContext("work", wire, api)).list_repos()
        assert not listing.complete
        assert "without end" in listing.problem
        assert len(wire.asked) == 2

    def test_a_persons_own_project_is_an_owner(self, center, transport):
        center.add_repo("~jane", "notes")
        (repo,) = client(center, transport, "~JANE").list_repos().repos
        assert str(repo.path) == "~jane/notes"
        assert repo.url.path == "scm/~jane/notes.git"

    def test_one_that_is_not_ready_is_listed_with_the_reason(self, center, transport):
        center.add_repo("PRJ", "tool", disabled=True)
        (repo,) = client(center, transport, "PRJ").list_repos().repos
        assert repo.unavailable == "it is offline on the forge"

    def test_real_git_clones_with_the_name_that_the_answers_tell(self, center, tmp_path):
        center.add_repo("PRJ", "tool")
        with Transport(timeout=20.0) as transport:
            forge = client(center, transport, "PRJ")
            assert forge.git_username == "x-token-auth"
            (repo,) = forge.list_repos().repos
        assert forge.git_username == "mona"
        assert "@" not in str(repo.url)
        assert str(repo.url).endswith("/scm/prj/tool.git")
        assert clone(str(repo.url), forge.git_username, tmp_path / "here") == 0

    @pytest.mark.parametrize(
        ("user", "scheme"), [("", "Bearer "), ("x-token-auth", "Bearer "), ("jane", "Basic ")]
    )
    def test_a_user_name_makes_it_basic(self, user, scheme):
        wire = Scripted({"/rest/api/latest/repos": {"values": [], "isLastPage": True}})
        api = api_base("bitbucket-datacenter", "https://git.corp.example")
        credential = Credential(api.origin, user, Secret(TOKEN), "a test")
        forge = open_forge("bitbucket-datacenter", ForgeContext("work", wire, api, (), credential))
        forge.list_repos()
        assert wire.authorization[0].startswith(scheme)

    def test_it_may_be_below_a_path(self):
        entry = shown("PRJ", "tool", "https://jane@corp.example/bitbucket/scm/prj/tool.git")
        page = {"values": [entry], "isLastPage": True}
        wire = Scripted({"/bitbucket/rest/api/latest/repos": page})
        api = api_base("bitbucket-datacenter", "https://corp.example/bitbucket")
        forge = open_forge("bitbucket-datacenter", ForgeContext("work", wire, api))
        (repo,) = forge.list_repos().repos
        assert str(repo.url) == "https://corp.example/bitbucket/scm/prj/tool.git"

    def test_one_before_8_0_ignores_the_conditions_and_is_asked_its_own_way(self):
        mine, other = shown("PRJ", "tool"), shown("OTHER", "thing")
        wire = Scripted(
            {
                "/rest/api/latest/repos": {"values": [mine, other], "isLastPage": True},
                "/rest/api/latest/projects/PRJ/repos": {"values": [mine], "isLastPage": True},
            }
        )
        api = api_base("bitbucket-datacenter", "https://corp.example")
        forge = open_forge("bitbucket-datacenter", ForgeContext("work", wire, api, ("PRJ",)))
        listing = forge.list_repos()
        assert listing.complete
        assert [str(repo.path) for repo in listing.repos] == ["PRJ/tool"]

    def test_repositories_of_others_are_left_out_without_a_word(self):
        mine = shown("PRJ", "tool") | {"archived": False}
        other = shown("OTHER", "thing") | {"archived": False, "id": 8}
        page = {"values": [mine, other], "isLastPage": True}
        wire = Scripted({"/rest/api/latest/repos": page})
        api = api_base("bitbucket-datacenter", "https://corp.example")
        forge = open_forge("bitbucket-datacenter", ForgeContext("work", wire, api, ("prj",)))
        assert [str(repo.path) for repo in forge.list_repos().repos] == ["PRJ/tool"]

    def test_whose_token_it_is_stands_in_the_head_of_every_answer(self):
        wire = Scripted({"/rest/api/latest/profile/recent/repos": {"values": []}})
        api = api_base("bitbucket-datacenter", "https://corp.example")
        account = open_forge("bitbucket-datacenter", ForgeContext("work", wire, api)).whoami()
        assert (account.login, account.name) == ("jane@corp", "")
        assert wire.asked[1] == "/rest/api/latest/users/jane%40corp"


def shown(key: str, slug: str, url: str = "") -> dict[str, object]:
    """A repository of Bitbucket Server 7: nothing about archives."""
    address = url or f"https://jane@corp.example/scm/{key.lower()}/{slug}.git"
    return {
        "id": 7,
        "slug": slug,
        "project": {"key": key},
        "links": {"clone": [{"href": address, "name": "http"}]},
    }


def clone(url: str, user: str, folder) -> int:
    """Clone with real git, as mgit's askpass would answer; its exit code."""
    askpass = folder.parent / "askpass"
    askpass.write_text(
        f"#!/bin/sh\ncase $1 in User*) printf %s '{user}';; *) printf %s '{TOKEN}';; esac\n"
    )
    askpass.chmod(0o700)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder.parent),
        "GIT_ASKPASS": str(askpass),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    command = ["git", "clone", "--quiet", url, str(folder)]
    return subprocess.run(command, env=environment, check=False).returncode
