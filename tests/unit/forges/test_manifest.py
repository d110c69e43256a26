"""Manifests: read strictly, refused with the line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.address import Origin
from mgit.credentials import Credential, Secret
from mgit.errors import ConfigurationError
from mgit.forges import Forge, ForgeContext, open_forge
from mgit.model import RepoKey, RepoPath
from mgit.transport import Transport


def manifest(tmp_path: Path, text: str | bytes) -> Forge:
    file = tmp_path / "repos.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_forge("manifest", ForgeContext("list", Transport(), file=file))


def test_a_list_of_urls_is_enough(tmp_path):
    forge = manifest(
        tmp_path,
        """
        version = 1
        repos = ["https://git.example.com/team/tool.git", "ssh://git@git.example.com/a/b/c"]
        """,
    )
    listing = forge.list_repos()
    assert listing.complete
    assert [repo.path for repo in listing.repos] == [
        RepoPath("team", "tool"),
        RepoPath("a", "c", "b"),
    ]
    assert listing.repos[0].key == RepoKey("git.example.com", "team/tool")
    assert forge.git_origin == Origin("https", "git.example.com", 443)


def test_an_entry_may_have_a_name_and_a_branch(tmp_path):
    forge = manifest(
        tmp_path,
        """
        version = 1
        [[repo]]
        url = "https://git.example.com/deep/down/below/the/tool.git"
        name = "deep/tool"
        default_branch = "trunk"
        """,
    )
    (repo,) = forge.list_repos().repos
    assert (repo.path, repo.default_branch) == (RepoPath("deep", "tool"), "trunk")


def test_a_repository_at_the_top_of_a_host_is_owned_by_the_host(tmp_path):
    forge = manifest(tmp_path, 'version = 1\nrepos = ["https://git.example.com/tool.git"]')
    assert forge.list_repos().repos[0].path == RepoPath("git.example.com", "tool")


def test_several_hosts_share_no_credential(tmp_path):
    forge = manifest(
        tmp_path, 'version = 1\nrepos = ["https://a.example/x/y", "https://b.example/x/y"]'
    )
    assert forge.git_origin is None
    assert len(forge.list_repos().repos) == 2


def test_it_has_no_accounts_and_takes_the_credentials_user_name(tmp_path):
    forge = manifest(tmp_path, 'version = 1\nrepos = ["https://a.example/x/y"]')
    assert forge.whoami().login == ""
    assert forge.git_username == "mgit"
    credential = Credential(Origin("https", "a.example", 443), "deploy", Secret("t"), "a test")
    file = tmp_path / "repos.toml"
    named = open_forge(
        "manifest", ForgeContext("list", Transport(), file=file, credential=credential)
    )
    assert named.git_username == "deploy"


def test_an_empty_manifest_is_complete(tmp_path):
    assert manifest(tmp_path, "version = 1\n").list_repos().repos == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = 1\nrepos = [", "not valid TOML"),
        ("repos = []", "version"),
        ("version = 2", "reads version 1"),
        ('version = 1\nrepo = "x"', "not as it should be"),
        ('version = 1\nurls = ["https://a.example/x/y"]', "urls"),
        ('version = 1\n[[repo]]\nname = "a/b"', "url"),
        ('version = 1\n[[repo]]\nurl = "https://a.example/x/y"\nbranch = "m"', "branch"),
        (b'version = 1\nrepos = ["\xff"]', "UTF-8"),
        ("version = " + "[" * 50_000, "not valid TOML"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, text, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        manifest(tmp_path, text).list_repos()
    assert "repos.toml" in str(caught.value)
    assert caught.value.advice
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "entry",
    [
        'url = "http://a.example/x/y"',
        'url = "file:///etc/passwd"',
        'url = "ext::sh -c id"',
        'url = "/srv/git/x.git"',
        'url = "https://a.example/../x"',
        'url = "https://a.example/-x/y"',
        'url = "https://u:p@a.example/x/y"',
        'url = "https://a.example/1/2/3/4.git"',
        'url = "https://a.example/x/y"\nname = "y"',
        'url = "https://a.example/x/y"\nname = "../y"',
        'url = "https://a.example/x/y"\nname = "a/b/c/d"',
        'url = "https://a.example/x/y"\ndefault_branch = "--upload-pack"',
    ],
)
def test_a_bad_entry_is_refused_with_its_line(tmp_path, entry):
    good = '[[repo]]\nurl = "https://a.example/good/one"\n'
    with pytest.raises(ConfigurationError, match="line 5") as caught:
        manifest(tmp_path, f"version = 1\n{good}[[repo]]\n{entry}\n").list_repos()
    assert "u:p@" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_repository_twice_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="names the same repository as"):
        manifest(
            tmp_path,
            'version = 1\nrepos = ["https://a.example/x/y", "https://A.example/x/y.git"]',
        ).list_repos()


def test_a_missing_file_is_named(tmp_path):
    forge = open_forge("manifest", ForgeContext("list", Transport(), file=tmp_path / "none.toml"))
    with pytest.raises(ConfigurationError, match=r"none\.toml cannot be read"):
        forge.list_repos()


def test_a_source_without_a_file_is_told_to_name_one():
    with pytest.raises(ConfigurationError, match="names no manifest"):
        open_forge("manifest", ForgeContext("list", Transport()))


def test_an_enormous_file_is_refused(tmp_path):
    text = "version = 1\n" + "#" * (9 * 1024 * 1024)
    with pytest.raises(ConfigurationError, match="larger than 8 MiB"):
        manifest(tmp_path, text).list_repos()


def test_topics_are_given_to_select_by(tmp_path):
    text = """
        version = 1
        [[repo]]
        url = "https://git.example.com/team/tool.git"
        topics = ["cli", "legacy"]
        """
    (repo,) = manifest(tmp_path, text).list_repos().repos
    assert repo.topics == ("cli", "legacy")
