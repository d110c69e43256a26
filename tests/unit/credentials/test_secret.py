"""A secret does not show itself."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import traceback
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import Origin, parse_origin
from mgit.credentials import Credential, CredentialBook, Redactor, Secret
from mgit.errors import InvalidInput
from mgit.text import escape_untrusted

CANARY = "canary+token/4711"
GITHUB = parse_origin("https://github.com")


def credential(origin: Origin = GITHUB, secret: str = CANARY) -> Credential:
    return Credential(origin, "x-access-token", Secret(secret), "test")


def test_it_is_not_printed_formatted_pickled_or_copied() -> None:
    secret = Secret(CANARY)
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>5}",
        repr(credential()),
        str([secret]),
    ]
    assert not any(CANARY in text for text in shown)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert secret.reveal() == CANARY


def test_it_is_not_in_a_traceback() -> None:
    try:
        raise ValueError(credential())
    except ValueError:
        assert CANARY not in traceback.format_exc()


def test_equality() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("another")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY)}) == 1


@pytest.mark.parametrize("text", ["", " x", "x\n", "a\x00b", "a\nb", "x" * 9000, "\x1b[31m"])
def test_what_no_token_looks_like_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Secret(text)
    assert text == "" or text not in caught.value.message


def test_white_space_around_it_goes() -> None:
    assert Secret.from_text(f"  {CANARY}\n").reveal() == CANARY


@pytest.mark.parametrize(
    "other",
    ["https://github.com:8443", "http://127.0.0.1", "https://api.github.com", "ssh://github.com"],
)
def test_a_credential_belongs_to_exactly_one_origin(other: str) -> None:
    book = CredentialBook([credential()])
    assert book.for_origin(parse_origin("https://GitHub.com:443/acme")) == credential()
    assert book.for_origin(parse_origin(other)) is None


def test_a_credential_lent_to_the_git_host_of_the_same_forge() -> None:
    api = credential(parse_origin("https://api.github.com"))
    assert api.at(GITHUB, "git") == Credential(GITHUB, "git", api.secret, "test")


def test_every_form_of_a_secret_is_taken_out() -> None:
    redactor = Redactor([credential()])
    basic = base64.b64encode(f"x-access-token:{CANARY}".encode()).decode()
    for text in (
        CANARY,
        quote(CANARY, safe=""),
        f"https://x-access-token:{quote(CANARY, safe='')}@github.com/a",
        f"Authorization: Basic {basic}",
        base64.b64encode(CANARY.encode()).decode(),
    ):
        assert redactor.holds_secret(text)
        cleaned = redactor.clean(f"before {text} after")
        assert "***" in cleaned
        assert not redactor.holds_secret(cleaned)
        assert CANARY not in cleaned
    assert redactor.clean("nothing here") == "nothing here"
    assert CANARY not in repr(redactor)


def test_the_longest_secret_goes_first() -> None:
    redactor = Redactor([Secret("abcd"), Secret("abcdefgh")])
    assert redactor.clean("x abcdefgh y") == "x *** y"


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=4), st.text(), st.text())
def test_no_text_keeps_a_secret(secret: str, before: str, after: str) -> None:
    if set(secret) == {"*"}:
        return
    cleaned = Redactor([Secret(secret)]).clean(before + secret + after)
    assert secret not in cleaned.replace("***", "\0")


@given(st.text())
def test_escaped_text_is_one_harmless_line(text: str) -> None:
    escaped = escape_untrusted(text)
    assert len(escaped.splitlines()) <= 1
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in escaped)
    assert not any(
        character in escaped for character in "\u202a\u202b\u202e\u2066\u2069\u200b\ufeff"
    )
    escaped.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grüße, 世界 🙂", "Grüße, 世界 🙂"),
        ("a\x1b[31mb", r"a\e[31mb"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("line\nbreak\tand\r", r"line\nbreak\tand\r"),
        (b"\xff\x9b".decode("utf-8", "surrogateescape"), r"\xff\x9b"),
        ("\x9b31m", r"\x9b31m"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_escaping(text: str, expected: str) -> None:
    assert escape_untrusted(text) == expected
    assert escape_untrusted("x" * 50, limit=10) == "x" * 9 + "…"
