"""Answers that real forges gave, read without loss."""

from __future__ import annotations

import json

import pytest

from mgit.credentials import Credential, Secret
from mgit.forges import ForgeContext, api_base, open_forge
from mgit.model import RepoKey, RepoPath, Visibility
from mgit.transport import Response, Transport


class Recorded(Transport):
    """A transport that knows one answer and sends nothing."""

    def __init__(self, body: bytes, **headers: str) -> None:
        super().__init__()
        self._body = body
        self._headers = tuple((name.replace("_", "-"), value) for name, value in headers.items())

    def request(self, *args, **kwargs) -> Response:
        return Response(200, (("Content-Type", "application/json"), *self._headers), self._body)


def client(kind: str, url: str, body: bytes, **headers: str):
    api = api_base(kind, url)
    credential = Credential(api.origin, "x", Secret("token"), "a test")
    return open_forge(kind, ForgeContext("work", Recorded(body, **headers), api, (), credential))


def test_githubs_list(data):
    body = (data / "examples/github-repos.json").read_bytes()
    listing = client("github", "https://api.github.com", body).list_repos()
    assert listing.complete
    (repo,) = listing.repos
    assert repo.key == RepoKey("github.com", "1296269")
    assert repo.path == RepoPath("octocat", "Hello-World")
    assert str(repo.url) == "https://github.com/octocat/Hello-World.git"
    assert repo.default_branch == "master"
    assert repo.visibility is Visibility.PUBLIC
    assert (repo.fork, repo.archived, repo.size_kib) == (True, False, 108)
    assert repo.pushed_at is not None
    assert repo.pushed_at.isoformat() == "2011-01-26T19:06:43+00:00"


def test_githubs_single_repository_reads_like_an_entry(data):
    body = b"[" + (data / "examples/github-repo.json").read_bytes() + b"]"
    listing = client("github", "https://api.github.com", body).list_repos()
    assert listing.complete
    assert len(listing.repos) == 1


def test_githubs_user(data):
    body = (data / "examples/github-user.json").read_bytes()
    account = client("github", "https://api.github.com", body).whoami()
    assert (account.login, account.name) == ("octocat", "monalisa octocat")


@pytest.mark.parametrize(
    ("written", "expires"),
    [
        ("2026-12-24 18:00:00 UTC", "2026-12-24T18:00:00+00:00"),
        ("2026-12-24 18:00:00 +0200", "2026-12-24T18:00:00+02:00"),
        ("soon", None),
    ],
)
def test_githubs_token_tells_its_scopes_and_its_end(data, written, expires):
    body = (data / "examples/github-user.json").read_bytes()
    head = {"x_oauth_scopes": "repo, read:org,", "github_authentication_token_expiration": written}
    account = client("github", "https://api.github.com", body, **head).whoami()
    assert account.scopes == ("repo", "read:org")
    assert (account.expires.isoformat() if account.expires else None) == expires


@pytest.mark.parametrize("kind", ["gitea", "forgejo"])
@pytest.mark.parametrize("name", ["gitea-repos", "gitea-repo"])
def test_giteas_list_of_2017_lacks_many_fields_and_is_read(data, kind, name):
    value = json.loads((data / f"examples/{name}.json").read_bytes())
    body = json.dumps(value if isinstance(value, list) else [value]).encode()
    listing = client(kind, "https://try.gitea.io", body).list_repos()
    assert listing.complete
    (repo,) = listing.repos
    assert repo.key == RepoKey("try.gitea.io", "1")
    assert repo.path == RepoPath("go-gitea", "gitea")
    assert str(repo.url) == "https://try.gitea.io/go-gitea/gitea.git"
    assert repo.visibility is Visibility.PRIVATE
    assert (repo.empty, repo.archived, repo.default_branch) == (False, False, "master")
    assert repo.pushed_at is not None


def test_giteas_user(data):
    body = (data / "examples/gitea-user.json").read_bytes()
    account = client("gitea", "https://try.gitea.io", body).whoami()
    assert (account.login, account.name) == ("jcitizen", "Jane Citizen")


@pytest.mark.parametrize("name", ["gitlab-repos", "gitlab-repo"])
def test_gitlabs_list_reads_like_its_single_project(data, name):
    listing = client("gitlab", "https://gitlab.com", entries(data, name)).list_repos()
    assert listing.complete
    (repo,) = listing.repos
    assert repo.key == RepoKey("gitlab.com", "178504")
    assert repo.path == RepoPath("diaspora", "diaspora")
    assert str(repo.url) == "https://gitlab.com/diaspora/diaspora.git"
    assert str(repo.wiki) == "https://gitlab.com/diaspora/diaspora.wiki.git"
    assert (repo.fork, repo.archived, repo.empty, repo.topics) == (False, False, None, ())
    assert repo.visibility is Visibility.PUBLIC
    assert repo.pushed_at is not None
    assert repo.pushed_at.isoformat() == "2015-03-03T18:37:20.795000+00:00"


