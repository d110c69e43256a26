"""What git and its servers say, and what is in a git directory: read, or refused in words."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st

from mgit.errors import ForgeError, GitError, InvalidInput, RepositoryBroken
from mgit.git import quick
from mgit.git.advertisement import parse_advertisement, parse_ls_refs
from mgit.git.disk import NotPlain, read_refs
from mgit.git.identity import read_identity
from mgit.git.inspect import parse_listed_refs, parse_status
from mgit.git.pktline import FLUSH, Packet, decode, encode
from mgit.git.refs import parse_ls_remote
from mgit.git.reftable import read_table
from mgit.git.staged import read_index
from mgit.model import RefSnapshot
from tests.fuzz.support import byte_pieces, changed, fuzz

OID = b"0123456789abcdef0123456789abcdef01234567"
LINES = byte_pieces(
    OID, b" ", b"HEAD", b"refs/heads/main", b"refs/tags/v1", b"symref-target:", b"^{}", b"\n", b"\0",
    b"version 2", b"version 1", b"# service=git-upload-pack\n", b"ERR ", b"shallow ",
    b"object-format=sha256", b"symref=HEAD:", b"capabilities^{}", b"\xe2\x80\xa8", b"peeled:",
)  # fmt: skip
PACKETS: st.SearchStrategy[list[Packet]] = st.lists(LINES | st.just(FLUSH), max_size=6)
SOUND = encode(
    [
        OID + b" HEAD symref-target:refs/heads/main\n",
        OID + b" refs/heads/main\n",
        OID + b" refs/tags/v1 peeled:" + OID + b"\n",
        FLUSH,
    ]
)
TABLES = sorted((Path(__file__).parents[1] / "data" / "reftable").rglob("*.ref"))


def _fine(refs: RefSnapshot) -> None:
    for name, oid in refs.refs.items():
        assert name.startswith(("refs/heads/", "refs/tags/"))
        assert ".." not in name
        assert len(oid) in (40, 64)
        assert set(oid) <= set("0123456789abcdef")
    assert refs.head is None or refs.head in refs.refs


@fuzz(st.lists(st.binary(max_size=70) | st.just(FLUSH), max_size=9))
def test_packets_come_back_as_they_were_written(packets: list[Packet]) -> None:
    assert list(decode(encode(packets))) == packets


@fuzz(byte_pieces(b"0000", b"0001", b"0002", b"0003", b"0004", b"0005a", b"fff0", b"ffff", b"+00a"))
def test_whatever_is_no_packet_is_refused(data: bytes) -> None:
    with suppress(ForgeError):
        list(decode(data))


@fuzz(PACKETS)
def test_an_advertisement_is_read_or_refused(packets: list[Packet]) -> None:
    for parse in (parse_ls_refs, lambda found: parse_advertisement(found).snapshot):
        with suppress(ForgeError):
            refs = parse(packets)
            if refs is not None:
                _fine(refs)


@fuzz(changed(st.just(SOUND)))
def test_the_quick_reader_of_an_answer_never_differs_from_the_careful_one(body: bytes) -> None:
    if (known := quick.ls_refs(body)) is not None:
        assert known == parse_ls_refs(decode(body))
        _fine(known)


@fuzz(LINES)
def test_what_ls_remote_prints_is_read_or_refused(output: bytes) -> None:
    with suppress(ForgeError):
        _fine(parse_ls_remote(output.replace(b" ", b"\t")))


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x0b", "\x1c"])
def test_a_name_that_looks_like_a_line_break_is_one_name(odd: str) -> None:
    name = f"refs/heads/a{odd}b"
    output = f"{OID.decode()}\t{name}\n".encode()
    if odd.isascii():  # git has no such names
        with pytest.raises(ForgeError):
            parse_ls_remote(output)
    else:
        assert list(parse_ls_remote(output).refs) == [name]
        assert parse_listed_refs(f"{OID.decode()} {name} \n".encode())[0] == {name: OID.decode()}


@fuzz(byte_pieces(OID, b" ", b"refs/heads/main", b"\n", b"\xc2\x85", b"refs/remotes/origin/HEAD"))
def test_what_for_each_ref_prints_is_read_or_refused(output: bytes) -> None:
    with suppress(GitError):
        parse_listed_refs(output)


@fuzz(
    byte_pieces(
        b"# branch.head main\0", b"# branch.oid ", OID, b"\0", b"# branch.ab +1 -2\0", b"# stash 3\0",
        b"# branch.ab ", b"# stash ", b"+", b"-", b"1 ", b"2 ", b"u ", b"? ", b"! ",
    )
)  # fmt: skip
def test_what_status_prints_is_read_or_refused(output: bytes) -> None:
    with suppress(GitError):
        parse_status(output)


@fuzz(changed(st.sampled_from([table.read_bytes() for table in TABLES])))
def test_a_reftable_is_read_or_called_damaged(table: bytes) -> None:
    with suppress(RepositoryBroken):
        for record in read_table(table):
            assert record.name == record.name.strip("\0") or record.name


@fuzz(
    data=byte_pieces(
        b"REFT\1", b"REFT\2", b"s256", b"r\0\0\x20", b"\0\0\0", b"\x80\x80", b"\x11main"
    )
)
def test_what_is_hardly_a_reftable_is_refused(data: bytes) -> None:
    with suppress(RepositoryBroken):
        list(read_table(_sealed(data)))


def _sealed(data: bytes) -> bytes:
    """With a footer that fits, so that the blocks are looked at."""
    import zlib

    content = (b"REFT\1" + data).ljust(24, b"\0")
    footer = content[:24] + b"\0" * 40
    return content + footer + struct.pack(">I", zlib.crc32(footer))


REFS = byte_pieces(
    OID,
    b" ",
    b"\n",
    b"ref: ",
    b"refs/heads/main",
    b"refs/tags/v1",
    b"^",
    b"# pack-refs with: peeled\n",
)


@fuzz(head=REFS, packed=REFS, loose=REFS)
def test_the_refs_of_a_folder_are_read_or_called_damaged(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, packed: bytes, loose: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "refs.git"
    (folder / "refs" / "heads").mkdir(parents=True, exist_ok=True)
    (folder / "HEAD").write_bytes(head)
    (folder / "packed-refs").write_bytes(packed)
    (folder / "refs" / "heads" / "main").write_bytes(loose)
    with suppress(RepositoryBroken, NotPlain):
        read_refs(folder)


@fuzz(
    changed(
        st.just(
            b'{"version":1,"forge":"git.test","id":"1","source":"work","path":["acme","app"],'
            b'"url":"https://git.test/acme/app.git","options":{"depth":3,"filter":"blob:none"}}'
        )
    )
)
def test_an_identity_is_read_or_called_malformed(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "mgit.json").write_bytes(content)
    with suppress(RepositoryBroken, InvalidInput):
        read_identity(folder)


def _index(name: bytes) -> bytes:
    entry = struct.pack(">10I20sH", 1, 0, 1, 0, 1, 1, 0o100644, 0, 0, 3, b"x" * 20, len(name))
    entry += name + b"\0" * (8 - (62 + len(name)) % 8)
    tree = b"\0001 0\n" + b"y" * 20
    return (
        b"DIRC" + struct.pack(">II", 2, 1) + entry + b"TREE" + struct.pack(">I", len(tree)) + tree
    )


@fuzz(changed(st.just(_index(b"a/file") + b"z" * 20)))
def test_an_index_is_read_or_left_to_git(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "index"
    file.write_bytes(content)
    read_index(str(file))
