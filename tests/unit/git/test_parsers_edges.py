"""Binary files of git's, cut or changed at the one place that counts: each is told apart."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from mgit.errors import RepositoryBroken
from mgit.git.commits import tree_of
from mgit.git.reftable import read_table
from mgit.git.staged import read_index

EMPTY_BLOB = bytes.fromhex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")


def _table(version: bytes = b"\x01", blocks: bytes = b"", hash_: bytes = b"") -> bytes:
    """A reftable with these reference blocks."""
    head = b"REFT" + version + b"\0\0\0" + bytes(16) + hash_
    footer = head + bytes(40)
    return head + blocks + footer + struct.pack(">I", zlib.crc32(footer))


def _block(records: bytes, first: int = 24) -> bytes:
    length = first + 4 + len(records) + 2
    return b"r" + length.to_bytes(3, "big") + records + b"\0\0"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "does not begin like one"),
        (b"REFT\x03", "does not begin like one"),
        (b"REFT\x01" + bytes(30), "is cut short"),
        (_table()[:-70] + b"x" + _table()[-69:], "does not fit its beginning"),
        (_table()[:-1] + b"x", "does not match its checksum"),
        (_table(b"\x02", hash_=b"md5 "), "a hash that this mgit does not know"),
        (_table(blocks=b"r\xff\xff\xff"), "block of the wrong length"),
        (_table(blocks=b"r\0\0\x1e\xff\xff"), "without room for its records"),
        (_table(blocks=_block(b"\x01\x09x")), "record of the wrong length"),
        (_table(blocks=_block(b"\0\x0cx\0")), "unknown type 4"),
        (_table(blocks=_block(b"\0\x09x\0")), "does not end in its block"),
        (_table(blocks=_block(b"\xff" * 12)), "number out of range"),
    ],
)
def test_each_way_in_which_a_reftable_is_damaged(content: bytes, says: str) -> None:
    with pytest.raises(RepositoryBroken, match=says):
        list(read_table(content))


def test_a_small_table_is_read() -> None:
    record = b"\0" + bytes([4 << 3 | 3]) + b"HEAD" + b"\0" + b"\x0frefs/heads/main"
    (found,) = read_table(_table(blocks=_block(record)))
    assert (found.name, found.target) == ("HEAD", "refs/heads/main")


def _entry(name: bytes = b"file", mode: int = 0o100644, flags: int = 0, size: int = 3) -> bytes:
    entry = struct.pack(">10I20sH", 1, 0, 1, 0, 1, 1, mode, 0, 0, size, b"x" * 20, flags)
    entry += name
    return entry + b"\0" * (8 - len(entry) % 8)


def _index(*parts: bytes, version: int = 2, count: int = 1) -> bytes:
    return b"DIRC" + struct.pack(">II", version, count) + b"".join(parts) + b"z" * 20


def _tree(count: bytes = b"1", begin: bytes = b"\0", oid: bytes = b"t" * 20) -> bytes:
    body = begin + count + b" 0\n" + oid
    return b"TREE" + struct.pack(">I", len(body)) + body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"DIRC" + bytes(10),
        _index(_entry(), _tree(), version=4),
        _index(_entry(flags=0x8000), _tree()),
        _index(_entry(flags=0x1000), _tree()),
        _index(_entry(mode=0o160000), _tree()),
        _index(_entry(size=0), _tree()),
        _index(_entry(), _tree(), count=3),
        _index(_entry()),
        _index(_entry(), b"link" + struct.pack(">I", 0)),
        _index(_entry(), b"TREE" + struct.pack(">I", 9000)),
        _index(_entry(), b"TRE"),
        _index(_entry(), _tree(count=b"2")),
        _index(_entry(), _tree(begin=b"x")),
        _index(_entry(), _tree(oid=b"short")),
    ],
)
def test_an_index_that_is_not_plain_is_left_to_git(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "index"
    file.write_bytes(content)
    assert read_index(str(file)) is None


def test_a_plain_index_is_read(tmp_path: Path) -> None:
    file = tmp_path / "index"
    file.write_bytes(_index(_entry(), b"REUC" + struct.pack(">I", 0), _tree()))
    staged = read_index(str(file))
    assert staged is not None
    assert list(staged.stats) == [b"file"]
    assert staged.tree == (b"t" * 20).hex()


def _pack(folder: Path, kind: int, content: bytes) -> None:
    """A pack of one object called 0101…, and its index."""
    packs = folder / "objects" / "pack"
    packs.mkdir(parents=True)
    index = b"\xfftOc\x00\x00\x00\x02" + struct.pack(">I", 0) + struct.pack(">I", 1) * 255
    index += b"\x01" * 20 + bytes(4) + struct.pack(">I", 12) + bytes(40)
    (packs / "pack-1.idx").write_bytes(index)
    head = bytes([0x80 | kind << 4 | len(content) & 15, len(content) >> 4])
    (packs / "pack-1.pack").write_bytes(b"PACK" + bytes(8) + head + zlib.compress(content))
    (packs / "pack-1.rev").touch()
    (packs / "tiny.idx").write_bytes(b"x")


@pytest.mark.parametrize(
    ("kind", "content", "tree"),
    [
        (1, b"tree " + b"ab" * 20 + b"\nauthor me\n", "ab" * 20),
        (1, b"nonsense", None),
        (3, b"tree " + b"ab" * 20 + b"\n", None),
    ],
)
def test_the_tree_of_a_commit_in_a_pack(
    tmp_path: Path, kind: int, content: bytes, tree: str | None
) -> None:
    _pack(tmp_path, kind, content)
    assert tree_of(str(tmp_path), "01" * 20) == tree
    assert tree_of(str(tmp_path), "02" * 20) is None
    assert tree_of(str(tmp_path), "00" * 20) is None


def test_the_tree_of_a_loose_commit_and_of_what_is_none(tmp_path: Path) -> None:
    loose = tmp_path / "objects" / "ab"
    loose.mkdir(parents=True)
    commit = b"commit 60\0tree " + b"cd" * 20 + b"\n"
    (loose / ("0" * 38)).write_bytes(zlib.compress(commit))
    (loose / ("1" * 38)).write_bytes(zlib.compress(b"blob 3\0abc"))
    (loose / ("2" * 38)).write_bytes(b"rotten")
    assert tree_of(str(tmp_path), "ab" + "0" * 38) == "cd" * 20
    assert tree_of(str(tmp_path), "ab" + "1" * 38) is None
    assert tree_of(str(tmp_path), "ab" + "2" * 38) is None
    assert tree_of(str(tmp_path), "ab" + "3" * 38) is None