def test_gitlabs_user(data):
    body = (data / "examples/gitlab-user.json").read_bytes()
    account = client("gitlab", "https://gitlab.com", body).whoami()
    assert (account.login, account.name) == ("john_smith", "John Smith")


def test_azure_devops_list(data):
    body = (data / "examples/azuredevops-repos.json").read_bytes()
    listing = client("azuredevops", "https://dev.azure.com/tphoney", body).list_repos()
    assert listing.complete
    first, second = listing.repos
    assert first.key == RepoKey("dev.azure.com", "91f0d4cb-4c36-49a5-b28d-2d72da089c4d")
    assert first.path == RepoPath("tphoney", "test_project", "test_project")
    assert str(first.url) == "https://dev.azure.com/tphoney/test_project/_git/test_project"
    assert (first.default_branch, first.size_kib, first.empty) == ("main", 1, False)
    assert (first.visibility, second.visibility) == (Visibility.PRIVATE, Visibility.PUBLIC)
    assert (first.unavailable, first.pushed_at, first.wiki) == (None, None, None)


def test_azure_devops_single_repository_reads_like_an_entry(data):
    value = json.loads((data / "examples/azuredevops-repo.json").read_bytes())
    body = json.dumps({"value": [value], "count": 1}).encode()
    assert client("azuredevops", "https://dev.azure.com/tphoney", body).list_repos().complete


def entries(data, name: str) -> bytes:
    """A recorded list, or a recorded repository as a list of one."""
    value = json.loads((data / f"examples/{name}.json").read_bytes())
    return json.dumps(value if isinstance(value, list) else [value]).encode()


@pytest.mark.parametrize("name", ["bitbucket-repos", "bitbucket-repo"])
def test_bitbuckets_list_reads_like_its_single_repository(data, name):
    value = json.loads((data / f"examples/{name}.json").read_bytes())
    page = {"values": value.get("values", [value])}
    api = api_base("bitbucket")
    wire = Recorded(json.dumps(page).encode())
    listing = open_forge("bitbucket", ForgeContext("work", wire, api, ("atlassian",))).list_repos()
    assert listing.complete
    (repo,) = listing.repos
    assert repo.key == RepoKey("bitbucket.org", "{7dd600e6-0d9c-4801-b967-cb4cc17359ff}")
    assert repo.path == RepoPath("atlassian", "stash-example-plugin")
    assert str(repo.url) == "https://bitbucket.org/atlassian/stash-example-plugin.git"
    assert (repo.default_branch, repo.empty, repo.fork) == ("master", False, False)
    assert (repo.size_kib, repo.language, repo.visibility) == (1090, None, Visibility.PRIVATE)
    assert repo.pushed_at is not None
    assert repo.pushed_at.isoformat() == "2018-04-01T16:36:35.970175+00:00"


def test_bitbuckets_user(data):
    body = (data / "examples/bitbucket-user.json").read_bytes()
    account = client("bitbucket", "https://bitbucket.org", body).whoami()
    assert (account.login, account.name) == ("brydzewski", "Brad Rydzewski")


def test_bitbucket_data_centers_list(data):
    value = json.loads((data / "examples/bitbucket-datacenter-repos.json").read_bytes())
    body = json.dumps(value | {"isLastPage": True}).encode()
    where = "http://localhost:7990"
    body = body.replace(b"example.com:7990", b"localhost:7990")
    listing = client("bitbucket-datacenter", where, body).list_repos()
    assert listing.complete
    first, second = listing.repos
    assert first.key == RepoKey("localhost:7990", "1")
    assert first.path == RepoPath("PRJ", "my-repo")
    assert str(first.url) == "http://localhost:7990/scm/prj/my-repo.git"
    assert (first.archived, first.visibility, second.unavailable) == (
        False,
        Visibility.PRIVATE,
        None,
    )


def test_bitbucket_data_centers_single_repository_reads_like_an_entry(data):
    value = json.loads((data / "examples/bitbucket-datacenter-repo.json").read_bytes())
    body = json.dumps({"values": [value], "isLastPage": True}).encode()
    body = body.replace(b"example.com:7990", b"localhost:7990")
    assert client("bitbucket-datacenter", "http://localhost:7990", body).list_repos().complete
