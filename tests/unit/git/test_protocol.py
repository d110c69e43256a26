"""Packets, advertisements and files from others: whole and well formed, or refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import ForgeError
from mgit.git.advertisement import ls_refs_request, parse_advertisement, parse_ls_refs
from mgit.git.pktline import DELIMITER, FLUSH, MAX_PAYLOAD, Packet, Special, decode, encode
from mgit.model import RefSnapshot

A, B = "a" * 40, "b" * 40
packets = st.lists(st.one_of(st.binary(max_size=300), st.sampled_from(Special)))


@given(packets)
def test_what_is_encoded_comes_back(written: list[Packet]) -> None:
    assert list(decode(encode(written))) == written


@given(st.binary(max_size=200))
def test_anything_else_is_refused_and_never_crashes(data: bytes) -> None:
    with contextlib.suppress(ForgeError):
        assert encode(decode(data)).lower() == data.lower()


@pytest.mark.parametrize(
    "data", [b"0", b"000", b"0003", b"+00a", b"0x0a", b" 00a", b"0005", b"fff1"]
)
def test_broken_packets(data: bytes) -> None:
    with pytest.raises(ForgeError):
        list(decode(data))


def test_packets_have_a_limit() -> None:
    assert len(encode([b"x" * MAX_PAYLOAD])) == 65520
    with pytest.raises(ValueError, match="too long"):
        encode([b"x" * (MAX_PAYLOAD + 1)])


def test_the_request_asks_for_branches_and_tags_only() -> None:
    request = list(decode(ls_refs_request("sha1", "mgit/1")))
    assert request == [
        b"command=ls-refs\n",
        b"agent=mgit/1\n",
        DELIMITER,
        b"symrefs\n",
        b"ref-prefix HEAD\n",
        b"ref-prefix refs/heads/\n",
        b"ref-prefix refs/tags/\n",
        FLUSH,
    ]
    assert b"object-format=sha256\n" in list(decode(ls_refs_request("sha256", "mgit/1")))


def lines(*texts: str) -> list[Packet]:
    return [*(text.encode() for text in texts), FLUSH]


def test_ls_refs() -> None:
    answer = lines(
        f"{A} HEAD symref-target:refs/heads/main\n",
        f"{A} refs/heads/main\n",
        f"{B} refs/tags/v1 peeled:{A}\n",
        f"{B} refs/pull/1/head\n",
        f"{B} refs/heads/HEAD\n",
    )
    refs = {"refs/heads/main": A, "refs/tags/v1": B}
    assert parse_ls_refs(answer) == RefSnapshot(refs, "refs/heads/main")


@pytest.mark.parametrize(
    "first",
    [
        "unborn HEAD symref-target:refs/heads/main\n",
        f"{A} HEAD symref-target:refs/heads/x\n",
        f"{A} HEAD\n",
    ],
)
def test_a_head_that_points_nowhere_is_unknown(first: str) -> None:
    assert parse_ls_refs(lines(first)) == RefSnapshot({}, None)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [b"x"],
        [DELIMITER],
        [FLUSH, FLUSH],
        lines("ERR access denied\n"),
        lines("not-an-oid refs/heads/main\n"),
        lines(f"{A[:-1]} refs/heads/main\n"),
        lines(f"{A} refs/heads/../main\n"),
        lines(f"{A} refs/heads/a\x01b\n"),
        lines(f"{A} refs/heads/a.lock\n"),
        lines(f"{A} refs/tags/.hidden\n"),
    ],
)
def test_ls_refs_that_are_not_believed(answer: list[Packet]) -> None:
    with pytest.raises(ForgeError) as caught:
        parse_ls_refs(answer)
    assert caught.value.message.isprintable()


SERVICE: list[Packet] = [b"# service=git-upload-pack\n", FLUSH]


@pytest.mark.parametrize("prefix", [SERVICE, []])
@pytest.mark.parametrize("version", [0, 1])
def test_the_old_advertisement(prefix: list[Packet], version: int) -> None:
    told = parse_advertisement(
        [
            *prefix,
            *([b"version 1\n"] if version else []),
            f"{A} HEAD\0multi_ack symref=HEAD:refs/heads/main object-format=sha1\n".encode(),
            f"{A} refs/heads/main\n".encode(),
            f"{B} refs/tags/v1\n".encode(),
            f"{A} refs/tags/v1^{{}}\n".encode(),
            FLUSH,
        ]
    )
    assert told.version == version
    refs = {"refs/heads/main": A, "refs/tags/v1": B}
    assert told.snapshot == RefSnapshot(refs, "refs/heads/main")


def test_the_old_advertisement_of_an_empty_repository() -> None:
    told = parse_advertisement(
        [*SERVICE, f"{'0' * 40} capabilities^{{}}\0agent=x\n".encode(), FLUSH]
    )
    assert told.snapshot == RefSnapshot({}, None)


def test_capabilities_of_protocol_2() -> None:
    told = parse_advertisement([b"version 2\n", b"ls-refs\n", b"object-format=sha256\n", FLUSH])
    assert (told.version, told.object_format, told.snapshot) == (2, "sha256", None)


@pytest.mark.parametrize("answer", [[], SERVICE, [*SERVICE, FLUSH], [b"<html>"], lines("ERR no\n")])
def test_advertisements_that_are_not_believed(answer: list[Packet]) -> None:
    with pytest.raises(ForgeError):
        parse_advertisement(answer)


@given(packets)
def test_no_answer_crashes_the_readers(answer: list[Packet]) -> None:
    for read in (parse_ls_refs, parse_advertisement):
        with contextlib.suppress(ForgeError):
            read(answer)
