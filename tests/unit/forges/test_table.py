"""The table of forges, and what a person may write as a url."""

from __future__ import annotations

import pytest

from mgit.errors import ConfigurationError, InvalidInput
from mgit.forges import FORGES, ForgeContext, api_base, open_forge
from mgit.transport import Transport


@pytest.mark.parametrize(
    ("kind", "url", "base"),
    [
        ("github", "", "https://api.github.com"),
        ("github", "https://github.com", "https://api.github.com"),
        ("github", "https://www.github.com/", "https://api.github.com"),
        ("github", "https://api.github.com/", "https://api.github.com"),
        ("github", "https://api.acme.ghe.com", "https://api.acme.ghe.com"),
        ("github", "https://git.acme.example", "https://git.acme.example/api/v3"),
        ("github", "https://git.acme.example/api/v3/", "https://git.acme.example/api/v3"),
        ("github", "http://127.0.0.1:3000", "http://127.0.0.1:3000/api/v3"),
        ("gitlab", "", "https://gitlab.com/api/v4"),
        ("gitlab", "https://git.example/gitlab/", "https://git.example/gitlab/api/v4"),
        ("azuredevops", "https://dev.azure.com/acme", "https://dev.azure.com/acme"),
        ("azuredevops", "https://acme.visualstudio.com/", "https://acme.visualstudio.com"),
        ("azuredevops", "https://x.example/tfs/A%20b%c3%a9", "https://x.example/tfs/A%20b%C3%A9"),
        ("gitea", "https://gitea.example:8443", "https://gitea.example:8443/api/v1"),
        ("gitea", "https://api.example", "https://api.example/api/v1"),
        ("gitea", "https://example.com/git", "https://example.com/git/api/v1"),
        ("forgejo", "https://codeberg.example/api/v1", "https://codeberg.example/api/v1"),
    ],
)
def test_the_host_is_enough(kind, url, base):
    assert str(api_base(kind, url)) == base


@pytest.mark.parametrize(
    ("url", "git"),
    [
        ("", "https://github.com"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("https://git.acme.example", "https://git.acme.example"),
        ("https://api.acme.example/api/v3", "https://api.acme.example"),
    ],
)
def test_githubs_clone_urls_lead_to_the_host_that_belongs_to_the_api(url, git):
    context = ForgeContext("work", Transport(), api_base("github", url))
    assert str(open_forge("github", context).git_origin) == git


@pytest.mark.parametrize(
    "url", ["http://github.com", "ftp://x", "https://u:p@x", "https://x/?a=b", "x", "https://x\n"]
)
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(InvalidInput):
        api_base("github", url)


@pytest.mark.parametrize("url", ["https://x.example/../y", "https://x.example/%2e%2e"])
def test_a_strange_path_is_refused(url):
    with pytest.raises(ConfigurationError):
        api_base("gitea", url)


def test_a_forge_without_a_home_needs_a_url():
    with pytest.raises(ConfigurationError, match="needs the url"):
        api_base("gitea")


def test_an_unknown_kind_is_answered_with_the_known_ones():
    with pytest.raises(ConfigurationError) as caught:
        open_forge("sourceforge", ForgeContext("work", Transport()))
    assert caught.value.advice == f"choose one of {', '.join(FORGES)}"


@pytest.mark.parametrize("kind", ["github", "gitea", "forgejo"])
def test_a_forge_needs_an_api(kind):
    with pytest.raises(InvalidInput, match="needs the url"):
        open_forge(kind, ForgeContext("work", Transport()))


def test_opening_sends_nothing_and_asks_for_no_credential():
    context = ForgeContext("work", Transport(), api_base("github"))
    forge = open_forge("github", context)
    assert forge.git_username == "x-access-token"
