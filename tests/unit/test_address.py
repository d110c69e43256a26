"""Addresses: what git may be given, and what is turned away at the edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import CloneUrl, Origin, parse_clone_url, parse_origin
from mgit.errors import InvalidInput

NAMES = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")) | st.just(" "), min_size=1
).filter(
    lambda name: (
        name.strip("/") == name
        and "/" not in name
        and name not in {".", ".."}
        and not name.startswith("-")
        and name.isprintable()
    )
)


def test_a_usual_address_is_taken_apart_and_put_together_again() -> None:
    url = parse_clone_url("https://GitHub.com/acme/app.git")
    assert url == CloneUrl(Origin("https", "github.com", 443), "acme/app.git")
    assert str(url) == "https://github.com/acme/app.git"


def test_the_default_port_and_a_written_one_are_the_same_origin() -> None:
    assert parse_origin("https://git.acme.test:443/x") == parse_origin("https://git.acme.test")
    assert parse_origin("https://git.acme.test:8443").authority == "git.acme.test:8443"


def test_a_callers_name_in_the_url_is_dropped() -> None:
    assert str(parse_clone_url("https://jane@bitbucket.org/acme/app")) == (
        "https://bitbucket.org/acme/app"
    )


def test_ssh_keeps_its_user_and_gets_git_without_one() -> None:
    assert str(parse_clone_url("ssh://acme@git.test:7999/a/b")) == "ssh://acme@git.test:7999/a/b"
    assert parse_clone_url("ssh://git.test/a/b").user == "git"


def test_ipv6_goes_back_into_its_brackets() -> None:
    assert str(parse_clone_url("http://[::1]:8080/a/b")) == "http://[::1]:8080/a/b"


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "file:///etc/passwd",
        "/etc/passwd",
        "../x",
        "https:/host/x",
        "https:host/x",
        "https:///x/y",
        "https://user:secret@host.test/x/y",
        "https://host.test/x/y?token=a",
        "https://host.test/x/y#frag",
        "https://host.test/",
        "https://host.test/a/../b",
        "https://host.test/a/%2e%2e/b",
        "https://host.test/a//b",
        "https://host.test/-x/y",
        "https://host.test/a/%0ab",
        "https://host.test/a b",
        "https://host.test/a\\b",
        "https://host.test:99999/a/b",
        "https://host..test/a/b",
        "https://-host.test/a/b",
        "https://host.test\n/a/b",
        "https://ho\u202est.test/a/b",
        "http://host.test/a/b",
        "ssh://-oProxyCommand=id@host.test/a/b",
        "git@host.test:a/b",
        "https://" + "a" * 3000,
    ],
)
def test_what_git_could_misread_is_refused_in_one_line(hostile: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_clone_url(hostile)
    assert "\n" not in caught.value.message
    assert caught.value.message.isprintable()


def test_a_refusal_does_not_repeat_the_password() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_clone_url("https://jane:hunter2@host.test/a/b")
    assert "hunter2" not in caught.value.message


def test_plain_http_is_for_this_machine_only() -> None:
    assert parse_clone_url("http://127.0.0.1:3000/a/b").origin.is_loopback
    assert parse_clone_url("http://localhost:3000/a/b").origin.is_loopback


@given(owner=NAMES, name=NAMES)
def test_any_name_survives_the_way_out_and_back(owner: str, name: str) -> None:
    url = CloneUrl(Origin("https", "git.test", 443), f"{owner}/{name}")
    assert parse_clone_url(str(url)) == url


@given(st.text())
def test_any_text_is_parsed_or_refused_never_a_crash(text: str) -> None:
    try:
        url = parse_clone_url(text)
    except InvalidInput:
        return
    assert parse_clone_url(str(url)) == url
