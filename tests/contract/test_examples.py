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
