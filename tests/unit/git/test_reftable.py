"""Refs that git keeps in reftables are read as git itself reads them, without it."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import GitError, RepositoryBroken
from mgit.git.disk import read_refs
from mgit.git.inspect import inspect_worktree, read_local
from mgit.git.reftable import Record, read_stack, read_table
from mgit.git.words import failure
from tests.unit.git.test_disk import RUNNER
from tests.unit.git.world import commit, git

DATA = Path(__file__).parents[2] / "data" / "reftable"


@pytest.fixture(params=["sha1", "sha256"])
def git_dir(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A git directory around the tables that git 2.47 wrote."""
    git_dir = tmp_path / "clone" / ".git"
    (git_dir / "refs").mkdir(parents=True)
    (git_dir / "refs/heads").write_text("this repository uses the reftable format\n")
    (git_dir / "HEAD").write_text("ref: refs/heads/.invalid\n")
    (git_dir / "objects").mkdir()
    shutil.copytree(DATA / request.param, git_dir / "reftable")
    return git_dir


def told_by_git(git_dir: Path) -> tuple[dict[str, str], dict[str, str]]:
    lines = (git_dir / "reftable/refs.txt").read_text().splitlines()
    rows = [line.split(" ") for line in lines]
    refs = {row[0]: row[1] for row in rows}
    return refs, {row[0]: row[2] for row in rows if row[2]}


def test_they_say_what_git_says(git_dir: Path) -> None:
    refs, symbolic = told_by_git(git_dir)

    disk = read_refs(git_dir)

    assert disk.refs == refs
    assert len(refs) > 400
    assert disk.symbolic == symbolic | {"HEAD": "refs/heads/main"}
    assert disk.head_oid == refs["refs/heads/main"]
    local = read_local(git_dir.parent.parent, "clone")
    assert (local.broken, local.head_branch) == ("", "main")
    assert local.refs.refs["refs/heads/main"] == refs["refs/heads/main"]


def test_damage_is_seen(git_dir: Path) -> None:
    stack = git_dir / "reftable"
    first = stack / (stack / "tables.list").read_text().split("\n")[0]
    whole = first.read_bytes()
    for damaged in (
        b"",
        whole[:100],
        whole[:-1],
        b"X" + whole[1:],
        whole[:4] + b"\x09" + whole[5:],
    ):
        first.write_bytes(damaged)
        with pytest.raises(RepositoryBroken):
            read_refs(git_dir)
    first.unlink()
    with pytest.raises(RepositoryBroken, match="is missing"):
        read_refs(git_dir)
    (stack / "tables.list").write_text("../../../etc/passwd\n")
    with pytest.raises(RepositoryBroken, match="names"):
        read_stack(stack)
    assert read_local(git_dir.parent.parent, "clone").broken != ""


def test_a_git_that_is_too_old_says_what_to_do(tmp_path: Path) -> None:
    """Any extension that no git knows, in place of one that only some do."""
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "one.txt")
    config = tmp_path / ".git/config"
    text = config.read_text().replace("repositoryformatversion = 0", "repositoryformatversion = 1")
    config.write_text(f"{text}[extensions]\n\trefLayout = unheard-of\n")
    with pytest.raises(GitError) as caught:
        inspect_worktree(RUNNER, tmp_path)
    assert "install a newer" in caught.value.advice
    assert (
        "install a newer"
        in failure("git x", "fatal: unknown repository extension found:", 1).advice
    )


# What the specification says, the other way round: only for tests.


def varint(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        value -= 1
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


def table(records: list[Record], size: int, hash_name: bytes) -> bytes:
    header = b"REFT" + (b"\x02" if hash_name == b"s256" else b"\x01") + size.to_bytes(3, "big")
    header += (1).to_bytes(8, "big") * 2 + (hash_name if hash_name == b"s256" else b"")
    content, block, last = bytearray(header), bytearray(b"r\0\0\0"), b""
    start, first = 0, 0

    def close() -> None:
        nonlocal start
        tail = first.to_bytes(3, "big") + (1).to_bytes(2, "big")
        length = len(content) - start + len(block) + len(tail)
        block[1:4] = length.to_bytes(3, "big")
        content.extend(block + tail)
        if size:
            content.extend(bytes(max(0, start + size - len(content))))
        start = len(content)

    first = len(content) + 4
    for record in records:
        written, plain = encoded(record, last)
        full = len(content) - start + len(block) + len(written) + 5 > (size or 200)
        if full and len(block) > 4:
            close()
            block, first = bytearray(b"r\0\0\0"), 4
            written, plain = encoded(record, b"")
        block.extend(written)
        last = plain
    if records:
        close()
    footer = header + bytes(40)
    return bytes(content) + footer + zlib.crc32(footer).to_bytes(4, "big")


def encoded(record: Record, last: bytes) -> tuple[bytes, bytes]:
    name = record.name.encode("utf-8", "surrogateescape")
    shared = 0
    while shared < min(len(last), len(name)) and last[shared] == name[shared]:
        shared += 1
    kind, value = 0, b""
    if record.target:
        target = record.target.encode("utf-8", "surrogateescape")
        kind, value = 3, varint(len(target)) + target
    elif record.oid:
        kind, value = 1, bytes.fromhex(record.oid)
    suffix = name[shared:]
    return varint(shared) + varint(len(suffix) << 3 | kind) + suffix + varint(0) + value, name


hashes = st.sampled_from([b"sha1", b"s256"])
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(
    names=st.lists(names, max_size=60, unique=True),
    size=st.sampled_from([0, 400, 4096]),
    hash_name=hashes,
    kinds=st.lists(st.sampled_from("dso"), min_size=60, max_size=60),
)
def test_any_table_is_read(names: list[str], size: int, hash_name: bytes, kinds: list[str]) -> None:
    ordered = sorted((f"refs/heads/{name}" for name in names), key=str.encode)
    digits = 64 if hash_name == b"s256" else 40
    records = [
        Record(name, "ab" * (digits // 2) if kind == "o" else "", "refs/x" if kind == "s" else "")
        for name, kind in zip(ordered, kinds, strict=False)
    ]
    assert list(read_table(table(records, size, hash_name))) == records


@given(data=st.data(), hash_name=hashes)
def test_rubbish_is_an_error_and_no_crash(data: st.DataObject, hash_name: bytes) -> None:
    records = [
        Record(f"refs/heads/{n:03}", "00" * (32 if hash_name == b"s256" else 20)) for n in range(9)
    ]
    content = bytearray(table(records, 0, hash_name))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = len(content) - 44 - (28 if hash_name == b"s256" else 24)
    content[end:-4] = bytes(content[: 28 if hash_name == b"s256" else 24]) + content[-44:-4]
    content[-4:] = zlib.crc32(content[end:-4]).to_bytes(4, "big")
    try:
        for record in read_table(bytes(content)):
            assert isinstance(record, Record)
    except RepositoryBroken:
        pass
