"""The quick readers of refs say what the careful ones say, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import ForgeError
from mgit.git import quick
from mgit.git.advertisement import parse_ls_refs, read_ls_refs
from mgit.git.disk import parse_packed
from mgit.git.pktline import FLUSH, MAX_PACKET, decode, encode
from mgit.model import RefSnapshot

A, B = "a" * 40, "b" * 40


def answer(*lines: str) -> bytes:
    return encode([*(f"{line}\n".encode() for line in lines), FLUSH])


PLAIN = answer(
    f"{A} HEAD symref-target:refs/heads/main",
    f"{B} refs/heads/HEAD",
    f"{A} refs/heads/main",
    f"{B} refs/heads/topic/a-b_c+d#1,e=@",
    f"{B} refs/tags/v1.0.0",
)


def test_a_plain_answer_is_read_at_once() -> None:
    assert quick.ls_refs(PLAIN) == RefSnapshot(
        {
            "refs/heads/main": A,
            "refs/heads/topic/a-b_c+d#1,e=@": B,
            "refs/tags/v1.0.0": B,
        },
        "refs/heads/main",
    )
    assert quick.ls_refs(answer()) == RefSnapshot({}, None)
    assert quick.ls_refs(answer(f"{A} HEAD", f"{A} refs/tags/v1")) == RefSnapshot(
        {"refs/tags/v1": A}, None
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"0000",
        PLAIN[:-4],
        PLAIN[:-1],
        PLAIN + b"0000",
        b"0000" + PLAIN,
        b"0001" + PLAIN,
        PLAIN.replace(b"refs/heads/main\n", b"refs/heads/main\n\n"),
        answer(f"{A} refs/heads/a..b"),
        answer(f"{A} refs/heads/a.lock/b"),
        answer(f"{A} refs/heads/.a"),
        answer(f"{A} refs/heads/a."),
        answer(f"{A} refs/heads/@{{x}}"),
        answer(f"{A} refs/heads/größe"),
        answer(f"{A} refs/heads/a b"),
        answer(f"{A} refs/pull/1/head"),
        answer("unborn HEAD symref-target:refs/heads/main"),
        answer(f"{A} refs/heads/s symref-target:refs/heads/main", f"{A} refs/heads/main"),
        answer(f"{A * 2}{A[:24]} refs/heads/main"),
        answer(f"{A[:64]} refs/heads/main"),
        answer("ERR access denied"),
        f"{MAX_PACKET + 4:04x}{A} refs/heads/{'n' * (MAX_PACKET - 53)}\n0000".encode(),
        answer(f"{A} refs/heads/main").replace(b"003d", b"003D"),
        answer(f"{A} refs/heads/main").replace(b"003d", b"003c"),
    ],
)
def test_what_is_not_plain_is_read_with_care(body: bytes) -> None:
    assert said(body) == said_with_care(body)


names = st.one_of(
    st.sampled_from(["HEAD", "refs/heads/main", "refs/heads/a.lock", "refs/tags/v1", "refs/x"]),
    st.text("abAB019._-/@{#~ \u00e9\n", max_size=12).map(lambda text: f"refs/heads/{text}"),
)
attributes = st.sampled_from(["", "", "", " symref-target:refs/heads/main", " peeled:" + B])
oids = st.sampled_from([A, A, B, A * 2, A[:-1], B.upper()])
bodies = st.lists(st.builds("{} {}{}".format, oids, names, attributes), max_size=6).map(
    lambda lines: answer(*lines)
)


@given(bodies, st.integers(0, 400), st.binary(max_size=2))
def test_both_readers_say_the_same(body: bytes, at: int, inserted: bytes) -> None:
    for whole in (body, body[:at] + inserted + body[at + 1 :]):
        assert said(whole) == said_with_care(whole)


packed_lines = st.one_of(
    st.builds("{} {}".format, oids, st.text("refs/hdtg^# \r\u00e9.", max_size=12)),
    st.builds("{} refs/heads/{}".format, oids, st.text("ab/ ^#", max_size=6)),
    st.sampled_from(["# pack-refs with: peeled fully-peeled sorted", f"^{A}", "", "#", "^", " "]),
)


@given(st.lists(packed_lines, max_size=6), st.booleans())
def test_packed_refs_are_the_same(lines: list[str], ended: bool) -> None:
    text = "\n".join(lines) + ("\n" if ended else "")
    known = quick.packed_refs(text)
    if known is not None:
        assert known == parse_packed(text)


def test_packed_refs_as_git_writes_them_are_read_at_once() -> None:
    text = f"# pack-refs with: peeled\n{A} refs/heads/main\n{B} refs/tags/v1\n^{A}\n"
    assert quick.packed_refs(text) == {"refs/heads/main": A, "refs/tags/v1": B}
    assert quick.packed_refs("") == {}


def said(body: bytes) -> RefSnapshot | str:
    try:
        return read_ls_refs(body)
    except ForgeError as error:
        return error.message


def said_with_care(body: bytes) -> RefSnapshot | str:
    try:
        return parse_ls_refs(decode(body))
    except ForgeError as error:
        return error.message
