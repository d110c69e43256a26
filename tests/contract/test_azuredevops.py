"""What is Azure DevOps' alone: projects, spaces, sign-in pages, addresses, git's old protocol."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from mgit.address import parse_clone_url, parse_origin
from mgit.credentials import Credential, CredentialBook, Secret
from mgit.errors import AuthenticationError, ConfigurationError, ForgeError
from mgit.forges import ForgeContext, TellsChanges, api_base, open_forge
from mgit.git.refs import RefsClient
from mgit.model import RepoPath
from mgit.transport import Response, Transport
from sandbox.forge.azuredevops import SIGN_IN
from tests.contract.dialects import JSON


@pytest.fixture
def kind() -> str:
    return "azuredevops"


HTML = {"Content-Type": "text/html; charset=utf-8"}


def context(url: str, transport: Transport | None = None) -> ForgeContext:
    api = api_base("azuredevops", url)
    credential = Credential(api.origin, "mona", Secret("t"), "a test")
    return ForgeContext("work", transport or Transport(), api, (), credential)


class Answers(Transport):
    """Knows one list, and remembers what it was asked."""

    def __init__(self, *remote_urls: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.authorizations: list[str] = []
        self._urls = remote_urls

    def request(self, method, origin, target, *, headers, **_) -> Response:
        self.targets.append(f"{origin}{target}")
        self.authorizations.append(headers["Authorization"])
        shown = [
            {
                "id": f"470c176d-3574-44ea-bb41-89e8638bcc0{number}",
                "name": "My Tool",
                "project": {"name": "Big Project"},
                "remoteUrl": url,
            }
            for number, url in enumerate(self._urls)
        ]
        body = json.dumps({"value": shown, "count": len(shown)}).encode()
        return Response(200, tuple(JSON.items()), body)


class TestListing:
    def test_one_request_lists_the_organization(self, bench):
        for number in range(7):
            bench.forge.add_repo(f"project-{number}", "tool")
        assert len(bench.client().list_repos().repos) == 7
        assert len(bench.forge.requests) == 1

    def test_spaces_in_names_are_kept_and_encoded(self, bench):
        bench.forge.add_repo("Big Project", "My Tool")
        (repo,) = bench.client("Big Project").list_repos().repos
        assert repo.path == RepoPath("contoso", "My Tool", "Big Project")
        assert str(repo.url) == f"{bench.forge.api_url}/Big%20Project/_git/My%20Tool"
        assert repo.url.path == "contoso/Big Project/_git/My Tool"

    def test_the_user_in_a_clone_url_is_dropped(self, bench):
        bench.forge.add_repo("acme", "good")
        assert "contoso@" in str(bench.entry()["remoteUrl"])
        (repo,) = bench.client().list_repos().repos
        assert "@" not in str(repo.url)

    def test_a_disabled_repository_is_listed_and_not_available(self, bench):
        bench.forge.add_repo("acme", "off", disabled=True)
        (repo,) = bench.client().list_repos().repos
        assert repo.unavailable == "the forge has disabled it"

    def test_so_is_one_in_maintenance(self, bench):
        bench.forge.add_repo("acme", "good")
        bench.answer_next(bench.entry(isInMaintenance=True))
        (repo,) = bench.client().list_repos().repos
        assert repo.unavailable == "it is in maintenance on the forge"

    def test_an_empty_repository_has_no_branch(self, bench):
        bench.forge.add_repo("acme", "hollow", commits=0)
        bench.forge.add_repo("acme", "solid")
        hollow, solid = bench.client().list_repos().repos
        assert (hollow.empty, hollow.default_branch) == (True, None)
        assert (solid.empty, solid.default_branch) == (False, "main")

    def test_what_the_forge_leaves_out_means_no(self, bench):
        transport = Answers("https://dev.azure.com/acme/Big%20Project/_git/My%20Tool")
        forge = open_forge("azuredevops", context("https://dev.azure.com/acme", transport))
        (repo,) = forge.list_repos().repos
        assert (repo.unavailable, repo.fork, repo.visibility, repo.size_kib) == (
            None,
            False,
            None,
            None,
        )

    def test_there_is_no_feed_of_changes(self, bench):
        assert not isinstance(bench.client(), TellsChanges)


class TestSignInPages:
    """In place of a 401; the credential goes nowhere else."""

    @pytest.mark.parametrize(
        ("status", "head"),
        [
            (203, HTML),
            (200, HTML),
            (302, HTML | {"Location": "https://login.example/_signin?x=1"}),
            (302, HTML | {"Location": "/_signin?realm=contoso"}),
            (401, {}),
        ],
    )
    def test_it_is_a_refused_credential(self, bench, status, head):
        bench.forge.fail_next("*", status, head, SIGN_IN)
        with pytest.raises(AuthenticationError, match="refused the credential") as caught:
            bench.client().list_repos()
        assert "mgit login work" in caught.value.advice
        assert caught.value.exit_code == 3
        assert len(bench.forge.requests) == 1

    def test_a_wrong_token_ends_a_run_over_many_projects_at_once(self, bench):
        bench.forge.add_repo("acme", "a")
        with pytest.raises(AuthenticationError, match="sign-in page"):
            bench.client("acme", "umbrella", token="wrong").list_repos()
        assert bench.statuses() == [203]

    def test_without_a_token_one_is_asked_for(self, bench):
        with pytest.raises(AuthenticationError, match="wants a credential"):
            bench.client(token=None).list_repos()
        assert bench.statuses() == [302]

    def test_a_proxys_page_with_another_status_is_still_trouble(self, bench):
        bench.forge.fail_next("*", 502, HTML, b"<html>Bad gateway</html>", times=9)
        with pytest.raises(ForgeError, match="in trouble"):
            bench.client().list_repos()

    def test_an_account_that_is_nobody_is_no_account(self, bench):
        nobody = {"id": "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", "providerDisplayName": "Anonymous"}
        body = json.dumps({"authenticatedUser": nobody}).encode()
        bench.forge.fail_next("*connectionData*", 200, JSON, body)
        with pytest.raises(AuthenticationError, match="for nobody"):
            bench.client().whoami()


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "asked", "owner", "clone"),
        [
            (
                "https://dev.azure.com/acme",
                "https://dev.azure.com/acme/_apis/git/repositories?api-version=7.1",
                "acme",
                "https://dev.azure.com/acme/Big%20Project/_git/My%20Tool",
            ),
            (
                "https://acme.visualstudio.com",
                "https://acme.visualstudio.com/_apis/git/repositories?api-version=7.1",
                "acme",
                "https://acme.visualstudio.com/Big%20Project/_git/My%20Tool",
            ),
            (
                "https://tfs.example/tfs/Our%20Collection/",
                "https://tfs.example/tfs/Our%20Collection/_apis/git/repositories?api-version=6.0",
                "Our Collection",
                "https://tfs.example/tfs/Our%20Collection/Big%20Project/_git/My%20Tool",
            ),
        ],
    )
    def test_services_and_servers_are_asked_where_they_are(self, url, asked, owner, clone):
        transport = Answers(clone)
        (repo,) = open_forge("azuredevops", context(url, transport)).list_repos().repos
        assert transport.targets == [asked]
        assert (repo.path.owner, str(repo.url)) == (owner, clone)

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("https://dev.azure.com/acme", "https://acme.visualstudio.com/Big%20Project/_git/x"),
            ("https://acme.visualstudio.com", "https://u@dev.azure.com/acme/Big%20Project/_git/x"),
        ],
    )
    def test_an_organization_that_shows_its_other_address_is_asked_at_the_one_configured(
        self, url, shown
    ):
        (repo,) = open_forge("azuredevops", context(url, Answers(shown))).list_repos().repos
        assert str(repo.url) == f"{url}/Big%20Project/_git/My%20Tool"

    def test_an_address_of_another_organization_is_refused(self):
        transport = Answers("https://evil.visualstudio.com/Big%20Project/_git/x")
        forge = open_forge("azuredevops", context("https://dev.azure.com/acme", transport))
        assert "leads to https://evil.visualstudio.com" in forge.list_repos().problem

    @pytest.mark.parametrize(
        "url",
        [
            "https://dev.azure.com",
            "https://dev.azure.com/acme/project",
            "https://acme.visualstudio.com/project",
            "https://tfs.example",
        ],
    )
    def test_an_address_without_an_organization_is_answered_with_one(self, url):
        with pytest.raises(ConfigurationError) as caught:
            open_forge("azuredevops", context(url))
        assert "https://dev.azure.com/ORGANIZATION" in caught.value.advice

    @pytest.mark.parametrize("path", ["a%2Fb", "%2e%2e", "a%00b", "a%5Cb", "%FF", "a%0Ab"])
    def test_a_path_that_hides_something_is_refused(self, path):
        with pytest.raises(ConfigurationError):
            api_base("azuredevops", f"https://tfs.example/{path}")


class TestTokens:
    @pytest.mark.parametrize(
        ("token", "sent"),
        [
            ("a" * 52, "Basic " + base64.b64encode(b":" + b"a" * 52).decode()),
            ("eyJ0eXAi.eyJhdWQi.c2ln-_", "Bearer eyJ0eXAi.eyJhdWQi.c2ln-_"),
        ],
    )
    def test_a_personal_one_goes_with_no_name_and_one_of_entra_as_bearer(self, token, sent):
        transport = Answers()
        known = context("https://dev.azure.com/acme", transport)
        credential = Credential(known.api.origin, "mona", Secret(token), "a test")
        open_forge("azuredevops", replace(known, credential=credential)).list_repos()
        assert transport.authorizations == [sent]


class TestGit:
    def test_refs_are_read_where_only_gits_old_protocol_is_spoken(self, bench):
        bench.forge.add_repo("Big Project", "My Tool")
        (repo,) = bench.client().list_repos().repos
        credential = Credential(repo.url.origin, "x", Secret(bench.forge.token), "a test")
        book = CredentialBook([credential])
        refs = RefsClient(bench.transport, book)
        for _ in range(2):
            snapshot = refs.ls_refs(repo.url)
            assert snapshot.refs == bench.forge.refs("Big Project", "My Tool")
            assert snapshot.head == "refs/heads/main"
        asked = [request.method for request in bench.forge.requests if not request.is_api]
        assert asked == ["POST", "GET", "GET"]

    def test_a_sign_in_page_in_place_of_refs_is_a_refused_credential(self, bench):
        bench.forge.add_repo("acme", "tool")
        (repo,) = bench.client().list_repos().repos
        credential = Credential(repo.url.origin, "x", Secret(bench.forge.token), "a test")
        bench.forge.fail_next("*/_git/*", 203, HTML, SIGN_IN, times=2)
        with pytest.raises(AuthenticationError, match="refused the credential"):
            RefsClient(bench.transport, CredentialBook([credential])).ls_refs(repo.url)

    def test_a_disabled_repository_is_not_there_for_git(self, bench):
        made = bench.forge.add_repo("acme", "off", disabled=True)
        (repo,) = bench.client().list_repos().repos
        assert repo.key.id == bench.identity(made)
        origin = parse_origin(bench.forge.url)
        head = {"Authorization": f"Bearer {bench.forge.token}"}
        target = f"/{parse_clone_url(str(repo.url)).path}/info/refs?service=git-upload-pack"
        assert bench.transport.request("GET", origin, target, headers=head).status == 404


def test_the_sandbox_can_ask_for_a_pause_with_a_good_answer(bench):
    bench.forge.dress_next("*", {"X-RateLimit-Delay": "1.5"})
    origin = parse_origin(bench.forge.url)
    head = {"Authorization": f"Bearer {bench.forge.token}"}
    target = f"{bench.base}/_apis/git/repositories?api-version=7.1"
    first, second = (bench.transport.request("GET", origin, target, headers=head) for _ in "12")
    assert (first.status, first.header("x-ratelimit-delay")) == (200, "1.5")
    assert (second.status, second.header("x-ratelimit-delay")) == (200, None)
